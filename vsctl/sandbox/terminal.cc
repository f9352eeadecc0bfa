#include "vsctl/sandbox/terminal.h"

#include <fcntl.h>
#include <unistd.h>

#include <csignal>

#include "base/unique_fd.h"

namespace vs::ctl {
namespace {

UniqueFd controlling_terminal() {
  return UniqueFd(::open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY));
}

}  // namespace

TerminalForeground::TerminalForeground() {
  const UniqueFd terminal = controlling_terminal();
  if (!terminal) return;
  const pid_t group = ::tcgetpgrp(terminal.get());
  if (group == ::getpgrp()) group_before_ = group;  // a background job has nothing to give back
}

TerminalForeground::~TerminalForeground() {
  if (group_before_ < 0) return;
  const UniqueFd terminal = controlling_terminal();
  if (!terminal) return;
  // We may be in the background now, where changing the foreground stops the process unless SIGTTOU
  // is blocked.
  sigset_t stop;
  sigset_t before;
  sigemptyset(&stop);
  sigaddset(&stop, SIGTTOU);
  sigprocmask(SIG_BLOCK, &stop, &before);
  static_cast<void>(::tcsetpgrp(terminal.get(), group_before_));
  sigprocmask(SIG_SETMASK, &before, nullptr);
}

}  // namespace vs::ctl
