// What the store counts of its own work since it was opened.
//
// Thread-safe.
#pragma once

#include <atomic>
#include <cstdint>

#include "base/duration_buckets.h"
#include "base/guarded.h"
#include "vsmgrd/model/resource.h"

namespace vs {

struct WriterCounts {
  DurationBuckets commits;           // transactions that became durable, the sync of the disk included
  std::uint64_t commits_failed = 0;  // the database took nothing
};

// Verdicts on bindings that became durable, each time one was new or changed.
struct VerdictCounts {
  std::atomic<std::uint64_t> allowed{0};
  std::atomic<std::uint64_t> denied{0};
  std::atomic<std::uint64_t> on_trial{0};  // let through by a rule on trial alone

  void count(const Decision& verdict) {
    ++(verdict.mode != Mode::enforce ? on_trial : verdict.allowed ? allowed : denied);
  }
};

}  // namespace vs
