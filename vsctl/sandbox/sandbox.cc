#include "vsctl/sandbox/sandbox.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdint>
#include <utility>

#include <fmt/format.h>

#include "vsctl/sandbox/environment.h"
#include "vsctl/sandbox/identity.h"
#include "vsctl/sandbox/init.h"
#include "vsctl/sandbox/mounts.h"
#include "vsctl/sandbox/network.h"
#include "vsctl/sandbox/signals.h"
#include "vsctl/sandbox/sync.h"
#include "vsctl/sandbox/terminal.h"
#include "vsctl/sandbox/terminal_filter.h"

namespace vs::ctl {
namespace {

constexpr int kStandardDescriptors = 3;

// A caller may have closed its standard descriptors: then ours would take their numbers, and the
// command would get them.
Result<> fill_standard_descriptors() {
  int fd = -1;
  do fd = ::open("/dev/null", O_RDWR);
  while (fd >= 0 && fd < kStandardDescriptors);
  if (fd < 0) return fail_errno(errno, "open /dev/null");
  ::close(fd);
  return {};
}

// The end of the process that started this one is the end of this one.
Result<> die_with_parent() {
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0)
    return fail_errno(errno, "tie the guest's life to vsctl's");
  return {};
}

// Lets the guest open its own standard descriptors again, as scripts do with /dev/stderr. Only
// pipes without a name: what has a name belongs to somebody.
void hand_over_pipes(std::uint32_t id) {
  for (int fd = 0; fd < kStandardDescriptors; ++fd) {
    struct statfs kind {};
    if (::fstatfs(fd, &kind) == 0 && kind.f_type == PIPEFS_MAGIC)
      static_cast<void>(::fchown(fd, id, id));  // a convenience; without it the open fails inside
  }
}

// A fork whose child is the first process of a pid namespace. Not unshare() and fork(): those leave
// the caller unable to start another process once the guest has ended. The system call itself, for
// fork() knows no flags; with one thread it is the same.
pid_t fork_into_pid_namespace() {
  return static_cast<pid_t>(
      ::syscall(SYS_clone, CLONE_NEWPID | SIGCHLD, nullptr, nullptr, nullptr, nullptr));
}

struct Plan {
  GuestView view;
  GuestCommand command;
  std::string host_name;
  std::uint32_t host_id = 0;  // of the guest, in the namespace of vsctl
};

// Everything from a fork of vsctl to a guest. In the child.
Result<> isolate(const Plan& plan, Sync& sync) {
  if (auto done = sync.close_all_else(); !done) return done;
  if (auto done = die_with_parent(); !done) return done;
  if (::unshare(CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS) != 0)
    return fail_errno(errno, "make mount, network, ipc and uts namespaces");
  if (::sethostname(plan.host_name.data(), plan.host_name.size()) != 0)
    return fail_errno(errno, fmt::format("set the host name {}", plan.host_name));
  if (auto done = name_loopback(); !done) return done;
  if (auto done = make_guest_view(plan.view); !done) return done;
  if (plan.host_id != 0) hand_over_pipes(plan.host_id);

  // Only now: the namespaces above belong to the node's root, so the guest's root has no power over
  // them.
  if (::unshare(CLONE_NEWUSER) != 0) return fail_errno(errno, "make the guest's user namespace");
  if (auto done = sync.tell(Step::in_user_namespace); !done) return done;
  if (auto done = sync.await(Step::go_on); !done) return done;
  if (auto done = drop_privilege(); !done) return done;
  if (auto done = forbid_terminal_injection(); !done) return done;
  // Nobody inside may read or steer this process, whose memory and program are the node's.
  if (::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
    return fail_errno(errno, "close the guest's first process");
  if (auto done = die_with_parent(); !done) return done;  // a change of user had undone it
  // Answered by a parent that is alive: from here on its death is not missed.
  if (auto done = sync.tell(Step::ready); !done) return done;
  return sync.await(Step::go_on);
}

[[noreturn]] void be_guest(const Plan& plan, Sync sync, const PassedSignals& signals) {
  if (auto done = isolate(plan, sync); !done) {
    static_cast<void>(sync.tell(done.error()));  // when nobody listens, nobody is waiting
    ::_exit(1);
  }
  { const Sync finished = std::move(sync); }
  run_init(plan.command, signals);
}

// vsctl's half of isolate().
Result<> accompany(pid_t guest, const Plan& plan, Sync sync) {
  if (auto done = sync.await(Step::in_user_namespace); !done) return done;
  if (auto done = map_root_of(guest, plan.host_id); !done) return done;
  if (auto done = sync.tell(Step::go_on); !done) return done;
  if (auto done = sync.await(Step::ready); !done) return done;
  return sync.tell(Step::go_on);
}

Result<Plan> make_plan(const SandboxOptions& options) {
  Plan plan;
  auto hidden = plan_hidden(options.hidden);
  if (!hidden) return fail(std::move(hidden.error()));
  plan.view = {options.socket_directory, options.libraries, std::move(*hidden)};
  plan.command = {options.command,
                  guest_environment(caller_environment(), options.environment, kLibraryDirectory),
                  working_directory()};
  plan.host_name = options.domain;
  return plan;
}

}  // namespace

Result<int> run_sandboxed(const SandboxOptions& options) {
  auto plan = make_plan(options);
  if (!plan) return fail(std::move(plan.error()));
  if (auto done = fill_standard_descriptors(); !done) return fail(std::move(done.error()));
  if (::geteuid() == 0) {
    plan->host_id = guest_id(options.domain);
  } else if (auto done = become_root_of_own_namespace(); !done) {
    return fail(std::move(done.error()));
  }

  auto ends = Sync::make_pair();
  if (!ends) return fail(std::move(ends.error()));
  const TerminalForeground foreground;
  const PassedSignals signals;
  const pid_t guest = fork_into_pid_namespace();
  if (guest < 0) return fail_errno(errno, "make a pid namespace");
  if (guest == 0) be_guest(*plan, std::move(ends->second), signals);

  { const Sync guests_end = std::move(ends->second); }
  auto isolated = accompany(guest, *plan, std::move(ends->first));
  if (!isolated) static_cast<void>(::kill(guest, SIGKILL));
  const int status = signals.wait_for(guest);
  if (!isolated) return fail(std::move(isolated.error()).within("sandbox"));
  return exit_status_of(status);
}

}  // namespace vs::ctl
