#include "vsmgrd/store/commit.h"

namespace vs {
namespace {

// Whether a person would call them different; the line of the rule may have moved.
bool same_verdict(const Decision& left, const Decision& right) {
  return left.allowed == right.allowed && left.policy == right.policy && left.rule == right.rule &&
         left.message == right.message;
}

Result<> write_decisions(Database& database, const std::map<std::string, Decision>& before,
                         const std::map<std::string, Decision>& after) {
  for (const auto& [binding, decision] : after) {
    const auto old = before.find(binding);
    if (old != before.end() && old->second == decision) continue;
    if (auto written = write_decision(database, binding, decision); !written) return written;
  }
  return {};  // those of deleted bindings went with them
}

}  // namespace

bool is_idle(const Desired& before, const Transition& transition) {
  return transition.written.empty() && transition.deleted.empty() &&
         transition.next.decisions == before.decisions;
}

std::map<std::string, Decision> changed_decisions(const Desired& before, const Desired& after) {
  std::map<std::string, Decision> changed;
  for (const auto& [binding, decision] : after.decisions) {
    const auto old = before.decisions.find(binding);
    if (old == before.decisions.end() || !same_verdict(old->second, decision))
      changed.emplace(binding, decision);
  }
  return changed;
}

Result<> write_transition(Database& database, const Desired& before, const Transition& transition) {
  const Desired& next = transition.next;
  for (const auto& [kind, name] : transition.deleted)
    if (auto done = delete_resource(database, kind, name); !done) return done;
  for (const auto& [kind, name] : transition.written)
    if (auto done = write_resource(database, next.of(kind).at(name)); !done) return done;
  if (auto done = write_decisions(database, before.decisions, next.decisions); !done) return done;
  if (next.resource_version == before.resource_version) return {};
  return write_resource_version(database, next.resource_version);
}

}  // namespace vs
