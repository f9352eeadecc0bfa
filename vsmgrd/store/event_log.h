// What happened on the node, in order: for watchers, who resume by the number of the last they saw.
//
// Numbers only grow, are never used twice and have no order problems: an event becomes visible only
// after all with smaller numbers. Bounded: kEventsMax, kEventAgeMax. Times are UTC, milliseconds.
//
// Thread-safe. Errors: those of sqlite.h.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/guarded.h"
#include "vsmgrd/model/resource.h"
#include "vsmgrd/store/actor.h"
#include "vsmgrd/store/ledger.h"

namespace vs {

inline constexpr std::int64_t kEventsMax = 100'000;
inline constexpr std::chrono::hours kEventAgeMax{24};
inline constexpr std::size_t kEventsInMemoryMax = 1024;  // the newest; watchers that keep up cost no disk
inline constexpr std::size_t kEventPageMax = 1000;       // of one after()
inline constexpr std::size_t kEventScanMax = 20'000;     // looked at for one after()

struct Event {
  std::int64_t id = 0;
  WallTime at{};
  // Noun and past verb: "binding.created", ".updated", ".deleted"; ".decided", ".trial_denied" (a rule
  // in mode warn would have), ".open_refused" (to a guest); ".pending", ".ready", ".bound",
  // ".denied", ".failed" when the observed state became so; "operation.started", ".progressed",
  // ".succeeded", ".failed", ".cancelled"; "warning.raised", ".resolved", ".acknowledged";
  // "token.issued", ".rotated", ".revoked".
  std::string type;
  std::string kind;  // of the object: "Binding", "Operation", "Warning", ...
  std::string name;
  std::string uid;
  Labels labels;  // of the object then: what selectors and scopes look at
  std::int64_t resource_version = 0;  // 0: not of a desired object
  std::string reason;
  std::string message;
  Actor actor;
};

using Events = std::vector<std::shared_ptr<const Event>>;

struct EventPage {
  std::vector<Event> events;
  std::int64_t next = 0;  // to go on from: the last that was looked at, taken or not
  bool more = false;      // there was no room for all
  bool gone = false;      // events after the given number have been trimmed: list anew
};

class EventLog {
 public:
  using Filter = std::function<bool(const Event&)>;

  explicit EventLog(Ledger& ledger) : ledger_(ledger) {}

  // Up to `limit` events with larger numbers than `id` that `filter` (if any) takes.
  Result<EventPage> after(std::int64_t id, std::size_t limit, const Filter& filter = {}) const;
  // Numbers of the first and last event that are kept; 0 and newest() when there are none.
  [[nodiscard]] std::int64_t oldest() const;
  [[nodiscard]] std::int64_t newest() const;

  // Called with what one transaction brought, in order, on the writer's thread: must not block, nor
  // call the store. Set before the first write; the last that is set counts, and waits for the one
  // before it to end if that runs.
  void on_event(std::function<void(const Events&)> callback);

  // Alone, without a change. The number and time are given by the log.
  Result<> append(Event event);

  // For the store and its logs, inside of a piece of work.
  Result<> append(Turn& turn, Event event);
  Result<> trim(Turn& turn);
  Result<> load(Database& database);

 private:
  struct Tail {
    Events events;  // in order, without gaps up to the newest
    std::int64_t oldest = 0;
    std::int64_t newest = 0;
  };
  void publish(const Events& events);

  Ledger& ledger_;
  std::shared_ptr<Events> open_;  // of the work that runs; of the writer's thread alone
  std::uint64_t open_number_ = 0;
  Guarded<Tail> tail_;
  Guarded<std::function<void(const Events&)>> callback_;
};

}  // namespace vs
