#include "vsctl/commands/admin.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "vsctl/client/fields.h"
#include "vsctl/commands/duration.h"
#include "vsctl/commands/lists.h"
#include "vsctl/commands/operations.h"
#include "vsctl/output/text.h"

namespace vs::ctl {
namespace {

using nlohmann::json;

constexpr ListForm kTokenForm{.kind = "Token", .plural = "tokens"};

std::string token_path(const std::string& id) { return "/v1/tokens/" + Http::escape(id); }

// People type names; the API knows ids.
Outcome<std::string> token_id(Session& session, const std::string& name) {
  const auto list = session.daemon.list("tokens");
  if (!list) return give_up(list.error());
  std::string found;
  for (const json& token : field(*list, "items")) {
    if (text(token, "id") == name) return name;
    // A name is free again when its token is revoked: the one that still works is meant.
    if (text(token, "name") == name && (found.empty() || text(token, "revokedAt").empty())) found = text(token, "id");
  }
  if (found.empty()) return give_up(ExitCode::not_found, fmt::format("there is no token \"{}\"", name));
  return found;
}

// The secret stands alone on standard output, so that it can go straight into a file of mode 0600.
void show_secret(Session& session, const json& issued) {
  if (!for_people(session.format)) {
    session.out << render(issued, session.format);
    return;
  }
  session.out << printable(text(issued, "secret")) << "\n";
  const json& token = field(issued, "token").is_object() ? field(issued, "token") : issued;
  if (!session.quiet)
    session.err << printable(fmt::format("token {} ({}) until {}; the line above is shown only now",
                                         text(token, "name"), text(token, "role"), text(token, "expiresAt")))
                << "\n";
}

}  // namespace

Outcome<ExitCode> create_token(Session& session, const TokenOptions& options) {
  json wanted{{"name", options.name}, {"role", options.role}, {"lifetime", options.lifetime}};
  if (!options.scope.empty()) wanted["scope"] = options.scope;
  const auto issued = session.daemon.post("/v1/tokens", wanted);
  if (!issued) return give_up(issued.error());
  show_secret(session, *issued);
  return ExitCode::ok;
}

Outcome<ExitCode> list_tokens(Session& session, const TokenOptions& /*none*/) {
  auto list = session.daemon.list("tokens");
  if (!list) return give_up(list.error());
  std::vector<json> tokens((*list)["items"].begin(), (*list)["items"].end());
  show_list(session, kTokenForm, std::move(*list), std::move(tokens));
  return ExitCode::ok;
}

Outcome<ExitCode> rotate_token(Session& session, const TokenOptions& options) {
  const auto id = token_id(session, options.name);
  if (!id) return give_up(id.error());
  const auto issued =
      session.daemon.post(token_path(*id) + ":rotate", {{"lifetime", options.lifetime}, {"grace", options.grace}});
  if (!issued) return give_up(issued.error());
  show_secret(session, *issued);
  return ExitCode::ok;
}

Outcome<ExitCode> revoke_token(Session& session, const TokenOptions& options) {
  const auto id = token_id(session, options.name);
  if (!id) return give_up(id.error());
  const auto answer = session.daemon.erase(token_path(*id));
  if (!answer) return give_up(answer.error());
  if (for_people(session.format))
    session.out << printable(fmt::format("token/{} revoked", options.name)) << "\n";
  else
    session.out << render(*answer, session.format);
  return ExitCode::ok;
}

Outcome<ExitCode> verify_audit(Session& session, const AdminOptions& /*none*/) {
  const auto verdict = session.daemon.read("/v1/audit/verify");
  if (!verdict) return give_up(verdict.error());
  const bool sound = is_true(*verdict, "sound");
  if (!for_people(session.format))
    session.out << render(*verdict, session.format);
  else if (sound)
    session.out << fmt::format("audit sound: {} rows, up to {} with hash {}\n", number(*verdict, "rows"),
                               number(*verdict, "lastId"), printable(text(*verdict, "lastHash")));
  if (sound) return ExitCode::ok;
  return give_up(ExitCode::negative, fmt::format("the audit was tampered with at row {}: {}", number(*verdict, "brokenAt"),
                                                 text(*verdict, "message")));
}

Outcome<ExitCode> backup(Session& session, const AdminOptions& /*none*/) {
  const auto made = perform(session, "/v1/admin/backup");
  if (!made) return give_up(made.error());
  if (for_people(session.format))
    session.out << printable(fmt::format("backup {} made: {} bytes", text(*made, "name"), number(*made, "bytes")))
                << "\n";
  else
    session.out << render(*made, session.format);
  return ExitCode::ok;
}

}  // namespace vs::ctl
