#include "vsctl/commands/warnings.h"

#include <nlohmann/json.hpp>

#include "vsctl/client/fields.h"
#include "vsctl/commands/lists.h"
#include "vsctl/output/text.h"

namespace vs::ctl {

using nlohmann::json;

Outcome<ExitCode> warnings(Session& session, const WarningsOptions& options) {
  auto list = session.daemon.list("warnings");
  if (!list) return give_up(list.error());
  std::vector<json> shown;
  for (json& warning : (*list)["items"])
    if (options.all || text(warning, "status") == "new") shown.push_back(std::move(warning));
  show_list(session, {.kind = "Warning", .plural = "warnings"}, std::move(*list), std::move(shown));
  return ExitCode::ok;
}

Outcome<ExitCode> acknowledge(Session& session, const AcknowledgeOptions& options) {
  json answers = json::array();
  for (const std::string& id : options.ids) {
    auto warning = session.daemon.post("/v1/warnings/" + Http::escape(id) + ":ack", json::object());
    if (!warning) return give_up(warning.error());
    if (for_people(session.format)) session.out << printable("warning/" + id + " acknowledged") << "\n";
    answers.push_back(std::move(*warning));
  }
  if (!for_people(session.format)) session.out << render(json{{"items", std::move(answers)}}, session.format);
  return ExitCode::ok;
}

}  // namespace vs::ctl
