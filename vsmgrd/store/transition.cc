#include "vsmgrd/store/transition.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "vsmgrd/model/admission.h"
#include "vsmgrd/model/codec.h"

namespace vs {
namespace {

using Problems = std::vector<Problem>;

std::string title_of(Kind kind, std::string_view name) {
  return fmt::format("{} {}", name_of(kind), in_quotes(name));
}
std::string title_of(const Resource& resource) {
  return title_of(resource.kind(), resource.metadata.name);
}

// Where it was written, for a message: ` (demo.yaml:12:3)`, or nothing.
std::string place_of(const Resource& resource, std::string_view pointer) {
  const auto source = nearest_source(resource.metadata.sources, pointer);
  return source ? fmt::format(" ({})", to_string(*source)) : std::string();
}

Problem problem_of(const Resource& resource, std::string pointer, std::string message,
                   std::string hint = {}, std::string code = {}) {
  auto source = nearest_source(resource.metadata.sources, pointer);
  return {.pointer = std::move(pointer),
          .message = std::move(message),
          .hint = std::move(hint),
          .source = std::move(source),
          .code = std::move(code)};
}

// What stands in the way, if it may be named.
std::string whose(const Resource& resource, std::string_view pointer, const Sees& sees) {
  if (sees && !sees(resource)) return "a binding outside the scope";
  return title_of(resource) + place_of(resource, pointer);
}

// Of Desired::devices.
std::string device_key(const Resource& resource) {
  const auto& binding = std::get<BindingSpec>(resource.spec);
  return binding.domain + '/' + binding.device;
}

Checked<Transition> refused(Problems problems) {
  sort_problems(problems);
  std::string message = summary_of(problems);
  limit_problems(problems);
  return refuse(ErrorCode::invalid, std::move(message), std::move(problems));
}

// The guest's name for a binding's device is the service's kind unless another was given.
void fill_device(Resource& resource, const Desired& desired) {
  auto* binding = std::get_if<BindingSpec>(&resource.spec);
  if (!binding || !binding->device.empty()) return;
  if (const auto service = desired.services.find(binding->service);
      service != desired.services.end())
    binding->device = std::get<ServiceSpec>(service->second.spec).kind;
}

Problems doubles_in(const std::vector<Resource>& given) {
  std::map<ObjectKey, const Resource*> first;
  Problems problems;
  for (const Resource& resource : given) {
    const auto [known, fresh] =
        first.emplace(ObjectKey(resource.kind(), resource.metadata.name), &resource);
    if (!fresh)
      problems.push_back(problem_of(
          resource, "/metadata/name",
          fmt::format("{} is declared twice{}", title_of(resource), place_of(*known->second, "")),
          "", "duplicate"));
  }
  return problems;
}

bool is_hidden(const Sees& sees, const Resource& resource) { return sees && !sees(resource); }

std::vector<std::string> names_in(const Resources& resources, const Sees& sees) {
  std::vector<std::string> names;
  if (resources.size() > kCandidatesMax) return names;  // did_you_mean would not look at them
  for (const auto& [name, resource] : resources)
    if (!is_hidden(sees, resource)) names.push_back(name);
  return names;
}

// Whether a binding may refer to it. Services and terms are for everybody; a domain is somebody's.
bool is_there(const Desired& desired, const Reference& reference, const Sees& sees) {
  const auto& all = desired.of(reference.kind);
  const auto found = all.find(reference.name);
  if (found == all.end()) return false;
  return reference.kind != Kind::domain || !is_hidden(sees, found->second);
}

// References of `keys` that lead nowhere.
void refuse_dangling(const Desired& desired, const std::vector<ObjectKey>& keys, const Sees& sees,
                     Problems& problems) {
  for (const auto& [kind, name] : keys) {
    const Resource& resource = desired.of(kind).at(name);
    for (const Reference& reference : references(resource)) {
      if (is_there(desired, reference, sees)) continue;
      // Hints cost a look at every name: not for those that nobody will be shown.
      const bool shown = problems.size() < kProblemsMax;
      problems.push_back(
          problem_of(resource, reference.pointer,
                     fmt::format("{} refers to {}, which does not exist", title_of(resource),
                                 title_of(reference.kind, reference.name)),
                     shown ? did_you_mean(reference.name, names_in(desired.of(reference.kind), sees))
                           : std::string(),
                     "unknown_reference"));
    }
  }
}

// Takes the devices of the bindings among `keys`; notes those that another binding of their domain
// has. Of two that are both among them, the second is at fault.
void take_devices(Desired& desired, const std::vector<ObjectKey>& keys, const Sees& sees,
                  Problems& problems) {
  for (const auto& [kind, name] : keys) {
    if (kind != Kind::binding) continue;
    const Resource& resource = std::as_const(desired.bindings).at(name);
    const auto& binding = std::get<BindingSpec>(resource.spec);
    // Its service or its domain is not there: that is said already.
    if (binding.device.empty() || !is_there(desired, {Kind::domain, binding.domain}, sees)) continue;
    const std::string key = device_key(resource);
    if (desired.devices.emplace(key, name)) continue;
    const Resource& other = std::as_const(desired.bindings).at(std::as_const(desired.devices).at(key));
    problems.push_back(problem_of(resource, "/spec/device",
                                  fmt::format("device {} of {} is taken by {}",
                                              in_quotes(binding.device),
                                              title_of(Kind::domain, binding.domain),
                                              whose(other, "/spec/device", sees)),
                                  "give this one another device", "device_taken"));
  }
}

// Promises that cannot be kept.
void refuse_contradictions(const Transition& transition, Problems& problems) {
  for (const Contradiction& one : contradictions_of(transition.next, transition.written))
    problems.push_back(problem_of(transition.next.of(one.kind).at(one.name), one.pointer, one.message, one.hint, one.code));
}

// Puts `given` in its place in `next` and says what that was.
Action place(Resource given, Transition& transition, std::int64_t version, const Birth& birth) {
  Desired& next = transition.next;
  ObjectKey key(given.kind(), given.metadata.name);
  auto& resources = next.of(key.first);
  const auto found = resources.find(key.second);
  if (found == resources.end()) {
    given.metadata.uid = birth.uid();
    given.metadata.generation = 1;
    given.metadata.resource_version = version;
    given.metadata.created_at = given.metadata.updated_at = birth.now;
    resources.emplace(key.second, std::move(given));
    transition.written.push_back(std::move(key));
    return Action::created;
  }
  const Resource& before = found->second;
  if (before.spec == given.spec && before.metadata.labels == given.metadata.labels) {
    // The same words elsewhere; without any places (a REST body) the file still tells the truth.
    if (!given.metadata.sources.empty() && given.metadata.sources != before.metadata.sources) {
      resources[key.second].metadata.sources = std::move(given.metadata.sources);
      transition.written.push_back(std::move(key));
    }
    return Action::unchanged;
  }
  Resource& current = resources[key.second];
  current.spec = std::move(given.spec);
  current.metadata.labels = std::move(given.metadata.labels);
  current.metadata.sources = std::move(given.metadata.sources);
  current.metadata.generation += 1;
  current.metadata.resource_version = version;
  current.metadata.updated_at = birth.now;
  transition.written.push_back(std::move(key));
  return Action::updated;
}

bool is_policy(Kind kind) { return kind == Kind::access_policy || kind == Kind::sharing_policy; }

void erase(Transition& transition, const ObjectKey& key) {
  const auto& [kind, name] = key;
  Desired& next = transition.next;
  if (kind == Kind::binding) {
    next.devices.erase(device_key(std::as_const(next.bindings).at(name)));
    next.decisions.erase(name);
  }
  next.of(kind).erase(name);
  transition.deleted.push_back(key);
}

// The objects that are not among `keys` and that `prune` names.
std::vector<ObjectKey> pruned(const Desired& before, const std::vector<ObjectKey>& keys,
                              const Prune& prune) {
  std::vector<ObjectKey> gone;
  if (!prune) return gone;
  const std::set<ObjectKey> given(keys.begin(), keys.end());
  for (const Kind kind : kKinds)
    for (const auto& [name, resource] : before.of(kind))
      if (ObjectKey key(kind, name); !given.contains(key) && prune(resource))
        gone.push_back(std::move(key));
  return gone;
}

// Bindings that refer to what was deleted, as problems.
Problems dependants_of(const Desired& desired, const std::vector<ObjectKey>& deleted,
                       const Sees& sees) {
  Problems dependants;
  const std::set<ObjectKey> gone(deleted.begin(), deleted.end());
  if (std::all_of(deleted.begin(), deleted.end(), [](const ObjectKey& key) {
        return key.first == Kind::binding || is_policy(key.first);
      }))
    return dependants;
  for (const auto& [name, resource] : desired.bindings)
    for (const Reference& reference : references(resource)) {
      if (!gone.contains(ObjectKey(reference.kind, reference.name))) continue;
      const std::string what = title_of(reference.kind, reference.name);
      if (is_hidden(sees, resource))
        dependants.push_back({.pointer = reference.pointer,
                              .message = "a binding outside the scope refers to " + what,
                              .code = "in_use"});
      else
        dependants.push_back(problem_of(resource, reference.pointer,
                                        fmt::format("{} refers to {}", title_of(resource), what),
                                        "delete it first", "in_use"));
    }
  return dependants;
}

// Bindings of these domains and to these services.
void add_bindings_of(const Desired& desired, const std::set<std::string>& domains,
                     const std::set<std::string>& services, std::set<std::string>& bindings) {
  for (const std::string& domain : domains) {
    const std::string prefix = domain + '/';
    for (auto at = desired.devices.lower_bound(prefix);
         at != desired.devices.end() && at->first.starts_with(prefix); ++at)
      bindings.insert(at->second);
  }
  if (services.empty()) return;
  for (const auto& [name, resource] : desired.bindings)
    if (services.contains(std::get<BindingSpec>(resource.spec).service)) bindings.insert(name);
}

// Policies are about all; of domains and services, rules look at labels and kinds.
void find_affected(const Desired& before, Transition& transition) {
  std::set<std::string> domains, services, bindings;
  for (const auto& [kind, name] : transition.written) {
    if (is_policy(kind)) transition.policies_changed = true;
    if (kind == Kind::binding) bindings.insert(name);
    if (kind == Kind::domain) domains.insert(name);
    if (kind == Kind::service) services.insert(name);
  }
  for (const ObjectKey& key : transition.deleted)
    if (is_policy(key.first)) transition.policies_changed = true;
  if (transition.policies_changed) {
    transition.affected = {.all = true};
    return;
  }
  // What is new has no bindings but those that are new, too.
  std::erase_if(domains, [&](const auto& name) { return !before.domains.contains(name); });
  std::erase_if(services, [&](const auto& name) { return !before.services.contains(name); });
  add_bindings_of(transition.next, domains, services, bindings);
  transition.affected.bindings.assign(bindings.begin(), bindings.end());
}

// What each change was made from and came to.
void note_before_and_after(const Desired& before, Transition& transition) {
  for (Change& change : transition.changes) {
    change.before = before.of(change.kind).shared(change.name);
    change.after = transition.next.of(change.kind).shared(change.name);
  }
}

std::string whereabouts_of(const Desired& desired, Kind kind, std::string_view name,
                           const Sees& sees) {
  const auto found = desired.of(kind).find(std::string(name));
  const bool none = found == desired.of(kind).end() || is_hidden(sees, found->second);
  return none ? fmt::format("{} does not exist", title_of(kind, name))
              : fmt::format("{} is at version {}", title_of(kind, name),
                            found->second.metadata.resource_version);
}

Result<> check(const Desired& desired, Kind kind, std::string_view name,
               Precondition precondition, const Sees& sees) {
  using Expect = Precondition::Expect;
  const auto found = desired.of(kind).find(std::string(name));
  const bool exists = found != desired.of(kind).end() && !is_hidden(sees, found->second);
  const auto is = [&] { return whereabouts_of(desired, kind, name, sees); };
  switch (precondition.expect) {
    case Expect::anything: return {};
    case Expect::absent:
      if (!exists) return {};
      return fail(ErrorCode::conflict, is() + ", and was expected not to exist");
    case Expect::version:
      if (exists && found->second.metadata.resource_version == precondition.version) return {};
      return fail(ErrorCode::conflict,
                  fmt::format("{}, and was expected at version {}", is(), precondition.version));
  }
  __builtin_unreachable();
}

tl::unexpected<Refusal> unmet(Error error, Precondition precondition) {
  const bool absent = precondition.expect == Precondition::Expect::absent;
  return tl::unexpected(
      Refusal{std::move(error), {}, absent ? "already_exists" : "version_mismatch"});
}

}  // namespace

Checked<Transition> plan_apply(const Desired& before, std::vector<Resource> given,
                               const Birth& birth, const Prune& prune, const Sees& sees) {
  if (Problems doubles = doubles_in(given); !doubles.empty()) return refused(std::move(doubles));
  Transition transition{.next = before};
  Desired& next = transition.next;
  const std::int64_t version = before.resource_version + 1;
  std::vector<ObjectKey> keys;
  for (const Resource& resource : given) {
    keys.emplace_back(resource.kind(), resource.metadata.name);
    transition.changes.push_back({.kind = keys.back().first, .name = keys.back().second});
    if (resource.kind() != Kind::binding) continue;
    if (const auto old = before.bindings.find(resource.metadata.name); old != before.bindings.end())
      next.devices.erase(device_key(old->second));
  }
  for (ObjectKey& key : pruned(before, keys, prune)) {
    erase(transition, key);
    transition.changes.push_back(
        {.kind = key.first, .name = std::move(key.second), .action = Action::deleted});
  }
  // Bindings last: their devices may be named by services of the same file.
  for (const bool bindings : {false, true}) {
    for (std::size_t i = 0; i < given.size(); ++i) {
      if ((keys[i].first == Kind::binding) != bindings) continue;
      fill_device(given[i], next);
      transition.changes[i].action = place(std::move(given[i]), transition, version, birth);
    }
  }
  Problems problems;
  refuse_dangling(next, keys, sees, problems);
  take_devices(next, keys, sees, problems);
  if (!problems.empty()) return refused(std::move(problems));
  refuse_contradictions(transition, problems);
  if (!problems.empty()) return refused(std::move(problems));
  if (Problems dependants = dependants_of(next, transition.deleted, sees); !dependants.empty())
    return refused(std::move(dependants));
  for (const Kind kind : kKinds)
    if (next.of(kind).size() > kObjectsMax)
      return refuse(ErrorCode::exhausted, fmt::format("{} {}, limit {}", next.of(kind).size(),
                                                      plural_of(kind), kObjectsMax));
  for (const Change& change : transition.changes)
    if (change.action != Action::unchanged) next.resource_version = version;
  find_affected(before, transition);
  note_before_and_after(before, transition);
  return transition;
}

Checked<Transition> plan_put(const Desired& before, Resource given, Precondition precondition,
                             const Birth& birth, const Sees& sees) {
  if (auto met = check(before, given.kind(), given.metadata.name, precondition, sees); !met)
    return unmet(std::move(met.error()), precondition);
  std::vector<Resource> one;
  one.push_back(std::move(given));
  return plan_apply(before, std::move(one), birth, {}, sees);
}

Checked<Transition> plan_remove(const Desired& before, Kind kind, std::string_view name,
                                Precondition precondition, const Sees& sees) {
  const ObjectKey key(kind, name);
  const auto found = before.of(kind).find(key.second);
  if (found == before.of(kind).end() || is_hidden(sees, found->second))
    return refuse(ErrorCode::not_found, whereabouts_of(before, kind, name, sees));
  if (auto met = check(before, kind, name, precondition, sees); !met)
    return unmet(std::move(met.error()), precondition);

  if (Problems dependants = dependants_of(before, {key}, sees); !dependants.empty()) {
    std::string message = fmt::format(
        "{} is in use: {}", title_of(kind, name),
        dependants.size() == 1 ? dependants.front().message
                               : fmt::format("{} bindings refer to it", dependants.size()));
    limit_problems(dependants);
    return tl::unexpected(
        Refusal{{ErrorCode::conflict, std::move(message)}, std::move(dependants), "in_use"});
  }

  Transition transition{.next = before,
                        .changes = {{.kind = kind, .name = key.second, .action = Action::deleted}}};
  erase(transition, key);
  transition.next.resource_version += 1;
  find_affected(before, transition);
  note_before_and_after(before, transition);
  return transition;
}

}  // namespace vs
