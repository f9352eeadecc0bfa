// Ctrl-C, heeded for a while: the first is counted, so that what goes on can be brought to an end; the
// second ends the program as it would have without this.
//
// One at a time, on the main thread.
#pragma once

#include <csignal>

namespace vs::ctl {

class Interrupts {
 public:
  Interrupts();
  ~Interrupts();
  Interrupts(const Interrupts&) = delete;
  Interrupts& operator=(const Interrupts&) = delete;

  [[nodiscard]] bool came() const;

 private:
  struct sigaction before_ {};
};

}  // namespace vs::ctl
