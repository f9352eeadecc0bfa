// `vsctl policy ...`: tests of policies, what other policies would change, what is wrong with them,
// and the way back to earlier ones.
//
// The daemon answers all of it, also about files that it has not been given: there is one engine.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "vsctl/commands/session.h"

namespace vs::ctl {

struct PolicyTestOptions {
  std::vector<std::string> cases;
  std::vector<std::string> policies;  // none: those of the daemon
  std::int64_t coverage_percent = 0;  // at least
};
// ok when every case passes and the coverage is reached, else negative.
Outcome<ExitCode> policy_test(Session& session, const PolicyTestOptions& options);

struct PolicyFilesOptions {
  std::vector<std::string> paths;
};
// What applying the files would turn over of the recorded decisions: negative when there is any.
Outcome<ExitCode> policy_simulate(Session& session, const PolicyFilesOptions& options);
// Of the files, or without files of the daemon's policies: negative when anything is found.
Outcome<ExitCode> policy_lint(Session& session, const PolicyFilesOptions& options);

struct PolicyRollbackOptions {
  std::optional<std::int64_t> generation;  // none: the one before the newest
  bool dry_run = false;
};
Outcome<ExitCode> policy_rollback(Session& session, const PolicyRollbackOptions& options);

struct PolicyHistoryOptions {};
Outcome<ExitCode> policy_history(Session& session, const PolicyHistoryOptions& options);

struct PolicyCatOptions {};
// Every rule in force, with where it was written.
Outcome<ExitCode> policy_cat(Session& session, const PolicyCatOptions& options);

}  // namespace vs::ctl
