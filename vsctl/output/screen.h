// The whole terminal for a while: its other screen, keys as they are pressed, its size as it changes.
//
// Owned by one thread, one at a time in a process. What the terminal was is restored at the end, and
// when SIGINT or SIGTERM ends the process.
#pragma once

#include <termios.h>

#include <chrono>
#include <cstdint>
#include <ostream>
#include <string>

#include "base/unique_fd.h"

namespace vs::ctl {

class Screen {
 public:
  enum class Event : std::uint8_t { time, sort, quit, resized };

  // Whether standard input and output are a terminal that can do this.
  static bool possible();

  explicit Screen(std::ostream& out);
  ~Screen();
  Screen(const Screen&) = delete;
  Screen& operator=(const Screen&) = delete;

  // As much of it as fits.
  void draw(const std::string& lines);
  // Until a key, a change of size, a signal or `until`.
  Event wait(std::chrono::steady_clock::time_point until);

 private:
  std::ostream& out_;
  termios before_{};
  UniqueFd signals_;
};

}  // namespace vs::ctl
