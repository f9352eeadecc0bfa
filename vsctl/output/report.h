// A failure as people read it: every problem in a line of its own, then one line that sums up.
//
// Pure; thread-safe.
#pragma once

#include <string>

#include "vsctl/client/failure.h"

namespace vs::ctl {

// "policies/demo.yaml:12:3: unknown key (hint)" for each problem, then "vsctl: summary"; lines end
// with newlines.
std::string report(const Failure& failure);

}  // namespace vs::ctl
