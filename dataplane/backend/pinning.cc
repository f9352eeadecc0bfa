#include "dataplane/backend/pinning.h"

#include <sched.h>
#include <time.h>

#include <array>
#include <cerrno>

namespace vs {
namespace {

using Mask = std::array<cpu_set_t, control::kCpusMax / CPU_SETSIZE>;

}  // namespace

control::Cpus affinity_of(pid_t thread) {
  Mask mask{};
  control::Cpus cpus;
  if (::sched_getaffinity(thread, sizeof mask, mask.data()) != 0) return cpus;
  for (std::uint32_t cpu = 0; cpu < control::kCpusMax; ++cpu)
    if (CPU_ISSET_S(cpu, sizeof mask, mask.data())) cpus.push_back(cpu);
  return cpus;
}

std::uint64_t thread_cpu_ns() {
  timespec used{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
  return static_cast<std::uint64_t>(used.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(used.tv_nsec);
}

Result<> pin_this_thread(const control::Cpus& cpus) {
  Mask mask{};
  for (const std::uint32_t cpu : cpus) CPU_SET_S(cpu, sizeof mask, mask.data());
  if (::sched_setaffinity(0, sizeof mask, mask.data()) == 0) return {};
  return errno == EINVAL ? fail(ErrorCode::invalid, "it may run on none of its CPUs") : fail_errno(errno, "pin a loop");
}

}  // namespace vs
