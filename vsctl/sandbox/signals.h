// Waiting for a child while passing on to it the signals that one gets oneself.
//
// For a process with one thread. Both vsctl and the guest's init do it, one behind the other.
#pragma once

#include <sys/types.h>

#include <csignal>

namespace vs::ctl {

// Blocks the signals that are passed on, and SIGCHLD, and makes sure that children can be waited
// for; remembers how it was.
class PassedSignals {
 public:
  PassedSignals();
  ~PassedSignals() { restore(); }
  PassedSignals(const PassedSignals&) = delete;
  PassedSignals& operator=(const PassedSignals&) = delete;

  // As it was before, for a command that is about to be executed.
  void restore() const;

  // Returns the status of `child` as waitpid gives it, when it has ended; reaps every other child
  // that ends before. A signal from the terminal has reached the whole foreground group, and is
  // passed on only to a child outside of it.
  [[nodiscard]] int wait_for(pid_t child) const;

 private:
  sigset_t passed_{};
  sigset_t mask_before_{};
  struct sigaction child_before_ {};
};

// A shell's number for it: the exit status, or 128 + signal.
int exit_status_of(int wait_status);

}  // namespace vs::ctl
