// What of a transition is told to who asked for it, and what is written: rows, decisions with their
// records, policy history, audit, events.
//
// Inside of a piece of work, by the store. Errors: those of sqlite.h.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <utility>

#include "vsmgrd/store/actor.h"
#include "vsmgrd/store/event_log.h"
#include "vsmgrd/store/transition.h"
#include "vsmgrd/store/writer.h"

namespace vs {

// "Binding" -> "binding", "SharingPolicy" -> "sharing-policy": how events call a kind.
std::string noun_of(Kind kind);

// Puts into `transition.next` those of `decided` that differ from what it has, and returns them.
// Equal ones keep the numbers of their records.
std::map<std::string, Decision> merge_decisions(Desired& next,
                                                std::map<std::string, Decision> decided);

// Those that a person would call new or different; a rule that only moved in its file is not.
std::map<std::string, Decision> changed_verdicts(const Desired& before,
                                                 const std::map<std::string, Decision>& decisions);

// Whether a binding that a rule in mode warn would deny comes, goes or changes.
bool touches_trials(const Desired& before, const Transition& transition,
                    const std::map<std::string, Decision>& decided);

inline constexpr std::uint64_t kPaceRows = 128;  // written between two looks whether to go on

// Counts rows that are written of a large change; `look` is told how many, and its error stops it.
class Pace {
 public:
  using Look = std::function<Result<>(std::uint64_t done)>;

  Pace() = default;  // goes on
  explicit Pace(Look look) : look_(std::move(look)) {}
  Result<> row() { return look_ && ++done_ % kPaceRows == 0 ? look_(done_) : Result<>(); }

 private:
  Look look_;
  std::uint64_t done_ = 0;
};
// How many rows of the two below it will count.
std::uint64_t rows_of(const Transition& transition, const std::map<std::string, Decision>& decisions);

// `decisions` are those that differ from before, as they stand in transition.next. Numbers of
// records and the policy generation are filled in there.
Result<> write_transition(Turn& turn, const Desired& before, Transition& transition,
                          const std::map<std::string, Decision>& decisions, const Actor& actor, Pace& pace);

// One event for each change, and for each verdict that changed without one.
Result<> write_events(Turn& turn, EventLog& events, const Desired& before,
                      const Transition& transition,
                      const std::map<std::string, Decision>& decisions, const Actor& actor, Pace& pace);

}  // namespace vs
