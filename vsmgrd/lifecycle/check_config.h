// Whether vsmgrd could start with these options, found out without starting: nothing is made,
// written or locked.
//
// Reads the file system. Any thread. The problems are sentences; none means that it could.
#pragma once

#include <string>
#include <vector>

#include "vsmgrd/config/options.h"

namespace vs {

struct ConfigReport {
  std::vector<std::string> facts;     // what was found in order, for people
  std::vector<std::string> problems;  // all of them, not only the first
};

ConfigReport check_config(const Options& options);

}  // namespace vs
