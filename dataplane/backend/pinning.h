// Where threads may run.
//
// Thread-safe. CPUs are ascending numbers below control::kCpusMax.
#pragma once

#include <sys/types.h>

#include "base/result.h"
#include "dataplane/control/messages.h"

namespace vs {

// Of a thread or process; 0: the calling thread. Empty when there is none any more.
control::Cpus affinity_of(pid_t thread);

// Processor time of the calling thread, in ns.
std::uint64_t thread_cpu_ns();

// Has the calling thread run on these CPUs only. Errors: invalid, when it may run on none of them.
Result<> pin_this_thread(const control::Cpus& cpus);

}  // namespace vs
