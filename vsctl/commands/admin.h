// `vsctl admin`: what keeps a node in order: tokens, audit, backups, and a look at its health.
#pragma once

#include <string>

#include "vsctl/commands/session.h"

namespace vs::ctl {

struct TokenOptions {
  std::string name;  // or the id of one that exists
  std::string role = "viewer";
  std::string scope;
  std::string lifetime = "720h";
  std::string grace = "1h";  // how long a rotated secret is still taken
};

// The secret is shown once, on standard output.
Outcome<ExitCode> create_token(Session& session, const TokenOptions& options);
Outcome<ExitCode> list_tokens(Session& session, const TokenOptions& options);
Outcome<ExitCode> rotate_token(Session& session, const TokenOptions& options);
Outcome<ExitCode> revoke_token(Session& session, const TokenOptions& options);

struct AdminOptions {
  bool no_wait = false;
};

// negative, when a row was changed or taken away.
Outcome<ExitCode> verify_audit(Session& session, const AdminOptions& options);
// The database to a file in the daemon's state directory, whose name it answers.
Outcome<ExitCode> backup(Session& session, const AdminOptions& options);

// Every check with its verdict; negative, when one of them found something. Also without a daemon.
Outcome<ExitCode> doctor(Session& session, const AdminOptions& options);

}  // namespace vs::ctl
