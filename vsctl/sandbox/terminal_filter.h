// Keeps a guest from typing into the terminal that it shares with the node's user.
//
// TIOCSTI puts bytes into the terminal's input, TIOCLINUX pastes: both would be run by the caller's
// shell afterwards. The terminal itself stays usable, which a new session would not allow. A
// seccomp filter on the calling process and all that it becomes; no_new_privs must be set. Errors
// name the system call.
#pragma once

#include "base/result.h"

namespace vs::ctl {

Result<> forbid_terminal_injection();

}  // namespace vs::ctl
