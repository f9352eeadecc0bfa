// Two nodes that hand a domain to each other, their network, backends and disks, in one thread, from one seed.
//
// The keepers and the machine are those of vsmgrd; time, the network, the disks and the backends are made up. The same seed
// is always the same story. Everything that goes wrong in the world goes wrong here: kill, stop, delay, partition, loss,
// reordering, duplication, a full disk, a clock that jumps; also between a write and what was to follow it.
#pragma once

#include <cstdint>
#include <ostream>
#include <string>

namespace vs::handoff::simulation {

// A mistake built in on purpose: what the simulation must notice.
enum class Mistake : std::uint8_t {
  none,
  serve_before_go,      // the destination is configured as soon as it is prepared
  go_before_withdrawn,  // the source does not wait for its backends to let go
  forget_commit,        // the source's commit never reaches the disk
  thaw_late,            // a cancelled freeze waits for its own end
};

struct Options {
  std::uint64_t seed = 1;
  Mistake mistake = Mistake::none;
  std::ostream* trace = nullptr;  // every step, for people
};

struct Report {
  std::string failure;  // empty: all held
  std::uint64_t steps = 0;
  std::uint64_t faults = 0;
  std::uint64_t started = 0;  // handoffs
  std::uint64_t done = 0;
  std::uint64_t cancelled = 0;
  std::uint64_t taken_back = 0;
  std::uint64_t doubts = 0;
};

Report simulate(const Options& options);

}  // namespace vs::handoff::simulation
