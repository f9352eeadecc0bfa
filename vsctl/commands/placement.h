// `vsctl placement`: which CPUs serve which binding, and why.
//
// All of it comes from GET /v1/placement. Owned by one thread.
#pragma once

#include <string>

#include "vsctl/commands/session.h"

namespace vs::ctl {

struct PlacementOptions {
  std::string binding;  // of explain
};

// The CPUs, and the bindings on them.
Outcome<ExitCode> show_placement(Session& session, const PlacementOptions& options);
// What a plan made now would move. negative, when it moves something.
Outcome<ExitCode> plan_placement(Session& session, const PlacementOptions& options);
// One binding, in words. negative, when it does not have what it wishes.
Outcome<ExitCode> explain_placement(Session& session, const PlacementOptions& options);

}  // namespace vs::ctl
