#include "vsctl/commands/settle.h"

#include <algorithm>
#include <map>
#include <thread>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "vsctl/client/fields.h"

namespace vs::ctl {
namespace {

constexpr const char* kGone = "Gone";

BindingState state_of(const std::string& name, const nlohmann::json& binding) {
  const nlohmann::json& status = field(binding, "status");
  const std::string state = text(status, "state");
  return {.name = name,
          .state = state.empty() ? "Pending" : state,
          .reason = text(status, "reason"),
          .message = text(status, "message"),
          .settled = is_settled(binding)};
}

Outcome<BindingState> look_at(Session& session, const std::string& name) {
  const auto binding = session.daemon.get("bindings", name);
  if (binding) return state_of(name, *binding);
  if (binding.error().exit == ExitCode::not_found)
    return BindingState{.name = name, .state = kGone, .settled = true};
  return give_up(binding.error());
}

// Those that are not settled yet, as they are now.
Outcome<> look_at_all(Session& session, std::vector<BindingState>& states) {
  const auto waits = std::count_if(states.begin(), states.end(), [](const auto& state) { return !state.settled; });
  if (waits <= static_cast<std::ptrdiff_t>(kLookSinglyMax)) {
    for (BindingState& state : states) {
      if (state.settled) continue;
      auto seen = look_at(session, state.name);
      if (!seen) return give_up(std::move(seen.error()));
      state = std::move(*seen);
    }
    return {};
  }
  const auto list = session.daemon.list("bindings");
  if (!list) return give_up(list.error());
  std::map<std::string, const nlohmann::json*> by_name;
  for (const nlohmann::json& binding : field(*list, "items"))
    by_name.emplace(text(field(binding, "metadata"), "name"), &binding);
  for (BindingState& state : states) {
    if (state.settled) continue;
    const auto found = by_name.find(state.name);
    state = found == by_name.end() ? BindingState{.name = state.name, .state = kGone, .settled = true}
                                   : state_of(state.name, *found->second);
  }
  return {};
}

Failure timed_out(const std::vector<BindingState>& states, const Deadline& deadline) {
  const auto waits =
      std::find_if(states.begin(), states.end(), [](const auto& state) { return !state.settled; });
  const auto count =
      std::count_if(states.begin(), states.end(), [](const auto& state) { return !state.settled; });
  std::string text = fmt::format("binding/{} is {} after {} ms", waits->name, waits->state,
                                 deadline.limit().count());
  if (!waits->message.empty()) text += ": " + waits->message;
  if (count > 1) text += fmt::format(" (and {} more)", count - 1);
  return {ExitCode::timeout, text, {}};
}

}  // namespace

bool is_settled(const nlohmann::json& binding) {
  const nlohmann::json& status = field(binding, "status");
  const std::string state = text(status, "state");
  if (state.empty() || state == "Pending") return false;
  if (number(status, "observedGeneration") != number(field(binding, "metadata"), "generation"))
    return false;
  // A policy's change alters the decision and not the binding: its generation says nothing then.
  const nlohmann::json& decision = field(status, "decision");
  if (state == "Failed" || !decision.is_object()) return true;
  return is_true(decision, "allowed") == (state != "Denied");
}

Settlement wait_until_settled(Session& session, const std::vector<std::string>& bindings,
                              const std::function<void(double part)>& on_look) {
  Settlement settlement;
  for (const std::string& name : bindings)
    settlement.states.push_back({.name = name, .state = "Pending"});
  auto interval = kLookIntervalMin;
  while (true) {
    if (auto looked = look_at_all(session, settlement.states); !looked) {
      settlement.failure = std::move(looked.error());
      if (session.deadline.passed())
        settlement.failure = timed_out(settlement.states, session.deadline);
      return settlement;
    }
    const auto settled = std::count_if(settlement.states.begin(), settlement.states.end(),
                                       [](const BindingState& state) { return state.settled; });
    const auto all = static_cast<std::ptrdiff_t>(settlement.states.size());
    if (settled == all) return settlement;
    if (on_look) on_look(static_cast<double>(settled) / static_cast<double>(all));
    std::this_thread::sleep_for(std::min(interval, session.deadline.remaining()));
    interval = std::min(interval * 2, kLookIntervalMax);
  }
}

}  // namespace vs::ctl
