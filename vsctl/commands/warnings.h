// `vsctl warnings` and `vsctl ack`: what needs a person, and that a person knows.
#pragma once

#include <string>
#include <vector>

#include "vsctl/commands/session.h"

namespace vs::ctl {

struct WarningsOptions {
  bool all = false;  // those acknowledged and resolved as well
};

Outcome<ExitCode> warnings(Session& session, const WarningsOptions& options);

struct AcknowledgeOptions {
  std::vector<std::string> ids;
};

Outcome<ExitCode> acknowledge(Session& session, const AcknowledgeOptions& options);

}  // namespace vs::ctl
