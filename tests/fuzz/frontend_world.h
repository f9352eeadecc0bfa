// The world as libvservice sees it when every system call that could wait is ours: connections lead
// to the target, time passes only when the library waits, and the hostile backend acts inside the
// library's own calls. So the whole conversation runs in one thread, and the same input always
// tells the same story.
//
// One World at a time; the calls that CMakeLists.txt wraps reach it. Time is in milliseconds.
#pragma once

#include <cstdint>

#include "base/unique_fd.h"

namespace vs::fuzz {

class World {
 public:
  World();
  virtual ~World();
  World(const World&) = delete;

  // The library connected; `peer()` is the other end.
  virtual void connected() {}
  // The library sent something, or rang.
  virtual void sent() {}
  // The library looks for something, and will find what is there when this returns.
  virtual void receives() {}

  [[nodiscard]] int peer() const { return peer_.get(); }
  void hang_up() { peer_.reset(); }
  [[nodiscard]] int connections() const { return connections_; }
  void passes(std::int64_t ms) { now_ms_ += ms; }
  void looks_at_the_clock(int calls_per_ms) {
    if (++clock_calls_ % calls_per_ms == 0) passes(1);
  }

  // For the wrapped calls.
  int connect(int socket);
  [[nodiscard]] std::int64_t now_ms() const { return now_ms_; }
  static World* current();

 private:
  UniqueFd peer_;
  std::int64_t now_ms_ = 1'000'000;
  int connections_ = 0;
  int clock_calls_ = 0;
};

// How many descriptors of low numbers are open: the same before and after, when nothing was left
// open in between.
int open_descriptors();

}  // namespace vs::fuzz
