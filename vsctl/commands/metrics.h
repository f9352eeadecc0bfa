// `vsctl metrics`: the daemon's measurements.
#pragma once

#include <string>

#include "vsctl/commands/session.h"

namespace vs::ctl {

struct MetricsOptions {
  std::string prefix;  // of the metric's name; empty: all
};

// For people, Prometheus' text. negative, when no metric begins with the prefix.
Outcome<ExitCode> metrics(Session& session, const MetricsOptions& options);

}  // namespace vs::ctl
