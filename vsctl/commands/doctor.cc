#include <unistd.h>

#include <cstring>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "vsctl/client/fields.h"
#include "vsctl/commands/admin.h"
#include "vsctl/commands/exposition.h"
#include "vsctl/commands/operations.h"
#include "vsctl/output/table.h"

namespace vs::ctl {
namespace {

using nlohmann::json;

struct Check {
  std::string name;
  bool sound;
  std::string message;
};

// Whether the daemon can be asked at all, and which it is.
Check check_daemon(Session& session) {
  const auto about = session.daemon.version();
  if (!about) return {"daemon", false, about.error().message};
  const std::string version = text(*about, "version");
  const bool same = version == VS_VERSION;
  return {"daemon", same, same ? "version " + version : fmt::format("version {}, vsctl is {}", version, VS_VERSION)};
}

std::vector<Check> check_backends(Session& session) {
  const auto exposition = session.daemon.metrics();
  if (!exposition) return {{"backends", false, exposition.error().message}};
  std::vector<Check> checks;
  for (const json& sample : parse_metrics(*exposition)) {
    if (text(sample, "name") != "vservices_backend_up") continue;
    const bool up = number(sample, "value") == 1;
    checks.push_back({"backend " + text(field(sample, "labels"), "kind"), up, up ? "takes commands" : "is down"});
  }
  return checks;
}

Check check_bindings(Session& session) {
  const auto list = session.daemon.list("bindings");
  if (!list) return {"bindings", false, list.error().message};
  std::size_t failed = 0;
  std::string first;
  for (const json& binding : field(*list, "items"))
    if (text(field(binding, "status"), "state") == "Failed" && failed++ == 0)
      first = fmt::format("{}: {}", text(field(binding, "metadata"), "name"), text(field(binding, "status"), "message"));
  const std::size_t all = field(*list, "items").size();
  if (failed == 0) return {"bindings", true, fmt::format("{}, none failed", all)};
  return {"bindings", false, fmt::format("{} of {} failed, such as {}", failed, all, first)};
}

Check check_warnings(Session& session) {
  const auto list = session.daemon.list("warnings");
  if (!list) return {"warnings", false, list.error().message};
  std::size_t fresh = 0;
  for (const json& warning : field(*list, "items"))
    if (text(warning, "status") == "new") ++fresh;
  return {"warnings", fresh == 0, fresh == 0 ? "none" : fmt::format("{} that nobody acknowledged: vsctl warnings", fresh)};
}

// What the daemon finds in its own database.
std::vector<Check> check_database(Session& session) {
  const auto findings = perform(session, "/v1/admin/doctor");
  if (!findings) return {{"database", false, findings.error().message}};
  std::vector<Check> checks;
  for (const json& finding : field(*findings, "findings"))
    checks.push_back({"database " + text(finding, "check"), is_true(finding, "sound"), text(finding, "message")});
  return checks;
}

void append(std::vector<Check>& to, std::vector<Check> more) {
  for (Check& check : more) to.push_back(std::move(check));
}

}  // namespace

Outcome<ExitCode> doctor(Session& session, const AdminOptions& /*none*/) {
  std::vector<Check> checks{check_daemon(session)};
  // Where the daemon cannot be asked, one line says so, and not five.
  if (checks.front().sound || checks.front().message.starts_with("version")) {
    append(checks, check_backends(session));
    checks.push_back(check_bindings(session));
    checks.push_back(check_warnings(session));
    append(checks, check_database(session));
  }
  bool sound = true;
  Table table({"CHECK", "VERDICT", "FOUND"});
  json items = json::array();
  for (const Check& check : checks) {
    sound = sound && check.sound;
    table.add({check.name, check.sound ? "ok" : "WRONG", check.message});
    items.push_back({{"check", check.name}, {"sound", check.sound}, {"message", check.message}});
  }
  session.out << (for_people(session.format) ? table.to_string()
                                             : render({{"sound", sound}, {"items", std::move(items)}}, session.format));
  return sound ? ExitCode::ok : ExitCode::negative;
}

}  // namespace vs::ctl
