// `vsctl ui`: the daemon's page, for a browser on this machine.
#pragma once

#include <cstdint>

#include "vsctl/commands/session.h"

namespace vs::ctl {

struct UiOptions {
  std::uint16_t port = 0;  // 0: any that is free
};

// Prints the address and serves it until it is ended. unavailable, when the daemon does not answer; conflict, when the port is taken.
Outcome<ExitCode> ui(Session& session, const UiOptions& options);

}  // namespace vs::ctl
