// Whose turn it is: strict priority between classes with a floor for the lowest, and deficit round robin between the guests of a
// class, in what they cost.
//
// Within a class those go first, of who has something left of his share, whose work is due first (earliest deadline first); what has no
// deadline follows.
//
// Who comes back with something left of its share goes first (as the new flows of fq_codel: RFC 8290, 4.2), so a guest that asks
// now and then does not wait for those that always want more.
//
// Costs are nanoseconds of service time, and bytes counted as time (kBytesPerNanosecond). Deficit round robin: Shreedhar and
// Varghese, SIGCOMM 1995; since a cost is known only afterwards, a flow may overdraw and then waits (surplus round robin:
// Adiseshu, Parulkar, Varghese, SIGCOMM 1996). Decides only, and has no clock. Owned by the loop's thread.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>

#include "dataplane/control/terms.h"

namespace vs {

enum class SessionId : std::uint64_t {};

using DueTime = std::chrono::steady_clock::time_point;
inline constexpr DueTime kNeverDue = DueTime::max();

using control::kPriorities;
using control::Priority;

using Cost = std::int64_t;
inline constexpr Cost kQuantum = 50'000;          // a flow's share of one round
inline constexpr Cost kBytesPerNanosecond = 4;    // 4 GB/s: what copying in and out costs here
inline constexpr Cost kDoorbellCost = 1'000;      // of one that rang in vain
inline constexpr Cost kDebtMax = 20 * kQuantum;   // more is forgiven, or one slow request would silence a guest for seconds
inline constexpr Cost kBulkFloorPercent = 5;      // of the time while the lowest class has work

// One guest's sessions of one class, and what they may still cost. Outlives its being ready.
class Flow {
 public:
  explicit Flow(Priority priority) : priority_(priority) {}
  Flow(const Flow&) = delete;
  Flow& operator=(const Flow&) = delete;

  [[nodiscard]] Cost used() const { return used_; }  // ever

 private:
  friend class Scheduler;

  Priority priority_;
  Cost deficit_ = kQuantum;
  std::uint64_t rounds_ = 0;  // of its class, as of its last share
  Cost used_ = 0;
  struct Waiting {
    SessionId session;
    DueTime due;
  };
  std::deque<Waiting> ready_;  // by when they are due, then in their order; each session once at most
};

class Scheduler {
 public:
  // A session has work, which is due then; it is not ready already.
  void ready(Flow& flow, SessionId session, DueTime due = kNeverDue);
  [[nodiscard]] bool empty() const { return ready_ == 0; }

  struct Turn {
    Flow& flow;
    SessionId session;
    Cost budget;  // above 0; what goes beyond is owed
  };
  // The next turn; its session is no longer ready. Sessions that are gone turn up too: their turn costs nothing.
  std::optional<Turn> next();

  // What a turn, or an answer at any other time, did cost.
  void charge(Flow& flow, Cost cost);

  // Forgets a flow that goes.
  void remove(Flow& flow);

 private:
  // A class: its flows that have work, those with something left of their share in front.
  struct Class {
    std::deque<Flow*> flows;
    std::uint64_t rounds = 0;  // shares given to each, ever
    std::size_t timed = 0;     // sessions that wait and are due some time
  };

  Class& class_of(const Flow& flow) { return classes_[static_cast<std::size_t>(flow.priority_)]; }
  Class& pick_class();
  static void give_shares(Class& of, Flow& flow);
  static void next_round(Class& of);
  static void bring_forward_first_due(Class& of);

  std::array<Class, kPriorities> classes_;
  std::size_t ready_ = 0;  // sessions
  Cost floor_credit_ = 0;  // what the lowest class may use before the others
};

}  // namespace vs
