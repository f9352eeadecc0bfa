// `vsctl apply` and `vsctl diff`: what files declare becomes so, all of it or nothing; and what would.
#pragma once

#include <string>
#include <vector>

#include "vsctl/commands/session.h"

namespace vs::ctl {

struct ApplyOptions {
  std::vector<std::string> paths;   // files, directories, "-"
  std::vector<std::string> labels;  // with `prune`: the selector
  bool prune = false;
  bool dry_run = false;
  bool diff = false;  // show what changes in each object
  bool no_wait = false;
  bool detailed_exit_code = false;
};

// Waits until what changed is in force. negative, when the daemon could not make a changed binding so;
// not_applied, when it was not so by the deadline; changed, when that was asked for.
Outcome<ExitCode> apply(Session& session, const ApplyOptions& options);

// ok without differences, negative with some. Of `options`, the paths and what to prune.
Outcome<ExitCode> diff(Session& session, const ApplyOptions& options);

}  // namespace vs::ctl
