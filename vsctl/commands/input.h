// The policy files that `apply` is given: files, directories, or standard input.
//
// Errors: invalid, naming the file.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "vsctl/client/daemon.h"

namespace vs::ctl {

inline constexpr std::size_t kInputBytesMax =
    std::size_t{8} << 20;  // of all files; the daemon's limit is the same

// A directory stands for its *.yaml and *.yml, sorted by name, hidden ones and directories below
// left out; "-" is standard input. In the order given.
Outcome<std::vector<InputFile>> read_inputs(const std::vector<std::string>& paths);

}  // namespace vs::ctl
