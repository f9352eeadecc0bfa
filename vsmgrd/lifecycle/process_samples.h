// What this process takes of the machine, under the names that Prometheus's clients use for it.
//
// Read from /proc (proc(5)); what cannot be read is left out. Thread-safe.
#pragma once

#include <vector>

#include "base/sample.h"

namespace vs {

std::vector<Sample> process_samples();

}  // namespace vs
