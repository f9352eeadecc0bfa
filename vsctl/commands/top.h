// `vsctl top`: what the bindings do, as they do it.
//
// Rates and latencies are of the time between two looks. Full screen on a terminal: s sorts by the next
// column, q ends it. Owned by one thread.
#pragma once

#include <string>

#include "vsctl/commands/session.h"

namespace vs::ctl {

struct TopOptions {
  bool once = false;            // two looks, one table, no full screen
  std::string interval = "2s";  // between looks
  std::string sort = "rate";    // rate, p99, sessions, name
};

Outcome<ExitCode> top(Session& session, const TopOptions& options);

}  // namespace vs::ctl
