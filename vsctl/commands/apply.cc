#include "vsctl/commands/apply.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "vsctl/client/fields.h"
#include "vsctl/commands/changes.h"
#include "vsctl/commands/input.h"
#include "vsctl/commands/interrupts.h"
#include "vsctl/commands/kinds.h"
#include "vsctl/commands/operations.h"
#include "vsctl/commands/settle.h"
#include "vsctl/output/diff.h"
#include "vsctl/output/progress.h"
#include "vsctl/output/text.h"

namespace vs::ctl {
namespace {

// The bindings that the change touched: those that were declared anew, and those about which policy
// thinks otherwise now.
std::vector<std::string> touched_bindings(const nlohmann::json& answer) {
  std::vector<std::string> names;
  std::set<std::string> seen;
  const auto add = [&](const std::string& name) {
    if (seen.insert(name).second) names.push_back(name);
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

// Committed is committed: what was not in force in time is told apart from what failed.
Outcome<ExitCode> verdict(Settlement settlement) {
  if (settlement.failure) {
    if (settlement.failure->exit == ExitCode::timeout) {
      settlement.failure->exit = ExitCode::not_applied;
      settlement.failure->message = "committed, but not in force yet: " + settlement.failure->message;
    }
    return give_up(std::move(*settlement.failure));
  }
  for (const BindingState& state : settlement.states)
    if (state.state == "Failed")
      return give_up(ExitCode::negative,
                     fmt::format("{} failed: {}", object_name("Binding", state.name),
                                 state.message.empty() ? state.reason : state.message));
  return ExitCode::ok;
}

bool changed_anything(const nlohmann::json& answer) {
  const nlohmann::json& changes = field(answer, "changes");
  const bool changed = std::any_of(changes.begin(), changes.end(), [](const nlohmann::json& change) {
    return text(change, "action") != "unchanged";
  });
  const nlohmann::json& decisions = field(answer, "decisionsChanged");
  return changed || (decisions.is_array() && !decisions.empty());
}

Outcome<std::string> prune_selector(const ApplyOptions& options) {
  if (!options.prune && options.labels.empty()) return std::string();
  if (!options.prune) return give_up(ExitCode::invalid, "-l says what --prune may delete: give both");
  if (options.labels.empty())
    return give_up(ExitCode::invalid, "--prune deletes what -l selects and no file declares: give a selector");
  std::string selector;
  for (const std::string& label : options.labels) selector += (selector.empty() ? "" : ",") + label;
  return selector;
}

std::string describe_differences(const nlohmann::json& answer, bool colour) {
  std::string lines;
  for (const nlohmann::json& change : field(answer, "changes"))
    if (const std::string action = text(change, "action"); action != "unchanged")
      lines += unified_diff(object_name(text(change, "kind"), text(change, "name")), action,
                            field(change, "differences"), colour);
  return lines;
}

// What was changed, when it was: at once, or as an operation that has succeeded. `interrupted`: somebody does not want to wait.
Outcome<nlohmann::json> apply_whole(Session& session, const std::vector<InputFile>& inputs, const ApplyWish& wish,
                                    bool& interrupted) {
  const Interrupts interrupts;
  auto answer = session.daemon.apply(inputs, wish);
  interrupted = interrupts.came();
  if (!answer || answer->contains("changes")) return answer;
  const std::string id = text(*answer, "id");
  if (id.empty()) return give_up(ExitCode::internal, "the daemon's answer is neither changes nor an operation");
  const auto ended = follow_operation(session, interrupts, id);
  interrupted = interrupts.came();
  if (!ended) return give_up(ended.error());
  if (auto good = end_of_operation(*ended, id); !good) return give_up(std::move(good.error()));
  nlohmann::json changed = field(*ended, "result");
  if (!changed.contains("changes")) {
    session.err << printable(fmt::format("vsctl: operation {} succeeded, and changed too much to be listed", id)) << "\n";
    changed["changes"] = nlohmann::json::array();
    changed["decisionsChanged"] = nlohmann::json::array();
  }
  return changed;
}

}  // namespace

Outcome<ExitCode> apply(Session& session, const ApplyOptions& options) {
  const auto prune = prune_selector(options);
  if (!prune) return give_up(prune.error());
  const auto inputs = read_inputs(options.paths);
  if (!inputs) return give_up(inputs.error());
  const bool people = for_people(session.format);
  nlohmann::json differences;
  if (options.diff) {
    auto compared = session.daemon.diff(*inputs, *prune);
    if (!compared) return give_up(compared.error());
    if (people) session.out << describe_differences(*compared, session.colour) << std::flush;
    differences = std::move((*compared)["changes"]);
  }
  bool interrupted = false;
  auto answer = apply_whole(session, *inputs, {.dry_run = options.dry_run, .prune = *prune}, interrupted);
  if (!answer) return give_up(answer.error());
  if (options.diff) (*answer)["differences"] = std::move(differences);

  if (people)
    session.out << describe_changes(*answer, options.dry_run) << std::flush;  // before it waits
  Settlement settlement;
  if (interrupted && !options.dry_run)
    return give_up(ExitCode::interrupted, "interrupted, but it was committed; whether it is in force was not waited for");
  if (!options.no_wait && !options.dry_run) {
    ProgressBar bar(session.err, session.quiet);
    settlement = wait_until_settled(session, touched_bindings(*answer),
                                    [&](double part) { bar.show("waiting for bindings", part); });
    (*answer)["bindings"] = states_document(settlement.states);
  }
  session.out << (people ? describe_states(settlement.states) : render(*answer, session.format));
  auto ended = verdict(std::move(settlement));
  if (ended && options.detailed_exit_code && changed_anything(*answer)) return ExitCode::changed;
  return ended;
}

Outcome<ExitCode> diff(Session& session, const ApplyOptions& options) {
  const auto prune = prune_selector(options);
  if (!prune) return give_up(prune.error());
  const auto inputs = read_inputs(options.paths);
  if (!inputs) return give_up(inputs.error());
  const auto answer = session.daemon.diff(*inputs, *prune);
  if (!answer) return give_up(answer.error());
  if (for_people(session.format))
    session.out << describe_differences(*answer, session.colour)
                << describe_changes({{"decisionsChanged", field(*answer, "decisionsChanged")}}, true);
  else
    session.out << render(*answer, session.format);
  return changed_anything(*answer) ? ExitCode::negative : ExitCode::ok;
}

}  // namespace vs::ctl
