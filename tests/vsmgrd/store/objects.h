// Resources, a clock and a policy for tests of the store, in few words.
#pragma once

#include <algorithm>
#include <chrono>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/check.h"
#include "base/clock.h"
#include "tests/fakes/clock.h"
#include "vsmgrd/model/codec.h"
#include "vsmgrd/store/store.h"

namespace vs::test {

inline Resource domain(const std::string& name, Labels labels = {}) {
  return {.metadata = {.name = name, .labels = std::move(labels)}, .spec = DomainSpec{}};
}
inline Resource service(const std::string& name, std::uint32_t tries = 3) {
  return {.metadata = {.name = name}, .spec = ServiceSpec{.kind = "dns", .dns = {.tries = tries}}};
}
inline Resource binding(const std::string& name, const std::string& of, const std::string& to,
                        const std::string& device = "") {
  return {.metadata = {.name = name}, .spec = BindingSpec{of, to, device}};
}
inline Resource policy(const std::string& name, const std::string& message = "m") {
  return {.metadata = {.name = name},
          .spec = AccessPolicySpec{{{.id = "r", .effect = Effect::allow, .message = message}}}};
}
// As if it stood in `file` from `line` on.
inline Resource written_at(Resource resource, const std::string& file, int line) {
  Sources& sources = resource.metadata.sources;
  sources[""] = {file, line, 1};
  for (const char* key : {"/spec", "/spec/domain", "/spec/service", "/spec/device"})
    sources[key] = {file, ++line, 3};
  return resource;
}

// A stand-in for the policies: who has the label "may" gets what it asks for; the rule is said to
// stand where the domain was written.
inline std::map<std::string, Decision> decide_by_label(const Desired& desired,
                                                       const Affected& affected) {
  std::map<std::string, Decision> decisions;
  for (const auto& [name, resource] : desired.bindings) {
    if (!affected.all && std::find(affected.bindings.begin(), affected.bindings.end(), name) ==
                             affected.bindings.end())
      continue;
    const Metadata& domain =
        desired.domains.at(std::get<BindingSpec>(resource.spec).domain).metadata;
    const bool may = domain.labels.contains("may");
    decisions[name] = {.allowed = may,
                       .policy = "by-label",
                       .rule = may ? "allow" : "deny",
                       .message = may ? "it may" : "it may not",
                       .source = nearest_source(domain.sources, "")};
  }
  return decisions;
}

inline Observed observed(Kind kind, const std::string& name, State state,
                         std::string message = "") {
  return {.kind = kind,
          .name = name,
          .observed_generation = 1,
          .state = state,
          .reason = "Tested",
          .message = std::move(message),
          .since = WallTime(std::chrono::milliseconds{1'700'000'000'123})};
}

inline std::unique_ptr<Store> open_store(const std::filesystem::path& file, const Clock& clock) {
  auto store = Store::open(file, clock, decide_by_label);
  VS_CHECK(store);
  return std::move(*store);
}

// Everything of a state, to compare.
inline nlohmann::json all_of(const Desired& desired) {
  nlohmann::json all{{"version", desired.resource_version}};
  for (const Kind kind : kKinds) {
    for (const auto& [name, resource] : desired.of(kind)) {
      auto& one = all[std::string(name_of(kind))][name];
      one = encode(View{.resource = resource});
      for (const auto& [pointer, source] : resource.metadata.sources)
        one["places"][pointer] = to_string(source);
    }
  }
  for (const auto& [name, decision] : desired.decisions) all["decisions"][name] = encode(decision);
  return all;
}

inline std::vector<std::string> lines_of(const Refusal& refusal) {
  std::vector<std::string> lines;
  for (const Problem& problem : refusal.problems)
    lines.push_back((problem.source ? to_string(*problem.source) + ": " : "") + problem.pointer +
                    ": " + problem.message +
                    (problem.hint.empty() ? "" : " (" + problem.hint + ")"));
  return lines;
}

}  // namespace vs::test
