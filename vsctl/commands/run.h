// `vsctl run`: runs a command as a guest, in a sandbox that reaches the domain's services and
// nothing else.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"
#include "vsctl/commands/session.h"

namespace vs::ctl {

// Where the daemon keeps its state unless told otherwise; out of every guest's sight.
inline constexpr const char* kStateDirectory = "/var/lib/vservices";

struct RunOptions {
  std::string domain;
  std::vector<std::string> environment;       // "K=V"
  std::vector<std::filesystem::path> hidden;  // further directories to keep out of sight
  std::vector<std::string> command;
};

// Returns the command's exit status as an ExitCode of that number. not_found, when the domain is
// not declared; unavailable, when it has no sockets yet; any other failure: the sandbox could not
// be made, and nothing was run.
Outcome<ExitCode> run(Session& session, const RunOptions& options);

// The libraries that connect unmodified programs, in the first of `directories` that has them all.
// not_found, naming where.
Result<std::vector<std::filesystem::path>> find_libraries(
    const std::vector<std::filesystem::path>& directories);

}  // namespace vs::ctl
