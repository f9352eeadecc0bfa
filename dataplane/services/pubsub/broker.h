// Channels and who subscribed to them, on one loop: an event that is published is filtered once and put into the queue of each who wants
// it. The embedded engine: no other node is asked.
//
// Knows no guest: who may do what, and for whom an owner stands, is its caller's. Sizes are bytes. Owned by one thread.
// A filter fits the schema of each channel it is evaluated on. One that fits none of its subscription's channels is refused; of several,
// those whose schema it does not fit are left out, and counted.
//
// Filters have a known worst cost; a channel has those that together stay within kChannelFilterCostMax. What would go over it is refused; a
// pattern's filter leaves out the channels that come later and have no room for it.
//
// Errors: invalid (names, filters, events: in words for the guest), not_found, conflict (a schema that a filter does not fit), exhausted
// (channels, subscriptions: the limits below; an event that is too large).
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "dataplane/filter/compile.h"
#include "dataplane/filter/event_schema.h"
#include "dataplane/filter/index.h"
#include "dataplane/services/pubsub/derivation.h"
#include "dataplane/services/pubsub/queue.h"
#include "dataplane/services/pubsub/rights.h"

namespace vs::pubsub {

inline constexpr std::size_t kChannelsMax = 4096;
inline constexpr std::size_t kSubscriptionsMax = 16'384;
inline constexpr std::size_t kEventBytesMax = 1 << 20;
inline constexpr std::uint64_t kChannelFilterCostMax = 4'000'000;  // ns an event, at worst: of all filters of a channel
inline constexpr std::size_t kDerivedMax = 256;           // derived channels
inline constexpr std::size_t kDerivedDepthMax = 8;        // of channels derived from derived ones
inline constexpr std::size_t kDerivedPerEventMax = 1024;  // events that one event may become, and that may come of time at once
inline constexpr std::size_t kCopiedPayloadMax = 64 << 10;  // larger ones are read in frames where the channel's sharing allows it

enum class SubscriptionId : std::uint64_t {};

struct SubscriptionTerms {
  std::string pattern;
  std::string filter;  // empty: everything
  QueueLimits limits;
  Overflow overflow = Overflow::drop_oldest;
  std::function<bool(std::string_view)> allowed = {};  // which of the pattern's channels; empty: all
  bool retained = false;  // begins with the newest event of each channel that was published before
  bool broadcast = false;  // what is broadcast needs no queue; without a filter
  Adaptation adaptation = {};
  std::uint64_t filter_cost_max = UINT64_MAX;  // of its filter, in ns an event, for a limit that its caller keeps
};

// Of a channel; sizes are bytes.
struct ChannelParameters {
  std::uint32_t event_bytes_max = 0;  // 0: the limit above
  std::uint32_t expires_ms = 0;       // of events that do not say it themselves; 0: never
  bool retained = true;               // the newest event is kept for those who subscribe later
  filter::EventSchema schema = {};
  friend bool operator==(const ChannelParameters&, const ChannelParameters&) = default;
};

struct Published {
  std::uint64_t sequence = 0;
  std::size_t subscribers = 0;  // that it was for
  std::size_t lost = 0;         // of those, whose queue had no room for it
  std::size_t derived = 0;      // events of derived channels that came of it; their subscribers are counted, too
  std::vector<SubscriptionId> ended;  // too slow: unsubscribed by this
};

class Broker {
 public:
  using TimePoint = Event::TimePoint;
  // There is something to take, and there was nothing before. Must not call the broker.
  using OnReady = std::function<void(SubscriptionId)>;

  explicit Broker(OnReady on_ready);

  Result<SubscriptionId> subscribe(SubscriptionTerms terms);
  // In the place of the one there is, which stays when this one is none. What waits already stays.
  Result<> set_filter(SubscriptionId id, std::string_view filter, std::uint64_t cost_max = UINT64_MAX);
  // Of its filter, at worst; 0 when it has none.
  [[nodiscard]] std::uint64_t filter_cost(SubscriptionId id) const;
  Result<> unsubscribe(SubscriptionId id);

  struct Subscription;
  struct Channel {
    std::string name;
    ChannelParameters parameters;
    Sharing sharing = Sharing::only_copies;
    std::uint64_t sequence = 0;
    std::shared_ptr<const Event> newest;  // as long as it is retained
    std::vector<Subscription*> unfiltered;
    std::vector<Subscription*> listening;  // to broadcasts
    std::vector<Subscription*> left_out;  // whose filters do not fit the schema, or cost too much
    std::uint64_t filter_cost = 0;        // of all filters, those of derived channels among them; ns an event, at worst
    std::size_t blocking = 0;  // subscriptions that block their publishers
    filter::FilterIndex filtered;
    std::unique_ptr<Derivation> derivation;  // nullptr: guests publish to it
    std::vector<Channel*> derived;           // those that get its events

    [[nodiscard]] std::size_t subscribers() const { return unfiltered.size() + listening.size() + filtered.size(); }
  };
  // Stays as long as the broker; nullptr: nobody created it.
  [[nodiscard]] Channel* find(std::string_view name);
  // Says how far the memory of what is published is shared, of each channel by its name; until then only copies are made. What was
  // published before stays as it was.
  void share_by(std::function<Sharing(std::string_view)> sharing);
  // Called with each event of a channel that all share as equals, and that somebody listens to: false when it cannot be broadcast. Must not
  // call the broker.
  void on_broadcast(std::function<bool(const Event&)> broadcast) { broadcast_ = std::move(broadcast); }
  // Creates it, with a name that was judged, if there is none.
  Result<Channel*> create(std::string_view name);
  enum class Veto : bool { none, of_filters };
  // Refused is, with Veto::of_filters, a schema that does not fit the filter of a subscription to just this channel, or a channel derived
  // from just this one. A retained event that breaks the schema is kept no longer; what waits in queues stays.
  Result<> set_parameters(Channel& channel, const ChannelParameters& parameters, Veto veto = Veto::of_filters);

  // What a channel of that name would be derived by, judged by all there is: its filter and its operators fit the schema of a source (as
  // filters of subscriptions do), no channel comes to be derived from itself, and the limits above. conflict: from itself.
  Result<std::unique_ptr<Derivation>> prepare_derivation(std::string_view name, DerivationTerms terms);
  // Derives the channel so from now on; nullptr: it is an ordinary one.
  void derive(Channel& channel, std::unique_ptr<Derivation> derivation);
  // Whoever may see the sources has changed.
  void rejoin_derived();
  // When time alone will bring events; then run_due() publishes them.
  [[nodiscard]] std::optional<TimePoint> due() const { return due_; }
  Published run_due(std::uint64_t published_ns, TimePoint now);

  // Whether everybody whose queue blocks has room for the event; publishing it otherwise loses it for them.
  bool has_room(Channel& channel, const EventParts& event);
  // `event` was read at the front of `bytes`. With VS_EVENT_STORED its sequence is its position, its place in the order of all
  // at-least-once channels, and who has had it or a later one does not get it; else it gets the next of its channel.
  Published publish(Channel& channel, const EventParts& event, std::span<const std::byte> bytes, std::uint64_t published_ns,
                    TimePoint now);
  // Of at-least-once channels it has had all up to this position.
  void begin_after(SubscriptionId id, std::uint64_t position);
  // There are no positions beyond `newest` any more.
  void limit_position(SubscriptionId id, std::uint64_t newest);
  // Puts a gap into its queue.
  void tell(SubscriptionId id, const std::shared_ptr<const Event>& mark);

  // Moves what waits to `into`, as far as it fits; see SubscriptionQueue::take.
  Result<std::size_t> take(SubscriptionId id, std::span<std::byte> into, TimePoint now);
  // What waits; nullptr when there is no such subscription.
  [[nodiscard]] SubscriptionQueue* queue(SubscriptionId id);
  // Loses the event that take() would give first.
  void skip(SubscriptionId id);
  [[nodiscard]] const SubscriptionQueue* queue(SubscriptionId id) const;

  [[nodiscard]] std::size_t channels() const { return channels_.size(); }
  [[nodiscard]] std::size_t subscriptions() const { return subscriptions_.size(); }
  [[nodiscard]] std::uint64_t filter_errors() const { return filter_errors_; }
  [[nodiscard]] std::size_t filters_left_out() const;
  [[nodiscard]] std::size_t derived_channels() const { return derived_.size(); }
  // Of all derived channels: what could not be computed, and what was forgotten or cut off for a limit.
  [[nodiscard]] Operator::Counts derivation_counts() const;

  struct Subscription {
    SubscriptionId id;
    SubscriptionTerms terms;
    std::unique_ptr<filter::Program> program;  // nullptr: everything
    SubscriptionQueue queue;
    std::uint64_t position = 0;  // of the last at-least-once event
  };

  [[nodiscard]] const std::map<std::string, Channel, std::less<>>& all() const { return channels_; }

 private:
  Result<std::unique_ptr<filter::Program>> compile(std::string_view text);
  // `before`: what of the channels' cost goes when it comes.
  [[nodiscard]] Result<> judge_filter(const SubscriptionTerms& terms, std::string_view text, const filter::Program* program,
                                      const Subscription* before = nullptr) const;
  [[nodiscard]] static bool wants(const SubscriptionTerms& terms, std::string_view channel);
  // False: left out.
  [[nodiscard]] static bool join(Channel& channel, Subscription& subscription);
  void leave(const Subscription& subscription);
  static void leave(Channel& channel, const Subscription& subscription);
  // Fills matched_ with those whose filters the event passes.
  void match(const Channel& channel, const EventParts& event);
  void fill_slots(const EventParts& event);
  // To all who want it; who is too slow is unsubscribed.
  void announce(Channel& channel, const std::shared_ptr<const Event>& event, Published& outcome);
  // One that was published to `source`; and what comes of what comes of it, and so on.
  void derive_from(Channel& source, const std::shared_ptr<const Event>& event, std::uint64_t published_ns, TimePoint now,
                   Published& outcome);
  // nullptr: it cannot be an event there.
  std::shared_ptr<const Event> publish_derived(Channel& into, const Draft& draft, std::uint64_t published_ns, TimePoint now,
                                               Published& outcome);
  [[nodiscard]] static bool derives(const Channel& source, const Channel& derived);
  [[nodiscard]] Result<> judge_loops(const std::string& name, const Derivation& made) const;
  static void attach(Channel& source, Channel& derived);
  void rejoin_derived(Channel& source);
  void look_when_due(const Derivation& derivation);
  [[nodiscard]] static bool in_frame(const Channel& channel, const EventParts& event) {
    return channel.sharing != Sharing::only_copies && event.payload.size() > kCopiedPayloadMax;
  }
  void deliver(Subscription& subscription, std::shared_ptr<const Event> event, Published& outcome);

  OnReady on_ready_;
  std::function<Sharing(std::string_view)> sharing_;
  std::function<bool(const Event&)> broadcast_;
  filter::Schema schema_;  // of names as they are filled in: attributes of any type
  std::size_t slots_known_;  // of schema_, in the map or fixed
  std::map<std::string, std::size_t, std::less<>> attribute_slots_;  // those that a filter asks for
  std::map<std::string, Channel, std::less<>> channels_;
  std::map<SubscriptionId, Subscription> subscriptions_;
  std::vector<Channel*> derived_;
  std::optional<TimePoint> due_;  // not later than the first that is
  std::uint64_t derived_cut_off_ = 0;
  std::uint64_t derived_errors_before_ = 0;     // of derivations that are no more
  std::uint64_t derived_forgotten_before_ = 0;
  std::vector<filter::Value> slots_;  // of the event at hand
  std::vector<filter::FilterIndex::Id> matched_;
  std::uint64_t next_id_ = 1;
  std::uint64_t filter_errors_ = 0;
};

}  // namespace vs::pubsub
