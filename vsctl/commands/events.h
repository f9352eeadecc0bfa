// `vsctl events` and `vsctl watch`: what happens, as it happens.
//
// A connection that breaks is made again and goes on after the last event that was shown. Ends by
// SIGINT, when nobody reads the output, or never.
#pragma once

#include <chrono>
#include <string>

#include "vsctl/commands/session.h"

namespace vs::ctl {

inline constexpr std::chrono::milliseconds kReconnectMin{100};
inline constexpr std::chrono::milliseconds kReconnectMax{5'000};

struct EventsOptions {
  std::string since;  // the id of the last that is known; empty: all that are kept, or with `follow` those from now on
  std::string labels;
  std::string filter;
  bool follow = false;
};

// Without `follow`, what is kept until now. As JSON, one event a line.
Outcome<ExitCode> events(Session& session, const EventsOptions& options);

struct WatchOptions {
  std::string kind;
  std::string labels;
};

// The objects of a kind as they are, then each that changes; one a line.
Outcome<ExitCode> watch(Session& session, const WatchOptions& options);

}  // namespace vs::ctl
