// vsctl flush: has a service forget what it keeps for its guests.
//
// Errors: those of Daemon.
#pragma once

#include <string>

#include "vsctl/commands/session.h"

namespace vs::ctl {

struct FlushOptions {
  std::string service;
  std::string domain;  // empty: of all, and what they share
  std::string name;    // empty: about all names
};

Outcome<ExitCode> flush(Session& session, const FlushOptions& options);

}  // namespace vs::ctl
