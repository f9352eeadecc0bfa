// `vsctl describe`: everything about one object, and what depends on it.
#pragma once

#include <string>

#include "vsctl/commands/session.h"

namespace vs::ctl {

struct DescribeOptions {
  std::string kind;
  std::string name;
};

// As JSON or YAML: the object, and under "bindings" the bindings of a domain or a service.
Outcome<ExitCode> describe(Session& session, const DescribeOptions& options);

}  // namespace vs::ctl
