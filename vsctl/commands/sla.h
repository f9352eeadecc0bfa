// `vsctl sla`: what was promised to bindings, and how it is kept, as vsmgrd counts it.
//
// Owned by one thread.
#pragma once

#include <string>

#include "vsctl/commands/session.h"

namespace vs::ctl {

struct SlaOptions {
  std::string binding;  // empty: all
};

Outcome<ExitCode> sla(Session& session, const SlaOptions& options);

}  // namespace vs::ctl
