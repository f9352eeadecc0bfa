// `vsctl migrate`: moves a domain to another node, shows how that stands, and says what an operator or an orchestrator has to say.
//
// Errors: those of Daemon; negative, when the domain did not go; not_applied, when it is in doubt.
#pragma once

#include <string>

#include "vsctl/commands/session.h"

namespace vs::ctl {

struct MigrateOptions {
  std::string domain;
  std::string node;
  std::string migration;  // an id, its beginning, or a domain; `status`: empty is all
  std::string word;       // resolve: "take-back", "give-up", "keep"
  bool manual = false;
  bool no_wait = false;
  bool yes = false;  // resolve: sworn already
};

Outcome<ExitCode> check_migration(Session& session, const MigrateOptions& options);
// Waits until it has ended; a manual one, until all is ready for the freeze.
Outcome<ExitCode> start_migration(Session& session, const MigrateOptions& options);
Outcome<ExitCode> show_migrations(Session& session, const MigrateOptions& options);
Outcome<ExitCode> cancel_migration(Session& session, const MigrateOptions& options);
// Waits until it is frozen.
Outcome<ExitCode> freeze_migration(Session& session, const MigrateOptions& options);
// Waits until it has ended.
Outcome<ExitCode> commit_migration(Session& session, const MigrateOptions& options);
// Asks on a terminal whether what `word` swears is so.
Outcome<ExitCode> resolve_migration(Session& session, const MigrateOptions& options);

}  // namespace vs::ctl
