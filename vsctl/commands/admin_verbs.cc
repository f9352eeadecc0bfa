#include "vsctl/commands/verbs.h"

#include "vsctl/commands/admin.h"

namespace vs::ctl {
namespace {

CLI::App* add_token_verb(CLI::App& token, Command& chosen, const char* name, const char* what,
                         const std::shared_ptr<TokenOptions>& options,
                         Outcome<ExitCode> (*run)(Session&, const TokenOptions&)) {
  auto* command = add(token, chosen, name, what, options, run);
  command->footer(std::string("Example:\n  vsctl admin token ") + name +
                  (std::string_view(name) == "list"     ? ""
                   : std::string_view(name) == "create" ? " grafana --role viewer >grafana.token"
                                                        : " grafana"));
  return command;
}

void add_tokens(CLI::App& admin, Command& chosen) {
  auto* token = admin.add_subcommand("token", "Makes, lists and takes back tokens for users elsewhere.");
  token->require_subcommand(1);
  token->footer("Example:\n  vsctl admin token list");
  const auto options = std::make_shared<TokenOptions>();

  auto* create = add_token_verb(*token, chosen, "create", "Makes a token and shows its secret, this once.", options, create_token);
  create->add_option("TOKEN", options->name, "Its name")->required();
  create->add_option("--role", options->role, "viewer, operator, policy-admin or admin")
      ->check(CLI::IsMember({"viewer", "operator", "policy-admin", "admin"}))
      ->option_text("ROLE [viewer]");
  create->add_option("--scope", options->scope, "A label selector: only objects that it fits are seen");
  create->add_option("--lifetime", options->lifetime, "Until it ends, at most 2160h")->option_text("DURATION [720h]");

  add_token_verb(*token, chosen, "list", "Lists tokens, never their secrets.", options, list_tokens);

  auto* rotate = add_token_verb(*token, chosen, "rotate", "Gives a token a new secret; the old one works a while longer.",
                                options, rotate_token);
  rotate->add_option("TOKEN", options->name, "Its name or id")->required();
  rotate->add_option("--lifetime", options->lifetime, "Of the new secret")->option_text("DURATION [720h]");
  rotate->add_option("--grace", options->grace, "How long the old secret still works, at most 24h")->option_text("DURATION [1h]");

  auto* revoke = add_token_verb(*token, chosen, "revoke", "Ends a token at once.", options, revoke_token);
  revoke->add_option("TOKEN", options->name, "Its name or id")->required();
}

void add_admin_verb(CLI::App& admin, Command& chosen, const char* name, const char* what, const char* footer,
                    Outcome<ExitCode> (*run)(Session&, const AdminOptions&)) {
  add(admin, chosen, name, what, std::make_shared<AdminOptions>(), run)->footer(footer);
}

constexpr const char* kRestoreHelp =
    "Putting a backup back needs the daemon out of the way, and root on the node:\n"
    "  systemctl stop vsmgrd\n"
    "  vsmgrd --config /etc/vservices/vsmgrd.conf --restore /var/lib/vservices/backups/NAME\n"
    "  systemctl start vsmgrd\n"
    "Guests are served meanwhile. What was there is kept beside the database.\n"
    "Example:\n  vsctl admin restore";

// Not over the API: a path never comes from there, and a daemon cannot exchange its database while it serves.
Outcome<ExitCode> explain_restore(Session& session, const AdminOptions& /*none*/) {
  session.out << kRestoreHelp << "\n";
  return ExitCode::ok;
}

}  // namespace

void add_admin_verbs(CLI::App& app, Command& chosen) {
  auto* admin = app.add_subcommand("admin", "Keeps the node in order: tokens, audit, backups.");
  admin->require_subcommand(1);
  admin->footer("Example:\n  vsctl admin backup");
  add_tokens(*admin, chosen);
  auto* audit = admin->add_subcommand("audit", "Looks at the record of who changed what.");
  audit->require_subcommand(1);
  audit->footer("Example:\n  vsctl admin audit verify");
  add_admin_verb(*audit, chosen, "verify", "Says whether the audit is as it was written.",
                 "What it prints, kept elsewhere, shows later whether rows at the end were taken away, too.\n"
                 "Exit code 1: a row was changed or taken away.\nExample:\n  vsctl admin audit verify", verify_audit);
  add_admin_verb(*admin, chosen, "backup", "Copies the database, while it is served, into the daemon's directory.",
                 "Its name is printed; `vsctl admin restore` says how it is put back. Exit code 8: it failed.\n"
                 "Example:\n  vsctl admin backup", backup);
  add_admin_verb(*admin, chosen, "restore", "Says how a backup is put back.", kRestoreHelp, explain_restore);
  for (CLI::App* where : {admin, &app})
    add_admin_verb(*where, chosen, "doctor", "Examines the daemon, its backends and its database.",
                   "Exit code 1: something is wrong.\nExample:\n  vsctl doctor", doctor);
}

}  // namespace vs::ctl
