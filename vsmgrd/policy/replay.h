// Decisions that were made, made again by other policies: which would turn out otherwise.
//
// Pure; thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "vsmgrd/model/resource.h"
#include "vsmgrd/policy/policy_set.h"

namespace vs {

// A decision with what it was made from. The domain's type is that of today's domain of this name.
struct RecordedDecision {
  std::int64_t id = 0;
  WallTime at{};
  std::string binding;
  std::string domain;
  Labels labels;
  std::string service;
  std::string kind;
  Decision decision;
};

struct Flip {
  RecordedDecision recorded;
  Decision would;
};

struct Replay {
  std::size_t replayed = 0;  // different questions: the same one is asked once, the newest counts
  std::vector<Flip> flips;   // in the order of `recorded`
};

// A flip is allowed where it was denied, or the other way round, or let through on trial where it
// was not, or the other way round.
Replay replay(const PolicySet& policies, const Desired& desired,
              const std::vector<RecordedDecision>& recorded);

}  // namespace vs
