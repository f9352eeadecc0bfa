// Two processes that measure something together: this one and a child, each on the core that Options says.
//
// Neither outlives the other, and a pair that hangs ends after kRunTimeMax. Errors end the program with a sentence.
#pragma once

#include <chrono>
#include <functional>

#include "tests/bench/ring/options.h"
#include "tests/bench/ring/report.h"

namespace vs::bench {

inline constexpr std::chrono::seconds kRunTimeMax{10};

// Where a side meets the other before it begins: both have done their part of the setup then.
class Gate {
 public:
  explicit Gate(int socket) : socket_(socket) {}
  void meet();

 private:
  int socket_;
};

// Runs `near` here and `far` in the child, and returns when both have ended; their reports then stand in `*reports`.
struct Reports {
  Report near;
  Report far;
};
using Side = std::function<void(Gate&, Report&)>;
Reports& run_pair(const Options& options, const Side& near, const Side& far);

}  // namespace vs::bench
