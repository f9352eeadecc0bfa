// `vsctl wait`: until an object is as it should be, and tells the truth about it.
#pragma once

#include <string>

#include "vsctl/commands/session.h"

namespace vs::ctl {

struct WaitOptions {
  std::string kind;
  std::string name;
  std::string condition;  // "condition=Ready", "condition=Ready=False", "state=Bound", "deleted"
};

// timeout, when it did not become so; not_found, when there is no such object to wait for. A state
// counts only when it was observed of the present declaration.
Outcome<ExitCode> wait(Session& session, const WaitOptions& options);

}  // namespace vs::ctl
