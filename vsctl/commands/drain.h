// `vsctl drain`: moves every domain of a node to others, a few at a time.
//
// Errors: those of Daemon; not_found, when the daemon's node is another than the one that is meant; negative, when some did not
// move. Ctrl-C begins no more, waits for those on their way and ends with interrupted; a second one leaves them to it.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "vsctl/commands/session.h"

namespace vs::ctl {

inline constexpr std::size_t kDrainParallel = 4;
inline constexpr std::size_t kDrainParallelMax = 64;  // as many as go on at once on a node

struct DrainOptions {
  std::string node;
  std::vector<std::string> targets;
  std::size_t parallel = kDrainParallel;
  std::string labels;  // a selector; empty: all domains
  bool dry_run = false;
};

Outcome<ExitCode> drain(Session& session, const DrainOptions& options);

}  // namespace vs::ctl
