// `vsctl explain`: may this domain use that service, and which rule says so? Or: why was a decision
// made as it was?
#pragma once

#include <cstdint>
#include <string>

#include "vsctl/commands/session.h"

namespace vs::ctl {

struct ExplainOptions {
  std::string domain;   // or "binding"
  std::string service;  // or the binding's name
  std::string channel;  // of a service with channels; empty: not asked about
  std::string verb;     // on it; empty: all
  std::int64_t decision = 0;  // a record's number; 0: none was given
};

// ok when allowed, negative when denied.
Outcome<ExitCode> explain(Session& session, const ExplainOptions& options);

}  // namespace vs::ctl
