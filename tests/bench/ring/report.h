// What one side of a pair measured. Lies in memory that both processes share; each side writes its own.
//
// Times are ticks (ticks.h), CPU time nanoseconds of the whole process with all its threads. Owned by one thread until the
// process ends, then by the process that prints it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "tests/bench/ring/options.h"
#include "tests/bench/ring/ticks.h"

namespace vs::bench {

inline constexpr std::size_t kSamplesMax = std::size_t{1} << 21;

struct Report {
  std::uint64_t begun;      // both stand still when a side measures nothing of its own
  std::uint64_t ended;
  std::uint64_t cpu_ns;
  std::uint64_t messages;
  std::size_t sample_count;
  std::array<std::uint64_t, kSamplesMax> samples;  // how long a round trip took, or how old a message was

  void begin();
  void end(std::uint64_t messages_measured);
  void add(std::uint64_t sample) {
    if (sample_count < samples.size()) samples[sample_count++] = sample;
  }
};

// Prints one line of JSON: what `timed` measured, with the CPU time of both sides for one of `timed`'s messages.
void print(const Options& options, const TickScale& scale, Report& timed, const Report& other);

}  // namespace vs::bench
