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
    {"SharingPolicy", "sharing-policies"},
    {"Sla", "slas"},
    {"Placement", "placements"},
    {"Buffers", "buffers"},
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
    case Kind::sharing_policy: return desired.sharing_policies;
    case Kind::sla: return desired.slas;
    case Kind::placement: return desired.placements;
    case Kind::buffers: return desired.buffers;
    case Kind::binding: return desired.bindings;
  }
  __builtin_unreachable();
}

// The object's spec when there is a name, else what was written in place.
template <class Part>
const Part& part_of(const std::string& name, const Part& in_place, const Resources& objects) {
  if (name.empty()) return in_place;
  static const Part defaults;
  const auto found = objects.find(name);
  return found == objects.end() ? defaults : std::get<Part>(found->second.spec);
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

std::string_view name_of(Effect effect) { return effect == Effect::allow ? "allow" : "deny"; }

std::string_view name_of(Mode mode) {
  switch (mode) {
    case Mode::enforce: return "enforce";
    case Mode::warn: return "warn";
    case Mode::audit: return "audit";
  }
  __builtin_unreachable();
}

std::optional<Mode> mode_named(std::string_view name) {
  for (const Mode mode : {Mode::enforce, Mode::warn, Mode::audit})
    if (name_of(mode) == name) return mode;
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

std::string_view name_of(StatusCondition::Status status) {
  switch (status) {
    case StatusCondition::Status::no: return "False";
    case StatusCondition::Status::yes: return "True";
    case StatusCondition::Status::unknown: return "Unknown";
  }
  __builtin_unreachable();
}

std::optional<StatusCondition::Status> condition_status_named(std::string_view name) {
  using Status = StatusCondition::Status;
  for (const Status status : {Status::no, Status::yes, Status::unknown})
    if (name_of(status) == name) return status;
  return std::nullopt;
}

std::vector<Reference> references(const Resource& resource) {
  const auto* binding = std::get_if<BindingSpec>(&resource.spec);
  if (!binding) return {};
  std::vector<Reference> found{{Kind::domain, binding->domain, "/spec/domain"},
                               {Kind::service, binding->service, "/spec/service"}};
  const auto add = [&](Kind kind, const std::string& name, const char* pointer) {
    if (!name.empty()) found.push_back({kind, name, pointer});
  };
  add(Kind::sla, binding->sla_name, "/spec/sla");
  add(Kind::placement, binding->placement_name, "/spec/placement");
  add(Kind::buffers, binding->buffers_name, "/spec/buffers");
  return found;
}

const Resources& Desired::of(Kind kind) const { return map_of(*this, kind); }
Resources& Desired::of(Kind kind) { return map_of(*this, kind); }

const Buffers& buffers_of(const BindingSpec& binding, const Desired& desired) {
  return part_of(binding.buffers_name, binding.buffers, desired.buffers);
}
const Sla& sla_of(const BindingSpec& binding, const Desired& desired) {
  return part_of(binding.sla_name, binding.sla, desired.slas);
}
const Placement& placement_of(const BindingSpec& binding, const Desired& desired) {
  return part_of(binding.placement_name, binding.placement, desired.placements);
}

}  // namespace vs
