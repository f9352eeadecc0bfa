// The environment variables of a guest's command, made from the caller's.
//
// Pure; thread-safe.
#pragma once

#include <string>
#include <vector>

namespace vs::ctl {

// `caller` without what speaks of the caller's own place, with HOME=/tmp (the caller's home is not
// writable inside) and with `library_directory` first in LD_LIBRARY_PATH; then `extra` ("K=V"),
// which wins over all of it but that first place.
std::vector<std::string> guest_environment(const std::vector<std::string>& caller,
                                           const std::vector<std::string>& extra,
                                           const std::string& library_directory);

// The calling process' own.
std::vector<std::string> caller_environment();

}  // namespace vs::ctl
