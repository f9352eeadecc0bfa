// The first process of a guest: starts the command, passes signals on, reaps what is left behind,
// and ends as the command does.
//
// Runs when the isolation is complete. The kernel kills everything else in the guest when it ends.
#pragma once

#include <sys/stat.h>

#include <optional>
#include <string>
#include <vector>

#include "vsctl/sandbox/signals.h"

namespace vs::ctl {

inline constexpr int kCommandNotExecutable = 126;  // as POSIX shells
inline constexpr int kCommandNotFound = 127;

// A directory that can be recognised again under another root.
struct WorkingDirectory {
  std::string path;
  struct stat identity {};
};
// nullopt when it was deleted, or cannot be looked at.
std::optional<WorkingDirectory> working_directory();

struct GuestCommand {
  std::vector<std::string> arguments;        // the program first
  std::vector<std::string> environment;      // all of it
  std::optional<WorkingDirectory> start_in;  // if the guest sees the same there; / otherwise
};

// Never returns. The signals in `signals` are blocked.
[[noreturn]] void run_init(const GuestCommand& command, const PassedSignals& signals);

}  // namespace vs::ctl
