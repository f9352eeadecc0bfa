// What waits for one subscriber: at most so many events, and so large, and where some were lost. Events of a higher priority are handed out
// first; those of one priority in their order.
//
// Nothing is lost in silence: each loss becomes a gap, at its place among those of its priority, with the number of events. Sizes are bytes.
// Owned by one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "dataplane/services/pubsub/event.h"

namespace vs::pubsub {

// What gives way when a queue is full.
enum class Overflow : std::uint8_t {
  drop_oldest,      // for those who want to keep up: the oldest of the lowest priority, never one of a higher than the newest's
  drop_newest,      // for those who want the beginning
  latest,           // a newer event takes the place of one with the same channel, key and priority; else as drop_oldest
  block,            // the publisher waits, for a while; then as drop_newest
  disconnect_slow,  // the subscription ends
};

struct QueueLimits {
  std::size_t events_max = 1024;
  std::size_t bytes_max = 1 << 20;
};

struct QueueCounts {
  std::uint64_t queued = 0;
  std::uint64_t taken = 0;
  std::uint64_t lost = 0;       // dropped and expired
  std::uint64_t conflated = 0;  // replaced by a newer one of the same key: no loss
  std::uint64_t spared = 0;     // of a priority that the subscriber does without at its level
};

// What a subscriber does without while it is served at a level above 0 (abi/pubsub.h, VS_PUBSUB_ADAPT_...).
struct Adaptation {
  bool latest = false;  // as Overflow::latest
  bool fewer = false;   // at level n no events of a priority below n; each is part of a gap
};

// What was taken since it was asked for last.
struct QueueStock {
  std::uint64_t events = 0;
  std::uint64_t lost = 0;                   // since then, not counting what was spared
  std::uint64_t oldest_published_ns = 0;    // of those that are not retained; 0: there was none
};

class SubscriptionQueue {
 public:
  using TimePoint = Event::TimePoint;
  enum class Put : std::uint8_t { queued, lost, ended };

  SubscriptionQueue(QueueLimits limits, Overflow overflow) : limits_(limits), overflow_(overflow) {}

  void adapts(Adaptation adaptation) { adaptation_ = adaptation; }
  void set_level(std::uint32_t level);
  QueueStock take_stock();

  [[nodiscard]] Overflow overflow() const { return overflow_; }
  // Whether an event of so many bytes has room without loss.
  [[nodiscard]] bool has_room(std::size_t bytes) const {
    return count_ < limits_.events_max && bytes <= limits_.bytes_max - bytes_;
  }
  // `ended`: the subscriber was too slow and is to be disconnected. What is larger than the whole queue is lost.
  // `retained`: it was published before there was a queue, and is marked so.
  Put put(std::shared_ptr<const Event> event, bool retained = false);

  // Moves gaps and events to `into`, in order, as long as they fit, and says how many bytes that were. What has expired is lost.
  // Stops before an event that is to be read in a frame, unless those are copied, too.
  std::size_t take(std::span<std::byte> into, TimePoint now, bool copies_all = true);

  // The event that take() would give first, and what was lost before it; nullptr when that is a gap, or there is none. What has expired is
  // lost.
  struct Front {
    std::shared_ptr<const Event> event;
    std::uint64_t lost_before = 0;
    bool retained = false;
  };
  Front front(TimePoint now);
  // It was taken as it is, with its gap: right after front() gave it.
  void take_front();

  // Loses the event that take() would give first, if there is one.
  void skip();

  [[nodiscard]] bool empty() const { return next_lane() == nullptr; }
  [[nodiscard]] std::size_t events() const { return count_; }
  [[nodiscard]] std::size_t bytes() const { return bytes_; }
  // How large the first thing is that take() would give; 0 when there is none.
  [[nodiscard]] std::size_t next_bytes() const;
  [[nodiscard]] const QueueCounts& counts() const { return counts_; }

 private:
  struct Entry {
    std::shared_ptr<const Event> event;
    std::uint64_t lost_before = 0;  // events that stood between this and the one before it
    bool retained = false;
  };
  // Of one priority.
  struct Lane {
    std::deque<Entry> events;
    std::uint64_t first = 0;                                // number of the first of them
    std::unordered_map<std::string, std::uint64_t> by_key;  // of Overflow::latest: their numbers
    std::uint64_t lost_at_end = 0;

    [[nodiscard]] bool empty() const { return events.empty() && lost_at_end == 0; }
  };

  [[nodiscard]] bool conflates() const { return overflow_ == Overflow::latest || (adaptation_.latest && level_ != 0); }
  void note_taken(const Entry& entry);
  std::optional<Put> conflate(Lane& lane, const std::string& key, std::shared_ptr<const Event>& event, bool retained);
  // Loses an event of at most that priority; false: there is none.
  bool give_way(std::size_t priority);
  void lose_oldest(Lane& lane);
  void lose_second(Lane& lane);
  void remove_first(Lane& lane);
  // False: `into` is full, or what comes next is for a frame.
  bool take_lane(Lane& lane, std::span<std::byte> into, std::size_t& used, TimePoint now, bool copies_all);
  [[nodiscard]] const Lane* next_lane() const;
  [[nodiscard]] static std::string conflation_key(const Event& event);

  QueueLimits limits_;
  Overflow overflow_;
  std::vector<Lane> lanes_;  // by priority, as far as there were events
  std::size_t count_ = 0;
  std::size_t bytes_ = 0;
  QueueCounts counts_;
  Adaptation adaptation_;
  std::uint32_t level_ = 0;
  QueueStock stock_;
  std::uint64_t lost_told_ = 0;
};

}  // namespace vs::pubsub
