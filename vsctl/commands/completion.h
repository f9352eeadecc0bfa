// `vsctl completion`: the scripts by which shells complete vsctl's words. They ask `vsctl
// __complete` for the candidates.
//
// Pure. Errors: invalid, for a shell without a script.
#pragma once

#include <string>
#include <string_view>

#include "vsctl/client/failure.h"

namespace vs::ctl {

Outcome<std::string> completion_script(std::string_view shell);

}  // namespace vs::ctl
