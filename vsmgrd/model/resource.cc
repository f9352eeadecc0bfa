#include "vsmgrd/model/resource.h"

#include <utility>

#include "vsmgrd/model/codec.h"

namespace vs {
namespace {

struct KindNames {
  std::string_view name;
  std::string_view plural;
};
constexpr std::array<KindNames, kKinds.size()> kKindNames{{
    {"Domain", "domains"},
    {"Service", "services"},
    {"AccessPolicy", "policies"},
    {"Binding", "bindings"},
}};
constexpr std::array kStates{State::pending, State::ready, State::bound, State::denied,
                             State::failed};

const KindNames& names_of(Kind kind) { return kKindNames.at(static_cast<std::size_t>(kind)); }

// One body for both constnesses of Desired::of.
template <class State>
auto& map_of(State& desired, Kind kind) {
  switch (kind) {
    case Kind::domain: return desired.domains;
    case Kind::service: return desired.services;
    case Kind::access_policy: return desired.policies;
    case Kind::binding: return desired.bindings;
  }
  __builtin_unreachable();
}

}  // namespace

std::string_view name_of(Kind kind) { return names_of(kind).name; }
std::string_view plural_of(Kind kind) { return names_of(kind).plural; }

std::optional<Kind> kind_named(std::string_view name) {
  for (const Kind kind : kKinds)
    if (name_of(kind) == name) return kind;
  return std::nullopt;
}

std::optional<Kind> kind_of_plural(std::string_view plural) {
  for (const Kind kind : kKinds)
    if (plural_of(kind) == plural) return kind;
  return std::nullopt;
}

std::string_view name_of(State state) {
  switch (state) {
    case State::pending: return "Pending";
    case State::ready: return "Ready";
    case State::bound: return "Bound";
    case State::denied: return "Denied";
    case State::failed: return "Failed";
  }
  __builtin_unreachable();
}

std::optional<State> state_named(std::string_view name) {
  for (const State state : kStates)
    if (name_of(state) == name) return state;
  return std::nullopt;
}

std::vector<Reference> references(const Resource& resource) {
  const auto* binding = std::get_if<BindingSpec>(&resource.spec);
  if (!binding) return {};
  return {{Kind::domain, binding->domain, "/spec/domain"},
          {Kind::service, binding->service, "/spec/service"}};
}

const std::map<std::string, Resource>& Desired::of(Kind kind) const { return map_of(*this, kind); }
std::map<std::string, Resource>& Desired::of(Kind kind) { return map_of(*this, kind); }

}  // namespace vs
