// `vsctl version`: which vsctl this is, and which daemon answers.
#pragma once

#include "vsctl/commands/session.h"

namespace vs::ctl {

// Says its own version also when the daemon cannot be reached; that is the failure then.
Outcome<ExitCode> version(Session& session);

}  // namespace vs::ctl
