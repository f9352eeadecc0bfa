#include "vsmgrd/store/transition.h"

#include <map>
#include <set>
#include <utility>

#include <fmt/format.h>

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
                   std::string hint = {}) {
  auto source = nearest_source(resource.metadata.sources, pointer);
  return {.pointer = std::move(pointer),
          .message = std::move(message),
          .hint = std::move(hint),
          .source = std::move(source)};
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
          fmt::format("{} is declared twice{}", title_of(resource), place_of(*known->second, ""))));
  }
  return problems;
}

std::vector<std::string> names_in(const std::map<std::string, Resource>& resources) {
  std::vector<std::string> names;
  if (resources.size() > kCandidatesMax) return names;  // did_you_mean would not look at them
  for (const auto& [name, resource] : resources) names.push_back(name);
  return names;
}

// References of `keys` that lead nowhere.
void refuse_dangling(const Desired& desired, const std::vector<ObjectKey>& keys,
                     Problems& problems) {
  for (const auto& [kind, name] : keys) {
    const Resource& resource = desired.of(kind).at(name);
    for (const Reference& reference : references(resource)) {
      const auto& there = desired.of(reference.kind);
      if (there.contains(reference.name)) continue;
      // Hints cost a look at every name: not for those that nobody will be shown.
      const bool shown = problems.size() < kProblemsMax;
      problems.push_back(
          problem_of(resource, reference.pointer,
                     fmt::format("{} refers to {}, which does not exist", title_of(resource),
                                 title_of(reference.kind, reference.name)),
                     shown ? did_you_mean(reference.name, names_in(there)) : std::string()));
    }
  }
}

// Bindings among `keys` whose device another binding of their domain has. Of two that are both
// among them, the second is at fault.
void refuse_double_devices(const Desired& desired, const std::vector<ObjectKey>& keys,
                           Problems& problems) {
  std::map<std::pair<std::string, std::string>, const Resource*> taken;
  const auto device_of = [](const Resource& resource) {
    const auto& binding = std::get<BindingSpec>(resource.spec);
    return std::pair(binding.domain, binding.device);
  };
  std::set<std::string> given;
  for (const auto& [kind, name] : keys)
    if (kind == Kind::binding) given.insert(name);
  if (given.empty()) return;
  for (const auto& [name, resource] : desired.bindings)
    if (!given.contains(name)) taken.emplace(device_of(resource), &resource);
  for (const auto& [kind, name] : keys) {
    if (kind != Kind::binding) continue;
    const Resource& resource = desired.bindings.at(name);
    const auto& binding = std::get<BindingSpec>(resource.spec);
    if (binding.device.empty()) continue;  // its service does not exist; that is said already
    const auto [other, fresh] = taken.emplace(device_of(resource), &resource);
    if (!fresh)
      problems.push_back(
          problem_of(resource, "/spec/device",
                     fmt::format("device {} of {} is taken by {}{}", in_quotes(binding.device),
                                 title_of(Kind::domain, binding.domain), title_of(*other->second),
                                 place_of(*other->second, "/spec/device")),
                     "give this one another device"));
  }
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
  Resource& current = found->second;
  if (current.spec == given.spec && current.metadata.labels == given.metadata.labels) {
    // The same words elsewhere; without any places (a REST body) the file still tells the truth.
    if (!given.metadata.sources.empty() && given.metadata.sources != current.metadata.sources) {
      current.metadata.sources = std::move(given.metadata.sources);
      transition.written.push_back(std::move(key));
    }
    return Action::unchanged;
  }
  current.spec = std::move(given.spec);
  current.metadata.labels = std::move(given.metadata.labels);
  current.metadata.sources = std::move(given.metadata.sources);
  current.metadata.generation += 1;
  current.metadata.resource_version = version;
  current.metadata.updated_at = birth.now;
  transition.written.push_back(std::move(key));
  return Action::updated;
}

std::string whereabouts_of(const Desired& desired, Kind kind, std::string_view name) {
  const auto found = desired.of(kind).find(std::string(name));
  return found == desired.of(kind).end() ? fmt::format("{} does not exist", title_of(kind, name))
                                         : fmt::format("{} is at version {}", title_of(kind, name),
                                                       found->second.metadata.resource_version);
}

Result<> check(const Desired& desired, Kind kind, std::string_view name,
               Precondition precondition) {
  using Expect = Precondition::Expect;
  const auto found = desired.of(kind).find(std::string(name));
  const bool exists = found != desired.of(kind).end();
  const auto is = [&] { return whereabouts_of(desired, kind, name); };
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

}  // namespace

Checked<Transition> plan_apply(const Desired& before, std::vector<Resource> given,
                               const Birth& birth) {
  if (Problems doubles = doubles_in(given); !doubles.empty()) return refused(std::move(doubles));
  Transition transition{.next = before};
  Desired& next = transition.next;
  const std::int64_t version = before.resource_version + 1;
  std::vector<ObjectKey> keys;
  for (const Resource& resource : given) {
    keys.emplace_back(resource.kind(), resource.metadata.name);
    transition.changes.push_back({.kind = keys.back().first, .name = keys.back().second});
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
  refuse_dangling(next, keys, problems);
  refuse_double_devices(next, keys, problems);
  if (!problems.empty()) return refused(std::move(problems));
  for (const Kind kind : kKinds)
    if (next.of(kind).size() > kObjectsMax)
      return refuse(ErrorCode::exhausted, fmt::format("{} {}, limit {}", next.of(kind).size(),
                                                      plural_of(kind), kObjectsMax));
  for (const Change& change : transition.changes)
    if (change.action != Action::unchanged) next.resource_version = version;
  return transition;
}

Checked<Transition> plan_put(const Desired& before, Resource given, Precondition precondition,
                             const Birth& birth) {
  if (auto met = check(before, given.kind(), given.metadata.name, precondition); !met)
    return refuse(std::move(met.error()));
  std::vector<Resource> one;
  one.push_back(std::move(given));
  return plan_apply(before, std::move(one), birth);
}

Checked<Transition> plan_remove(const Desired& before, Kind kind, std::string_view name,
                                Precondition precondition) {
  const ObjectKey key(kind, name);
  if (!before.of(kind).contains(key.second))
    return refuse(ErrorCode::not_found, whereabouts_of(before, kind, name));
  if (auto met = check(before, kind, name, precondition); !met)
    return refuse(std::move(met.error()));

  Problems dependants;
  for (const auto& [other, resource] : before.bindings)
    for (const Reference& reference : references(resource))
      if (reference.kind == kind && reference.name == name)
        dependants.push_back(
            problem_of(resource, reference.pointer,
                       fmt::format("{} refers to {}", title_of(resource), title_of(kind, name)),
                       "delete it first"));
  if (!dependants.empty()) {
    std::string message = fmt::format(
        "{} is in use: {}", title_of(kind, name),
        dependants.size() == 1 ? dependants.front().message
                               : fmt::format("{} bindings refer to it", dependants.size()));
    limit_problems(dependants);
    return refuse(ErrorCode::conflict, std::move(message), std::move(dependants));
  }

  Transition transition{.next = before,
                        .changes = {{.kind = kind, .name = key.second, .action = Action::deleted}},
                        .deleted = {key}};
  transition.next.of(kind).erase(key.second);
  transition.next.decisions.erase(kind == Kind::binding ? key.second : std::string());
  transition.next.resource_version += 1;
  return transition;
}

}  // namespace vs
