// What every command works with: the daemon, the form of the answer, and where it goes.
//
// Data goes to `out`, everything else to `err`. Owned by one thread; refers to what main() holds.
#pragma once

#include <ostream>
#include <string>

#include "vsctl/client/daemon.h"
#include "vsctl/client/deadline.h"
#include "vsctl/output/format.h"

namespace vs::ctl {

struct Session {
  Daemon& daemon;
  Endpoint endpoint;  // of the daemon
  Deadline deadline;        // for everything that asks or waits for the daemon
  OutputFormat format = OutputFormat::table;
  bool colour = false;   // of what goes to `out`
  bool quiet = false;    // say nothing on `err` but errors
  std::ostream& out;
  std::ostream& err;
};

}  // namespace vs::ctl
