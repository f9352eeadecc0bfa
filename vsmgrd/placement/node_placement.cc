#include "vsmgrd/placement/node_placement.h"

#include <algorithm>
#include <cctype>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "base/log.h"
#include "vsmgrd/placement/guarantees.h"

namespace vs {
namespace {

constexpr std::string_view kFiles = "files";    // its work is done under other bindings
constexpr std::string_view kPubsub = "pubsub";  // its guests meet in its channels: one loop
constexpr std::uint32_t kDefaultLoopsMax = 64;  // as dataplane/backend/shards.h

Problem problem_of(const Resource& resource, std::string pointer, std::string message, std::string hint, std::string code) {
  auto source = nearest_source(resource.metadata.sources, pointer);
  return {.pointer = std::move(pointer),
          .message = std::move(message),
          .hint = std::move(hint),
          .source = std::move(source),
          .code = std::move(code)};
}

const char* field_of(const Placement& placement, Misfit misfit) {
  if (misfit == Misfit::one_loop) return "";
  return placement.cpus.empty() ? "/count" : "/cpus";
}

// Of a binding that does not fit: its own, or that of the Placement it names.
Problem problem_of(const Resource& binding, const BindingPlace& place, const Desired& desired) {
  const auto& spec = std::get<BindingSpec>(binding.spec);
  const Placement& placement = placement_of(spec, desired);
  std::string pointer = "/spec/placement";
  if (spec.placement_name.empty()) pointer += field_of(placement, place.misfit);
  return problem_of(binding, std::move(pointer),
                    fmt::format("Binding {}: {} ({})", in_quotes(binding.metadata.name), place.message, name_of(place.misfit)),
                    place.fits, std::string(name_of(place.misfit)));
}

// Of a domain whose vCPUs do not fit.
Problem problem_of(const Resource& domain, const BindingPlace& place) {
  return problem_of(domain, std::string("/spec/vcpus") + field_of(std::get<DomainSpec>(domain.spec).vcpus->where, place.misfit),
                    fmt::format("Domain {}: {} ({})", in_quotes(domain.metadata.name), place.message, name_of(place.misfit)), place.fits,
                    std::string(name_of(place.misfit)));
}

// The CPUs of the cpupool that a domain is in, or is to be in; none, when there is no such pool.
CpuSet pool_of(const Resource& domain, const HostMachine& host) {
  const auto& spec = std::get<DomainSpec>(domain.spec);
  std::string name = spec.vcpus->cpupool;
  if (name.empty()) {
    std::string guest = spec.guest.empty() ? domain.metadata.name : spec.guest;
    auto found = host.guests.find(guest);
    std::transform(guest.begin(), guest.end(), guest.begin(), [](unsigned char letter) { return std::tolower(letter); });
    if (found == host.guests.end()) found = host.guests.find(guest);
    name = found == host.guests.end() ? host.first_pool : found->second;
  }
  const auto pool = host.pools.find(name);
  return pool == host.pools.end() ? CpuSet() : pool->second;
}

// Whether two states wish the same of this node.
bool same_wishes(const std::map<std::string, PlacementWish>& one, const std::map<std::string, PlacementWish>& other) {
  return one.size() == other.size() && std::equal(one.begin(), one.end(), other.begin(), [](const auto& left, const auto& right) {
           return left.first == right.first && left.second.kind == right.second.kind &&
                  left.second.domain == right.second.domain && left.second.placement == right.second.placement;
         });
}

}  // namespace

bool can_be_placed(std::string_view service_kind) { return service_kind != kFiles; }

std::map<std::string, PlacementWish> wishes_of(const Desired& desired) {
  std::map<std::string, PlacementWish> all;
  for (const auto& [name, resource] : desired.bindings) {
    const auto& spec = std::get<BindingSpec>(resource.spec);
    const Placement& placement = placement_of(spec, desired);
    if (!wishes(placement)) continue;
    const auto service = desired.services.find(spec.service);
    if (service == desired.services.end()) continue;
    const std::string& kind = std::get<ServiceSpec>(service->second.spec).kind;
    if (can_be_placed(kind)) all[name] = {.kind = kind, .domain = spec.domain, .placement = placement};
  }
  return all;
}

std::map<std::string, Placement> vcpus_of(const Desired& desired) {
  std::map<std::string, Placement> all;
  for (const auto& [name, resource] : desired.domains) {
    const auto& spec = std::get<DomainSpec>(resource.spec);
    if (spec.vcpus && wishes(spec.vcpus->where)) all[name] = spec.vcpus->where;
  }
  return all;
}

UnitKey unit_of(const PlacementWish& wish) { return {wish.kind, wish.kind == kPubsub ? std::string() : wish.domain}; }

std::map<std::string, PlacementWish> resolve_auto(std::map<std::string, PlacementWish> wishes, const std::map<UnitKey, CoreSide>& sides) {
  for (auto& [name, wish] : wishes) {
    if (wish.placement.mode != "auto") continue;
    const auto side = sides.find(unit_of(wish));
    wish.prefers = side == sides.end() ? CoreSide::other : side->second;
    wish.placement.mode = "shared";
    wish.placement.count = std::max(1U, wish.placement.count);
  }
  return wishes;
}

Result<std::unique_ptr<NodePlacement>> NodePlacement::open(MachineFacts facts) {
  auto topology = read_topology(facts.devices);
  if (!topology) return fail(std::move(topology.error()).within("topology"));
  const CpuSet allowed = allowed_cpus(*topology);
  auto node = std::make_unique<NodePlacement>(std::move(facts), std::move(*topology), allowed);
  node->reads_machine_ = true;
  return node;
}

NodePlacement::NodePlacement(MachineFacts facts, Topology topology, CpuSet allowed)
    : facts_(std::move(facts)), state_(State{std::move(topology), allowed, {}, {}, {}, {}}) {}

bool NodePlacement::refresh() {
  if (!reads_machine_) return false;
  auto topology = read_topology(facts_.devices);
  if (!topology) {
    log::warn("topology.not_read", {{"error", topology.error()}});
    return false;
  }
  const CpuSet allowed = allowed_cpus(*topology);
  return state_.with([&](State& state) {
    if (state.topology == *topology && state.allowed == allowed) return false;
    state.topology = std::move(*topology);
    state.allowed = allowed;
    return true;
  });
}

NodePlacement::Inputs NodePlacement::inputs(const Desired& desired) const {
  Inputs all;
  PlacementInput& input = all.bindings;
  std::optional<HostMachine> host;
  state_.with([&](const State& state) {
    input.topology = state.topology;
    input.allowed = state.allowed;
    input.before = state.units;
    input.guests = state.guests;
    input.wishes = resolve_auto(wishes_of(desired), state.sides);
    host = state.host;
  });
  input.reserved = facts_.reserved;
  for (const auto& [name, wish] : input.wishes)
    input.kinds[wish.kind] = {.loops = loops_of(wish.kind, backend_loops()), .one_loop = wish.kind == kPubsub};
  PlacementInput* of_vcpus = &input;
  if (host && !host->same) {
    of_vcpus = &all.vcpus.emplace(PlacementInput{.topology = host->topology, .allowed = host->topology.online, .before = input.before});
  } else if (host) {
    input.allowed &= host->topology.online;
    input.topology = std::move(host->topology);
  }
  of_vcpus->vcpus = vcpus_of(desired);
  if (host)
    for (const auto& [name, placement] : of_vcpus->vcpus) of_vcpus->pools[name] = pool_of(desired.domains.at(name), *host);
  return all;
}

PlacementPlan NodePlacement::plan(const Inputs& inputs) {
  PlacementPlan plan = plan_placement(inputs.bindings);
  if (!inputs.vcpus) return plan;
  PlacementPlan vcpus = plan_placement(*inputs.vcpus);
  plan.vcpus = std::move(vcpus.vcpus);
  plan.units.merge(vcpus.units);
  return plan;
}

PlacementPlan NodePlacement::plan(const Desired& desired) const {
  PlacementPlan made = plan(inputs(desired));
  made.spread = spread_guaranteed(desired, made, backend_loops());
  return made;
}

std::uint32_t NodePlacement::backend_loops() const {
  if (facts_.backend_loops != 0) return facts_.backend_loops;
  const std::size_t cpus = state_.with([](const State& state) { return state.allowed.size(); });
  return static_cast<std::uint32_t>(std::clamp<std::size_t>(cpus, 1, kDefaultLoopsMax));
}

void NodePlacement::see_host(std::optional<HostMachine> host) {
  state_.with([&](State& state) { state.host = std::move(host); });
}

void NodePlacement::adopt(std::map<UnitKey, PlacedUnit> units) {
  state_.with([&](State& state) { state.units = std::move(units); });
}

void NodePlacement::choose_sides(std::map<UnitKey, CoreSide> sides) {
  state_.with([&](State& state) { state.sides = std::move(sides); });
}

void NodePlacement::see_guests(std::map<std::string, CpuSet> guests) {
  state_.with([&](State& state) { state.guests = std::move(guests); });
}

std::vector<Problem> NodePlacement::misfits(const Desired& before, const Desired& next) const {
  std::vector<Problem> problems;
  const Inputs all = inputs(next);
  const PlacementInput& now = all.bindings;
  // One that no binding names is judged by itself.
  std::set<std::string> named;
  for (const auto& [name, resource] : next.bindings) named.insert(std::get<BindingSpec>(resource.spec).placement_name);
  for (const auto& [name, resource] : next.placements) {
    if (named.contains(name) || before.placements.shared(name) == next.placements.shared(name)) continue;
    const auto& placement = std::get<Placement>(resource.spec);
    if (const auto place = misfit_of(placement, now))
      problems.push_back(problem_of(resource, std::string("/spec") + field_of(placement, place->misfit),
                                    fmt::format("Placement {}: {} ({})", in_quotes(name), place->message, name_of(place->misfit)),
                                    place->fits, std::string(name_of(place->misfit))));
  }
  const auto wished = resolve_auto(wishes_of(before), state_.with([](const State& state) { return state.sides; }));
  const auto guests = vcpus_of(before), guests_next = vcpus_of(next);
  const bool as_before = same_wishes(wished, now.wishes) && guests == guests_next;
  const bool more = guarantees_more(before, next);
  if (as_before && !more) return problems;
  const PlacementPlan planned = plan(all);
  if (more)
    for (Problem& one : overcommitted(before, next, planned, backend_loops())) problems.push_back(std::move(one));
  if (as_before) return problems;
  std::optional<PlacementPlan> was;  // planned only when something does not fit
  for (const auto& [name, place] : planned.bindings) {
    if (place.misfit == Misfit::none) continue;
    if (!was) was = plan(before);
    const auto old = was->bindings.find(name);
    const bool same = wished.contains(name) && wished.at(name).placement == now.wishes.at(name).placement;
    if (same && old != was->bindings.end() && old->second.misfit != Misfit::none) continue;
    problems.push_back(problem_of(next.bindings.at(name), place, next));
  }
  for (const auto& [name, place] : planned.vcpus) {
    if (place.misfit == Misfit::none) continue;
    if (!was) was = plan(before);
    const auto old = was->vcpus.find(name);
    const bool same = guests.contains(name) && guests.at(name) == guests_next.at(name);
    if (same && old != was->vcpus.end() && old->second.misfit != Misfit::none) continue;
    problems.push_back(problem_of(next.domains.at(name), place));
  }
  return problems;
}

namespace {

// Of the vCPUs of one domU: what is wished, given by a plan made now, and so.
nlohmann::json show_vcpus(const Resource& domain, const BindingPlace& place, const ByName<Observed>& domains) {
  using nlohmann::json;
  const std::string& name = domain.metadata.name;
  json one{{"name", name}, {"wish", encode_spec(domain)["vcpus"]}, {"planned", to_string(place.cpus)}, {"fits", place.misfit == Misfit::none}};
  if (place.misfit != Misfit::none) {
    one["reason"] = name_of(place.misfit);
    one["message"] = place.message;
    one["hint"] = place.fits;
  }
  if (const auto seen = domains.find(name); seen != domains.end() && seen->second.placement)
    one["actualCpus"] = seen->second.placement->actual_cpus;
  return one;
}

}  // namespace

nlohmann::json NodePlacement::show(const Desired& desired, const ByName<Observed>& bindings, const ByName<Observed>& domains) const {
  using nlohmann::json;
  const Inputs all = inputs(desired);
  const PlacementInput& now = all.bindings;
  const PlacementPlan planned = plan(all);
  const auto class_of = [&](std::uint32_t cpu) {
    return planned.reserved.contains(cpu)    ? "reserved"
           : planned.exclusive.contains(cpu) ? "exclusive"
           : planned.shared.contains(cpu)    ? "shared"
           : planned.isolated.contains(cpu)  ? "isolated"
                                             : "forbidden";
  };
  json cpus = json::array();
  for (const auto& [number, cpu] : now.topology.cpus) {
    json on = json::array();
    for (const auto& [name, place] : planned.bindings)
      if (place.cpus.contains(number)) on.push_back(name);
    json guests = json::array();
    for (const auto& [name, place] : planned.vcpus)
      if (!all.vcpus && place.cpus.contains(number)) guests.push_back(name);
    cpus.push_back({{"cpu", number}, {"core", cpu.core}, {"cache", cpu.llc}, {"node", cpu.node}, {"capacity", cpu.capacity},
                    {"class", class_of(number)}, {"bindings", std::move(on)}, {"domains", std::move(guests)}});
  }
  json placed = json::array();
  for (const auto& [name, place] : planned.bindings) {
    const PlacementWish& wish = now.wishes.at(name);
    json one{{"name", name},
             {"domain", wish.domain},
             {"kind", wish.kind},
             {"wish", {{"mode", wish.placement.mode}, {"options", wish.placement.options}}},
             {"planned", to_string(place.cpus)},
             {"fits", place.misfit == Misfit::none}};
    if (wish.prefers) {
      one["wish"]["mode"] = "auto";
      one["side"] = *wish.prefers == CoreSide::same ? "same" : "other";
    }
    if (!wish.placement.cpus.empty()) one["wish"]["cpus"] = wish.placement.cpus;
    if (wish.placement.count != 0) one["wish"]["count"] = wish.placement.count;
    if (place.misfit != Misfit::none) {
      one["reason"] = name_of(place.misfit);
      one["message"] = place.message;
      one["hint"] = place.fits;
    }
    if (const auto unit = planned.units.find(place.unit); unit != planned.units.end()) one["loop"] = unit->second.loop;
    if (const auto guest = now.guests.find(wish.domain); guest != now.guests.end()) one["guestCpus"] = to_string(guest->second);
    if (const auto seen = bindings.find(name); seen != bindings.end() && seen->second.placement) {
      one["cpus"] = seen->second.placement->cpus;
      one["actualCpus"] = seen->second.placement->actual_cpus;
    }
    placed.push_back(std::move(one));
  }
  json guests = json::array();
  for (const auto& [name, place] : planned.vcpus) guests.push_back(show_vcpus(desired.domains.at(name), place, domains));
  return {{"online", to_string(now.topology.online)},   {"offline", to_string(now.topology.offline)},
          {"reserved", to_string(planned.reserved)},    {"isolated", to_string(planned.isolated)},
          {"exclusive", to_string(planned.exclusive)},  {"shared", to_string(planned.shared)},
          {"cpus", std::move(cpus)},                    {"bindings", std::move(placed)},
          {"domains", std::move(guests)}};
}

Topology NodePlacement::topology() const {
  return state_.with([](const State& state) { return state.topology; });
}
CpuSet NodePlacement::allowed() const {
  return state_.with([](const State& state) { return state.allowed; });
}

}  // namespace vs
