// Runs one command as a guest: a process tree that sees the node's programs and files, can change
// nothing, and reaches the outside only through the devices in /run/vservice.
//
// Own user, mount, network, pid, ipc and uts namespaces. The network namespace holds nothing but a
// loopback interface that is down. The file system is the node's, read-only; /run, /tmp, /var/tmp,
// /dev, /proc and /sys are the guest's own; what `hidden` names is covered. Inside, the command is
// root without a single capability; outside it is a user that owns nothing (identity.h). When the
// caller is not root, it is the caller outside.
//
// Call it once, from a process with one thread. When the caller is not root, the process stays in a
// user namespace of its own afterwards. Errors: the isolation could not be established in full;
// nothing was run then.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"

namespace vs::ctl {

struct SandboxOptions {
  std::string domain;                            // host name inside; chooses the identity outside
  std::filesystem::path socket_directory;        // becomes /run/vservice
  std::vector<std::filesystem::path> libraries;  // files that programs find by their names
  std::vector<std::filesystem::path>
      hidden;  // directories that must not be reachable; those that do not exist are not
  std::vector<std::string> command;      // searched in PATH
  std::vector<std::string> environment;  // "K=V", on top of the caller's
};

// Ends when the command does and returns its status: 128 + signal when a signal ended it, 127 when
// it does not exist, 126 when it cannot be executed. Signals to the caller reach the command; when
// the caller dies, the guest dies.
Result<int> run_sandboxed(const SandboxOptions& options);

}  // namespace vs::ctl
