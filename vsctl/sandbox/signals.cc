#include "vsctl/sandbox/signals.h"

#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "base/check.h"

namespace vs::ctl {
namespace {

constexpr int kPassed[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2};

bool reached_already(const siginfo_t& info, pid_t child) {
  return info.si_code == SI_KERNEL && ::getpgid(child) == ::getpgrp();
}

}  // namespace

PassedSignals::PassedSignals() {
  sigemptyset(&passed_);
  for (const int signal : kPassed) sigaddset(&passed_, signal);
  sigaddset(&passed_, SIGCHLD);
  VS_CHECK(sigprocmask(SIG_BLOCK, &passed_, &mask_before_) == 0);
  struct sigaction heeded {};
  heeded.sa_handler = SIG_DFL;  // a caller that ignores SIGCHLD would have children vanish unseen
  VS_CHECK(sigaction(SIGCHLD, &heeded, &child_before_) == 0);
}

void PassedSignals::restore() const {
  VS_CHECK(sigaction(SIGCHLD, &child_before_, nullptr) == 0);
  VS_CHECK(sigprocmask(SIG_SETMASK, &mask_before_, nullptr) == 0);
}

int PassedSignals::wait_for(pid_t child) const {
  while (true) {
    siginfo_t info{};
    const int signal = sigwaitinfo(&passed_, &info);
    if (signal < 0) {
      VS_CHECK(errno == EINTR);
      continue;
    }
    if (signal != SIGCHLD) {
      if (!reached_already(info, child))
        static_cast<void>(::kill(child, signal));  // it may have ended: SIGCHLD follows
      continue;
    }
    // One SIGCHLD may stand for many children.
    int status = 0;
    pid_t ended = 0;
    while ((ended = ::waitpid(-1, &status, WNOHANG)) > 0)
      if (ended == child) return status;
  }
}

int exit_status_of(int wait_status) {
  return WIFSIGNALED(wait_status) ? 128 + WTERMSIG(wait_status) : WEXITSTATUS(wait_status);
}

}  // namespace vs::ctl
