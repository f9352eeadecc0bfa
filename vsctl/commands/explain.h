// `vsctl explain`: may this domain use that service, and which rule says so?
#pragma once

#include <string>

#include "vsctl/commands/session.h"

namespace vs::ctl {

struct ExplainOptions {
  std::string domain;
  std::string service;
};

// ok when allowed, negative when denied.
Outcome<ExitCode> explain(Session& session, const ExplainOptions& options);

}  // namespace vs::ctl
