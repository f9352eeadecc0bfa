#include "vsctl/commands/apply.h"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "vsctl/client/fields.h"
#include "vsctl/commands/changes.h"
#include "vsctl/commands/input.h"
#include "vsctl/commands/kinds.h"
#include "vsctl/commands/settle.h"
#include "vsctl/output/text.h"

namespace vs::ctl {
namespace {

// The bindings that the change touched: those that were declared anew, and those about which policy
// thinks otherwise now.
std::vector<std::string> touched_bindings(const nlohmann::json& answer) {
  std::vector<std::string> names;
  const auto add = [&](const std::string& name) {
    if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  };
  for (const nlohmann::json& change : field(answer, "changes")) {
    const std::string action = text(change, "action");
    if (text(change, "kind") == "Binding" && (action == "created" || action == "updated"))
      add(text(change, "name"));
  }
  for (const nlohmann::json& changed : field(answer, "decisionsChanged"))
    add(text(changed, "binding"));
  return names;
}

std::string describe_states(const std::vector<BindingState>& states) {
  std::string lines;
  for (const BindingState& state : states) {
    if (!state.settled) continue;
    std::string line = fmt::format("{} is {}", object_name("Binding", state.name), state.state);
    if (!state.message.empty()) line += ": " + state.message;
    lines += printable(line) + "\n";
  }
  return lines;
}

nlohmann::json states_document(const std::vector<BindingState>& states) {
  nlohmann::json list = nlohmann::json::array();
  for (const BindingState& state : states)
    list.push_back({{"name", state.name},
                    {"state", state.state},
                    {"reason", state.reason},
                    {"message", state.message}});
  return list;
}

Outcome<ExitCode> verdict(Settlement settlement) {
  if (settlement.failure) return give_up(std::move(*settlement.failure));
  for (const BindingState& state : settlement.states)
    if (state.state == "Failed")
      return give_up(ExitCode::negative,
                     fmt::format("{} failed: {}", object_name("Binding", state.name),
                                 state.message.empty() ? state.reason : state.message));
  return ExitCode::ok;
}

}  // namespace

Outcome<ExitCode> apply(Session& session, const ApplyOptions& options) {
  const auto inputs = read_inputs(options.paths);
  if (!inputs) return give_up(inputs.error());
  auto answer = session.daemon.apply(*inputs, options.dry_run);
  if (!answer) return give_up(answer.error());

  const bool for_people = session.format == OutputFormat::table;
  if (for_people)
    session.out << describe_changes(*answer, options.dry_run) << std::flush;  // before it waits
  Settlement settlement;
  if (!options.no_wait && !options.dry_run) {
    settlement = wait_until_settled(session, touched_bindings(*answer));
    (*answer)["bindings"] = states_document(settlement.states);
  }
  session.out << (for_people ? describe_states(settlement.states)
                             : render(*answer, session.format));
  return verdict(std::move(settlement));
}

}  // namespace vs::ctl
