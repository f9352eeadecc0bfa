#include "vsmgrd/store/commit.h"

#include <algorithm>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "vsmgrd/store/audit_log.h"
#include "vsmgrd/store/decision_log.h"
#include "vsmgrd/store/policy_history.h"

namespace vs {
namespace {

// Whether a person would call them different; the line of the rule may have moved.
bool same_verdict(const Decision& left, const Decision& right) {
  Decision moved = right;
  moved.source = left.source;
  if (moved.trial && left.trial) moved.trial->source = left.trial->source;
  moved.id = left.id;
  return left == moved;
}

bool same_but_number(const Decision& left, const Decision& right) {
  Decision numbered = right;
  numbered.id = left.id;
  return left == numbered;
}

const Decision* decision_before(const Desired& before, const std::string& binding) {
  const auto found = before.decisions.find(binding);
  return found == before.decisions.end() ? nullptr : &found->second;
}

DecisionRecord record_of(const Desired& desired, const std::string& binding,
                         const Decision& decision, const Actor& actor) {
  const auto& spec = std::get<BindingSpec>(desired.bindings.at(binding).spec);
  DecisionRecord record{.policy_generation = desired.policy_generation,
                        .binding = binding,
                        .domain = spec.domain,
                        .service = spec.service,
                        .decision = decision,
                        .principal = actor.principal,
                        .request_id = actor.request_id};
  if (const auto domain = desired.domains.find(spec.domain); domain != desired.domains.end())
    record.domain_labels = domain->second.metadata.labels;
  if (const auto service = desired.services.find(spec.service); service != desired.services.end())
    record.service_kind = std::get<ServiceSpec>(service->second.spec).kind;
  return record;
}

Result<> write_decisions(Turn& turn, const Desired& before, Desired& next,
                         const std::map<std::string, Decision>& decisions, const Actor& actor, Pace& pace) {
  for (const auto& [binding, decision] : decisions) {
    if (auto on = pace.row(); !on) return on;
    Decision numbered = decision;
    if (const Decision* old = decision_before(before, binding); old && same_verdict(*old, decision)) {
      numbered.id = old->id;
    } else {
      const auto id = DecisionLog::append(turn, record_of(std::as_const(next), binding, decision, actor));
      if (!id) return fail(id.error());
      numbered.id = *id;
    }
    if (auto written = write_decision(turn.database, binding, numbered); !written) return written;
    next.decisions.insert_or_assign(binding, std::move(numbered));
  }
  return {};  // those of deleted bindings went with them
}

Result<> write_policy_generation(Turn& turn, const Transition& transition, const Actor& actor) {
  PolicyGeneration generation{.generation = transition.next.policy_generation,
                              .principal = actor.principal,
                              .request_id = actor.request_id};
  for (const Change& change : transition.changes)
    if (change.action != Action::unchanged &&
        (change.kind == Kind::access_policy || change.kind == Kind::sharing_policy))
      generation.changes.push_back({change.kind, change.name, std::string(name_of(change.action))});
  return PolicyHistory::begin(turn, generation, transition.next);
}

Result<> write_audit(Turn& turn, const Transition& transition, const Actor& actor, Pace& pace) {
  for (const Change& change : transition.changes) {
    if (change.action == Action::unchanged) continue;
    if (auto on = pace.row(); !on) return on;
    const Resource& shown = change.after ? *change.after : *change.before;
    AuditEntry entry{.actor = actor,
                     .verb = change.action == Action::created   ? "create"
                             : change.action == Action::updated ? "update"
                                                                : "delete",
                     .kind = std::string(name_of(change.kind)),
                     .name = change.name,
                     .uid = shown.metadata.uid};
    if (change.before) entry.old_version = change.before->metadata.resource_version;
    if (change.after) entry.new_version = change.after->metadata.resource_version;
    if (change.kind == Kind::binding && change.after)
      if (const Decision* decision = decision_before(transition.next, change.name))
        entry.decision = decision->id;
    if (auto noted = AuditLog::append(turn, std::move(entry)); !noted) return noted;
  }
  return {};
}

// That a rule in mode warn let a binding through which it would deny in force.
Result<> append_trial(Turn& turn, EventLog& events, const Resource& binding,
                      const Decision& decision, const Desired& next, const Actor& actor) {
  const std::string why = decision.trial
                              ? fmt::format("rule {} of {} would deny it: {}", decision.trial->rule,
                                            decision.trial->policy, decision.trial->message)
                              : fmt::format("only rule {} of {} allows it, and it is on trial",
                                            decision.rule, decision.policy);
  return events.append(turn, {.type = "binding.trial_denied",
                              .kind = "Binding",
                              .name = binding.metadata.name,
                              .uid = binding.metadata.uid,
                              .labels = binding.metadata.labels,
                              .resource_version = next.resource_version,
                              .reason = "OnTrial",
                              .message = why,
                              .actor = actor});
}

bool on_trial(const Desired& desired, const std::string& binding) {
  const auto found = desired.decisions.find(binding);
  return found != desired.decisions.end() && found->second.mode == Mode::warn;
}

}  // namespace

std::string noun_of(Kind kind) {
  std::string noun;
  for (const char c : name_of(kind)) {
    const bool capital = c >= 'A' && c <= 'Z';
    if (capital && !noun.empty()) noun += '-';
    noun += capital ? static_cast<char>(c - 'A' + 'a') : c;
  }
  return noun;
}

std::map<std::string, Decision> merge_decisions(Desired& next,
                                                std::map<std::string, Decision> decided) {
  std::erase_if(decided, [&](const auto& entry) {
    const auto found = std::as_const(next.decisions).find(entry.first);
    return found != next.decisions.end() && same_but_number(found->second, entry.second);
  });
  for (const auto& [binding, decision] : decided) next.decisions.insert_or_assign(binding, decision);
  return decided;
}

std::map<std::string, Decision> changed_verdicts(const Desired& before,
                                                 const std::map<std::string, Decision>& decisions) {
  std::map<std::string, Decision> changed;
  for (const auto& [binding, decision] : decisions)
    if (const Decision* old = decision_before(before, binding);
        !old || !same_verdict(*old, decision))
      changed.emplace(binding, decision);
  return changed;
}

bool touches_trials(const Desired& before, const Transition& transition,
                    const std::map<std::string, Decision>& decided) {
  return std::any_of(decided.begin(), decided.end(),
                     [&](const auto& entry) {
                       return entry.second.mode == Mode::warn || on_trial(before, entry.first);
                     }) ||
         std::any_of(transition.deleted.begin(), transition.deleted.end(), [&](const ObjectKey& key) {
           return key.first == Kind::binding && on_trial(before, key.second);
         });
}

std::uint64_t rows_of(const Transition& transition, const std::map<std::string, Decision>& decisions) {
  return transition.written.size() + transition.deleted.size() + decisions.size() +
         2 * static_cast<std::uint64_t>(std::count_if(
                 transition.changes.begin(), transition.changes.end(),
                 [](const Change& change) { return change.action != Action::unchanged; }));
}

Result<> write_transition(Turn& turn, const Desired& before, Transition& transition,
                          const std::map<std::string, Decision>& decisions, const Actor& actor, Pace& pace) {
  Desired& next = transition.next;
  Database& database = turn.database;
  if (transition.policies_changed) {
    next.policy_generation += 1;
    if (auto done = write_policy_generation(turn, transition, actor); !done) return done;
  }
  for (const auto& [kind, name] : transition.deleted) {
    if (auto on = pace.row(); !on) return on;
    if (auto done = delete_resource(database, kind, name); !done) return done;
  }
  for (const auto& [kind, name] : transition.written) {
    if (auto on = pace.row(); !on) return on;
    if (auto done = write_resource(database, std::as_const(next).of(kind).at(name)); !done) return done;
  }
  if (auto done = write_decisions(turn, before, next, decisions, actor, pace); !done) return done;
  if (auto done = write_audit(turn, transition, actor, pace); !done) return done;
  return write_versions(database, next);
}

Result<> write_events(Turn& turn, EventLog& events, const Desired& before,
                      const Transition& transition,
                      const std::map<std::string, Decision>& decisions, const Actor& actor, Pace& pace) {
  std::set<std::string> told;
  for (const Change& change : transition.changes) {
    if (change.action == Action::unchanged) continue;
    if (auto on = pace.row(); !on) return on;
    if (change.kind == Kind::binding) told.insert(change.name);
    const Resource& shown = change.after ? *change.after : *change.before;
    if (auto noted = events.append(
            turn, {.type = noun_of(change.kind) + '.' + std::string(name_of(change.action)),
                   .kind = std::string(name_of(change.kind)),
                   .name = change.name,
                   .uid = shown.metadata.uid,
                   .labels = shown.metadata.labels,
                   .resource_version = transition.next.resource_version,
                   .actor = actor});
        !noted)
      return noted;
  }
  for (const auto& [binding, decision] : changed_verdicts(before, decisions)) {
    const Resource& resource = transition.next.bindings.at(binding);
    if (decision.mode == Mode::warn)
      if (auto noted = append_trial(turn, events, resource, decision, transition.next, actor); !noted)
        return noted;
    if (told.contains(binding)) continue;
    if (auto noted = events.append(turn, {.type = "binding.decided",
                                          .kind = "Binding",
                                          .name = binding,
                                          .uid = resource.metadata.uid,
                                          .labels = resource.metadata.labels,
                                          .resource_version = transition.next.resource_version,
                                          .reason = decision.allowed ? "Allowed" : "Denied",
                                          .message = decision.message,
                                          .actor = actor});
        !noted)
      return noted;
  }
  return {};
}

}  // namespace vs
