// The channels of one service, and what its guests are owed: receives that wait for events, publishers that wait for room.
//
// Owned by the loop's thread. Every Reply is answered once, at its request's deadline at the latest.
#pragma once

#include <chrono>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "base/event_loop.h"
#include "dataplane/services/pubsub/channel_request.h"
#include "dataplane/services/pubsub/declared.h"
#include "dataplane/services/pubsub/frame_shelf.h"
#include "dataplane/services/pubsub/guest.h"
#include "dataplane/services/pubsub/pubsub_service.h"
#include "dataplane/services/pubsub/relay.h"
#include "dataplane/services/pubsub/waiting.h"

namespace vs::pubsub {

class PubsubService::Space {
 public:
  struct Counts {
    std::uint64_t published = 0;
    std::uint64_t published_bytes = 0;
    std::uint64_t delivered = 0;  // put into queues
    std::uint64_t lost = 0;       // of those: had no room
    std::uint64_t refused = 0;    // requests that were none
    std::uint64_t blocked = 0;    // publishes that waited for room
    std::uint64_t too_slow = 0;   // subscriptions ended
    std::uint64_t denied = 0;     // events and requests, for want of a right
    std::uint64_t over_rate = 0;  // events
    std::uint64_t too_large = 0;  // events
    std::uint64_t broke_schema = 0;  // events
    std::uint64_t derived = 0;       // events of derived channels
    std::uint64_t framed = 0;     // events answered by a frame
    std::uint64_t broadcast = 0;  // events, once for all who listen
    std::uint64_t held = 0;       // receives of guests that hold too many frames
    std::uint64_t filters_too_dear = 0;  // refused for a limit on cost, or on filters' number
  };

  Space(EventLoop& loop, FrameSource* frames, std::string service);
  ~Space();

  // These are given the service's shared memory from now on.
  void share_with(Audience audience);
  [[nodiscard]] bool shares() const { return !audience_.empty(); }
  [[nodiscard]] bool broadcasts() const { return audience_.equals(); }
  // Another one, whenever a channel is shared less than before: what lies in shared memory is not for all.
  [[nodiscard]] std::uint64_t edition() const { return edition_; }
  [[nodiscard]] const FrameShelf::Counts& frames() const { return shelf_.counts(); }
  // Shares channels with other nodes by these terms from now on. Errors: as Relay::open; it goes on as before then.
  Result<> reach_nodes_by(const EngineTerms& terms, const MakeEngine& make);
  // Has these channels be what the service's parameters say. Errors: the first of what cannot be; the rest is.
  Result<> declare(const nlohmann::json& channels);

  void handle(const Request& request, Reply reply);
  void session_begun(std::uint64_t session, const SessionGuest& guest);
  void recall(std::uint64_t session);
  void session_ended(std::uint64_t session);
  void level_changed(std::uint64_t session, std::uint32_t level);

  [[nodiscard]] const Counts& counts() const { return counts_; }
  [[nodiscard]] const Broker& broker() const { return broker_; }
  [[nodiscard]] const Relay& relay() const { return *relay_; }

 private:
  using TimePoint = std::chrono::steady_clock::time_point;

  struct Receive {
    std::uint64_t number;
    Reply reply;
    std::size_t room;
    TimerId deadline;
    bool looks = false;  // answered by a broadcast, too
  };
  // The at-least-once events of one request to publish: it is answered when the engine has said of each whether it is stored.
  struct Storing {
    std::size_t left = 0;  // not told yet
    std::uint64_t accepted = 0;
    Refusal refusal{VS_STATUS_OK, {}};  // the first
    std::function<void()> done;         // set once the rest of the request is done with
  };
  struct Subscriber {
    std::uint64_t session;
    std::shared_ptr<Guest> guest;  // nullptr: one without limits
    std::string pattern;
    std::uint64_t filter_cost = 0;  // as it is counted of its guest's
    std::list<Receive> receives;  // in the order in which they came
    bool listens = false;         // to broadcasts
    bool looks = false;           // it is one of looking_
  };
  // What is left of a request to publish, and what came of the events before.
  struct Publishing {
    std::shared_ptr<Guest> guest;  // nullptr: one that may do everything
    std::size_t room = 0;          // for the answer
    std::span<const std::byte> rest;
    std::uint64_t accepted = 0;
    Refusal refusal{VS_STATUS_OK, {}};  // the first
    std::uint64_t waiter = 0;           // its number in waiting_, once it waits
    const Broker::Channel* full = nullptr;  // that the next event waits for
    TimePoint deadline{};
    std::shared_ptr<Storing> storing = {};  // nullptr: it has none
  };
  struct Publish {
    std::uint64_t session;
    Reply reply;
    std::vector<std::byte> events;  // those that `state.rest` is of
    Publishing state;
    TimerId deadline;
  };

  void publish(const Request& request, Reply reply);
  void subscribe(const Request& request, Reply reply);
  void unsubscribe(const Request& request, Reply reply);
  void set_filter(const Request& request, Reply reply);
  void receive(const Request& request, Reply reply);
  void create(const Request& request, Reply reply);
  void get(const Request& request, Reply reply);
  void set(const Request& request, Reply reply);

  // Publishes as many events as can be now, and takes them off. False: the next waits for room.
  bool publish_some(Publishing& state, bool wait);
  // True when it is done with, published or refused.
  bool publish_one(Publishing& state, const EventParts& parts, bool wait, TimePoint now, std::uint64_t now_ns);
  // The event's channel, created if it may be.
  std::variant<Broker::Channel*, Refusal> channel_of(const EventParts& parts, const Guest* guest);
  // Gives it to the engine alone.
  std::optional<Refusal> store(Publishing& state, const Broker::Channel& channel, const EventParts& parts, std::uint64_t now_ns);
  void stored(StoreTicket ticket, const Result<>& result);
  // Answers once all are stored, or the deadline has come.
  void finish_when_stored(Reply reply, Publishing state);
  [[nodiscard]] Relay::Callbacks relay_callbacks();
  void deliver(const FromOutside& event);
  void wait_for_room(const Request& request, Reply reply, Publishing state);
  void end_waiting(std::list<Publish>::iterator one);
  void finish(Reply reply, Publishing state);
  [[nodiscard]] bool waits(std::uint64_t session) const;
  [[nodiscard]] std::shared_ptr<Guest> guest_of(std::uint64_t session) const;
  // Gives what waits to the receives that wait for it.
  void serve(SubscriptionId id);
  // False when there is no way now to give it what is first, and nothing was answered.
  bool serve_one(SubscriptionId id, Reply& reply, std::size_t room);
  bool serve_frame(SubscriptionQueue& queue, SubscriptionQueue::Front front, Reply& reply, std::size_t room);
  void serve_copies(SubscriptionQueue& queue, Reply reply, std::size_t room, bool copies_all);
  void serve_later();
  // ---- broadcasts (space_broadcast.cc)
  [[nodiscard]] Broadcast* broadcast_ring() const { return frames_ == nullptr ? nullptr : frames_->broadcast(service_); }
  bool broadcast(const Event& event);
  // Whether the guest has seen all of the ring; then the receive is one that looks.
  Result<bool> looks(const Request& request) const;
  void wake_looking();
  void serve_ready();
  // Those who wait for room, and come first where they wait, go on as far as there is some.
  void retry_blocked();
  bool retry_blocked_once();
  void end(SubscriptionId id);
  // The subscription of that session which the request's payload begins with.
  Result<SubscriptionId> own_subscription(const Request& request) const;
  // What a request is to make of a channel, which who asks may create or change, and derive from what it names.
  Result<ChannelRequest> channel_request(const Request& request) const;
  Result<> judge_derivation(const std::shared_ptr<Guest>& guest, std::string_view channel, DerivationTerms& terms) const;
  // Errors: denied, what the service itself declares.
  Result<> judge_declared(const ChannelRequest& asked, bool creates) const;
  // With what is declared of it, if anything.
  Result<Broker::Channel*> make_channel(std::string_view name);
  // nullptr: it asks for none.
  Result<std::unique_ptr<Derivation>> derivation_of(const ChannelRequest& asked);
  // Has the loop publish what derived channels bring by time alone.
  void watch_time();
  void run_due();
  void count(const Published& published);
  void refuse(const Request& request, Reply reply, const Error& error);
  // The same, of one that may be refused for its filter's cost.
  void refuse_filter(const Request& request, Reply reply, const Error& error);
  static void charge_filter(Subscriber& subscriber, std::uint64_t cost);

  EventLoop& loop_;
  FrameSource* frames_;
  std::string service_;
  Audience audience_;
  std::uint64_t edition_ = 0;
  FrameShelf shelf_;
  Broker broker_;
  std::unique_ptr<Relay> relay_;
  std::map<StoreTicket, std::shared_ptr<Storing>> storing_;
  std::map<std::uint64_t, TimerId> storing_deadlines_;  // of requests, by number
  Counts counts_;
  std::map<SubscriptionId, Subscriber> subscribers_;
  DeclaredChannels declared_;
  nlohmann::json declared_from_;
  TimePoint due_at_ = TimePoint::max();  // that due_ is set for
  TimerId due_{};
  std::map<std::string, std::shared_ptr<Guest>, std::less<>> guests_;      // by binding
  std::map<std::uint64_t, std::shared_ptr<Guest>> guest_of_session_;
  std::map<std::uint64_t, std::uint32_t> levels_;  // of sessions; those not named are served as promised
  Broker::Channel* last_ = nullptr;  // that was published to: the next event is mostly of the same one
  std::set<std::uint64_t> broadcast_sessions_;  // that have the ring
  std::vector<SubscriptionId> looking_;         // whose receive waits for a broadcast
  std::vector<SubscriptionId> woken_;           // of those: there was one
  std::vector<SubscriptionId> ready_;
  std::optional<TimerId> later_;  // when who found no frame is served again
  std::list<Publish> blocked_;  // in the order in which they came
  WaitingQueues waiting_;       // of them, those at the front of their sessions
  std::vector<std::byte> batch_;
  std::uint64_t next_number_ = 1;
};

}  // namespace vs::pubsub
