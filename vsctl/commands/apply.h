// `vsctl apply`: creates or replaces what files declare, all of it or nothing, and waits until it
// is so.
#pragma once

#include <string>
#include <vector>

#include "vsctl/commands/session.h"

namespace vs::ctl {

struct ApplyOptions {
  std::vector<std::string> paths;  // files, directories, "-"
  bool dry_run = false;
  bool no_wait = false;
};

// negative, when the daemon could not make a changed binding so.
Outcome<ExitCode> apply(Session& session, const ApplyOptions& options);

}  // namespace vs::ctl
