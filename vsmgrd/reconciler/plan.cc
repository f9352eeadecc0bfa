#include "vsmgrd/reconciler/plan.h"

#include <optional>
#include <utility>

#include <nlohmann/json.hpp>

#include "vsmgrd/model/decode_terms.h"
#include "vsmgrd/placement/node_placement.h"
#include "vsmgrd/reconciler/conditions.h"

namespace vs {
namespace {

constexpr std::string_view kFilesKind = "files";

// As the backend reads them (dataplane/services/pubsub/declared.h).
nlohmann::json declared_channels(const PubsubParameters& pubsub) {
  nlohmann::json channels = nlohmann::json::array();
  for (const DeclaredChannel& one : pubsub.channels)
    channels.push_back({{"name", one.name},
                        {"eventBytesMax", one.event_bytes_max},
                        {"expiresMs", one.expires.count()},
                        {"retained", one.retained},
                        {"contentType", one.content_type},
                        {"schema", one.schema},
                        {"source", one.source},
                        {"filter", one.filter},
                        {"operators", one.operators}});
  return channels;
}

// As the backend reads them (dataplane/services/pubsub/engine_terms.h). An engine that there is not has a name alone.
nlohmann::json channel_parameters(const PubsubParameters& pubsub, const Engines& engines) {
  nlohmann::json parameters = nlohmann::json::object();
  if (!pubsub.channels.empty()) parameters["channels"] = declared_channels(pubsub);
  if (pubsub.engine.empty()) return parameters;
  const auto engine = engines.by_name.find(pubsub.engine);
  parameters["node"] = engines.node;
  parameters["engine"] = engine == engines.by_name.end() ? nlohmann::json::object() : engine->second;
  parameters["engine"]["name"] = pubsub.engine;
  if (!pubsub.prefix.empty()) parameters["prefix"] = pubsub.prefix;
  if (!pubsub.shared.empty()) parameters["shared"] = pubsub.shared;
  if (!pubsub.at_least_once.empty()) parameters["atLeastOnce"] = pubsub.at_least_once;
  return parameters;
}

// As the backend reads them (dataplane/services/dns/parameters.h).
nlohmann::json cache_terms(const DnsCache& cache) {
  return {{"ttlMinMs", cache.ttl_min.count()},
          {"ttlMaxMs", cache.ttl_max.count()},
          {"negativeTtlMaxMs", cache.negative_ttl_max.count()},
          {"failureTtlMs", cache.failure_ttl.count()},
          {"staleMaxMs", cache.stale_max.count()},
          {"staleAfterMs", cache.stale_after.count()},
          {"prefetchHits", cache.prefetch_hits},
          {"guestEntriesMax", cache.guest_entries_max},
          {"guestBytesMax", std::uint64_t{cache.guest_kib_max} << 10},
          {"bytesMax", std::uint64_t{cache.kib_max} << 10}};
}

nlohmann::json parameters_of(const ServiceSpec& service, const Engines& engines) {
  if (service.kind != "dns") return channel_parameters(service.pubsub, engines);
  return {{"nameservers", service.dns.nameservers},
          {"timeoutMs", service.dns.timeout.count()},
          {"tries", service.dns.tries},
          {"cache", cache_terms(service.dns.cache)}};
}

control::Promise promise_of(const std::optional<Objectives>& objectives) {
  if (!objectives) return {};
  return {.p50_us = static_cast<std::uint64_t>(objectives->latency_p50.count()),
          .p99_us = static_cast<std::uint64_t>(objectives->latency_p99.count()),
          .p999_us = static_cast<std::uint64_t>(objectives->latency_p999.count()),
          .rate_per_s = objectives->rate,
          .freshness_ms = static_cast<std::uint64_t>(objectives->freshness.count()),
          .loss = objectives->loss_ppm.has_value(),
          .availability = objectives->availability_ppm != 0};
}

// What the data plane can do of what the binding says, in place or by name; conditions.h tells the
// rest. Names were checked when the binding was declared.
control::Terms terms_of(const BindingSpec& binding, const Desired& desired) {
  const Buffers& buffers = buffers_of(binding, desired);
  const Sla& sla = sla_of(binding, desired);
  control::Terms terms{.tune = control::tune_named(buffers.tune).value_or(control::Tune::off),
                       .wait = control::wait_mode_named(buffers.wait).value_or(control::WaitMode::adaptive),
                       .batch_messages = buffers.batch_messages,
                       .batch_us = buffers.batch_us,
                       .request_bytes = buffers.request_bytes,
                       .response_bytes = buffers.response_bytes,
                       .priority = control::priority_named(sla.priority).value_or(control::Priority::normal),
                       .rate_per_s = sla.rate,
                       .burst = sla.burst,
                       .guarantee = control::guarantee_named(sla.guarantee).value_or(control::Guarantee::burstable),
                       .promise = promise_of(sla.objectives)};
  for (const ContentClass& one : sla.content_classes)
    terms.content_classes.push_back({one.name, one.when, control::priority_named(one.priority).value_or(control::Priority::normal),
                                     promise_of(one.objectives ? one.objectives : sla.objectives)});
  if (const auto domain = desired.domains.find(binding.domain); domain != desired.domains.end())
    terms.memory_bytes_max = std::uint64_t{std::get<DomainSpec>(domain->second.spec).memory_mib} << 20;
  return terms;
}

// As the backend reads them (dataplane/services/pubsub/rights.h).
nlohmann::json channel_rights(const Decision& decision) {
  if (decision.channels.empty()) return {};
  bool any_allows = false;
  nlohmann::json rules = nlohmann::json::array();
  for (const auto& [policy, rule, source] : decision.channels) {
    any_allows = any_allows || rule.effect == Effect::allow;
    nlohmann::json one{{"effect", name_of(rule.effect)}, {"channels", rule.channels}, {"policy", policy},
                       {"rule", rule.id},                {"message", rule.message}};
    one["verbs"] = rule.verbs.empty() ? std::vector<std::string>{"create", "publish", "subscribe"} : rule.verbs;
    if (rule.rate != 0) one["ratePerS"] = rule.rate;
    if (rule.burst != 1) one["burst"] = rule.burst;
    if (rule.event_bytes_max != 0) one["eventBytesMax"] = rule.event_bytes_max;
    if (rule.sharing != "private") one["sharing"] = rule.sharing;
    if (rule.filter_cost_max != 0) one["filterCostMax"] = rule.filter_cost_max;
    rules.push_back(std::move(one));
  }
  return {{"default", any_allows ? "deny" : "allow"}, {"rules", std::move(rules)}};
}

// As the backend reads it (dataplane/services/dns/sharing.h).
nlohmann::json sharing_of(const Sharing& sharing) {
  if (sharing.mode == Sharing{}.mode && sharing.travels) return {};
  nlohmann::json told{{"mode", sharing.mode}};
  if (!sharing.group.empty()) told["group"] = sharing.group;
  if (!sharing.names.empty()) told["names"] = sharing.names;
  if (!sharing.travels) told["travels"] = false;
  return told;
}

// As the backend of service files reads them (dataplane/files/files_backend.h): what the domain was granted beside it.
nlohmann::json devices_beside(const Desired& desired, const std::map<std::string, std::vector<const Resource*>>& bindings_of,
                              const std::string& domain) {
  nlohmann::json devices = nlohmann::json::object();
  for (const Resource* resource : bindings_of.at(domain)) {
    const auto& spec = std::get<BindingSpec>(resource->spec);
    const auto service = desired.services.find(spec.service);
    const auto decision = desired.decisions.find(resource->metadata.name);
    if (service == desired.services.end() || decision == desired.decisions.end() || !decision->second.allowed) continue;
    const std::string& kind = std::get<ServiceSpec>(service->second.spec).kind;
    if (kind != kFilesKind) devices[spec.device] = kind;
  }
  return {{"devices", std::move(devices)}};
}

// Of a kind's bindings: the loop of each that is placed, and where loops run; and of those that are guaranteed something.
void place(BackendConfigs& configs, const PlacementPlan& placement) {
  const bool all_shared = placement.units.empty() && placement.reserved.empty();
  for (auto& [kind, config] : configs) {
    for (control::BindingConfig& binding : config.bindings)
      if (const auto loop = placement.spread.find({kind, binding.domain}); loop != placement.spread.end()) binding.loop = loop->second;
    if (!can_be_placed(kind) || all_shared) continue;
    config.pool = placement.shared.list();
    std::map<std::uint32_t, control::LoopConfig> loops;
    for (control::BindingConfig& binding : config.bindings) {
      auto unit = placement.units.find({kind, binding.domain});
      if (unit == placement.units.end()) unit = placement.units.find({kind, ""});
      if (unit == placement.units.end()) continue;
      binding.loop = unit->second.loop;
      control::LoopConfig& loop = loops[unit->second.loop];
      loop.number = unit->second.loop;
      loop.cpus = unit->second.cpus.list();
      loop.with_guests = loop.with_guests || unit->second.with_guest;
    }
    for (auto& [number, loop] : loops) config.loops.push_back(std::move(loop));
  }
}

// What a binding got, and where that is; nullopt when it has no wish.
std::optional<PlacementStatus> placement_of_binding(const std::string& binding, const PlacementPlan& placement,
                                                    const std::map<std::string, BackendStatus>& status) {
  const auto place = placement.bindings.find(binding);
  if (place == placement.bindings.end()) return std::nullopt;
  PlacementStatus shown{.cpus = to_string(place->second.cpus),
                        .fits = place->second.misfit == Misfit::none,
                        .reason = std::string(name_of(place->second.misfit)),
                        .message = place->second.message};
  const auto unit = placement.units.find(place->second.unit);
  if (unit == placement.units.end()) return shown;
  shown.loop = unit->second.loop;
  const auto backend = status.find(place->second.unit.first);
  if (backend == status.end()) return shown;
  if (const auto loop = backend->second.loops.find(shown.loop); loop != backend->second.loops.end())
    shown.actual_cpus = to_string(CpuSet(loop->second.now));
  return shown;
}

const ServiceSpec* service_named(const Desired& desired, const std::string& name) {
  const auto found = desired.services.find(name);
  return found == desired.services.end() ? nullptr : &std::get<ServiceSpec>(found->second.spec);
}

Observed seen(const Resource& resource, State state, std::string reason, std::string message = {}) {
  return {.kind = resource.kind(),
          .name = resource.metadata.name,
          .observed_generation = resource.metadata.generation,
          .state = state,
          .reason = std::move(reason),
          .message = std::move(message)};
}

Observed observe_service(const Resource& resource, const std::map<std::string, BackendStatus>& status, const Engines& engines) {
  const auto& kind = std::get<ServiceSpec>(resource.spec).kind;
  const std::string& engine = std::get<ServiceSpec>(resource.spec).pubsub.engine;
  if (!engine.empty() && !engines.by_name.contains(engine))
    return seen(resource, State::failed, "UnknownEngine",
                "engine " + engine + ": this node has none of that name (vsmgrd --engine); its channels stay on the node");
  const auto found = status.find(kind);
  if (found == status.end()) return seen(resource, State::pending, "BackendStarting", "the backend is being started");
  const BackendStatus& backend = found->second;
  if (!backend.up)
    return seen(resource, State::pending, backend.last_error.empty() ? "BackendStarting" : "BackendDown",
                backend.last_error.empty() ? "the backend is being started" : "backend: " + backend.last_error);
  if (backend.number_applied == 0 || backend.number_applied != backend.number_sent)
    return seen(resource, State::pending, "Configuring", "the backend has not confirmed its configuration yet");
  return seen(resource, State::ready, "BackendServing");
}

// Whether the backend serves what is wanted now.
bool has_confirmed(const std::string& kind, const BackendConfigs& wanted, const std::map<std::string, BackendStatus>& status) {
  const auto found = status.find(kind);
  const auto config = wanted.find(kind);
  if (found == status.end() || config == wanted.end()) return false;
  const BackendStatus& backend = found->second;
  return backend.up && backend.number_applied != 0 && backend.number_applied == backend.number_sent &&
         backend.config == config->second;
}

void set_state(Observed& observed, State state, std::string reason, std::string message = {}) {
  observed.state = state;
  observed.reason = std::move(reason);
  observed.message = std::move(message);
}

void judge_binding(Observed& observed, const BackendStatus& backend, bool confirmed, const Decision* decision) {
  if (!confirmed && backend.up)
    return set_state(observed, State::pending, "Configuring", "the backend has not confirmed this configuration yet");
  if (!confirmed)
    return set_state(observed, State::pending, "BackendDown", "the backend is not running: " + backend.last_error);
  if (!decision || !decision->allowed)
    return set_state(observed, State::denied, "PolicyDenied", decision ? decision->message : "");
  if (const auto problem = backend.problems.find(observed.name); problem != backend.problems.end())
    return set_state(observed, State::failed, "BackendProblem", problem->second);
  set_state(observed, State::bound, "BackendAcked");
}

bool of_xen(const Desired& desired, const std::string& domain) {
  const auto found = desired.domains.find(domain);
  return found != desired.domains.end() && std::get<DomainSpec>(found->second.spec).type == "xen";
}

Observed observe_guest(const Resource& resource, const Domids& domids, const std::string& hypervisor_trouble) {
  const auto found = domids.find(resource.metadata.name);
  if (found != domids.end()) return seen(resource, State::ready, "Running", "domid " + std::to_string(found->second));
  if (!hypervisor_trouble.empty()) return seen(resource, State::failed, "NoHypervisor", hypervisor_trouble);
  const std::string& guest = std::get<DomainSpec>(resource.spec).guest;
  return seen(resource, State::pending, "NotRunning",
              "Xen runs no domain " + (guest.empty() ? resource.metadata.name : guest));
}

// Of a binding that must not be served here, whatever the backends say. False: it may be.
bool judge_ownership(Observed& observed, const Owners& owners) {
  const auto found = owners.find(observed.name);
  if (found == owners.end() || found->second.here) return false;
  if (found->second.in_doubt)
    set_state(observed, State::failed, "InDoubt",
              "a handoff between this node and another did not end: nobody serves it here until the other node says what became of "
              "it, or an operator resolves it");
  else
    set_state(observed, State::pending, "Elsewhere", "it moved: node " + found->second.owner + " owns it");
  return true;
}

// A binding counts as observed once a backend has confirmed a configuration that holds it, granted or refused.
Observed observe_binding(const Resource& resource, const Desired& desired, const std::map<std::string, bool>& confirmed,
                         const std::map<std::string, BackendStatus>& status, const Domids& domids, const Owners& owners) {
  const auto& spec = std::get<BindingSpec>(resource.spec);
  const ServiceSpec* service = service_named(desired, spec.service);
  Observed observed = seen(resource, State::pending, "BackendStarting", "the backend is being started");
  const auto decided = desired.decisions.find(resource.metadata.name);
  const Decision* decision = decided == desired.decisions.end() ? nullptr : &decided->second;
  const auto found = service ? status.find(service->kind) : status.end();
  const bool is_confirmed = found != status.end() && confirmed.at(service->kind);
  if (found != status.end()) {
    const BackendStatus& backend = found->second;
    if (const auto refusals = backend.refusals.find(observed.name); refusals != backend.refusals.end())
      observed.refused_opens = static_cast<std::int64_t>(refusals->second);
    judge_binding(observed, backend, is_confirmed, decision);
    const std::string& domain = std::get<BindingSpec>(resource.spec).domain;
    if (observed.state == State::bound && of_xen(desired, domain) && !domids.contains(domain))
      set_state(observed, State::pending, "DomainNotRunning", "domain " + domain + " does not run: it is served when it does");
  }
  const bool away = judge_ownership(observed, owners);
  observed.conditions =
      conditions_of_binding(observed, is_confirmed && !away, decision, unsupported_fields(resource, desired));
  return observed;
}

// Policies and what bindings refer to: nothing is to be done for them alone.
Observed observe_declared(const Resource& resource, const Desired& desired) {
  const bool policy = resource.kind() == Kind::access_policy || resource.kind() == Kind::sharing_policy;
  Observed observed = seen(resource, State::ready, policy ? "InForce" : "Declared");
  observed.conditions = conditions_of_declared(unsupported_fields(resource, desired));
  return observed;
}

}  // namespace

BackendConfigs configs_for(const Desired& desired, const Domids& domids, const Engines& engines, const PlacementPlan* placement,
                           const Owners& owners) {
  BackendConfigs configs;
  for (const auto& [name, resource] : desired.services) {
    const auto& service = std::get<ServiceSpec>(resource.spec);
    configs[service.kind].services.push_back({name, parameters_of(service, engines)});
  }
  std::map<std::string, std::vector<const Resource*>> bindings_of;  // by domain, once somebody asks
  for (const auto& [name, resource] : desired.bindings) {
    const auto& spec = std::get<BindingSpec>(resource.spec);
    const ServiceSpec* service = service_named(desired, spec.service);
    if (service == nullptr) continue;
    const auto owned = owners.find(name);
    if (owned != owners.end() && !owned->second.here) continue;
    const bool files = service->kind == kFilesKind;
    if (files && bindings_of.empty())
      for (const auto& [other, binding] : desired.bindings)
        bindings_of[std::get<BindingSpec>(binding.spec).domain].push_back(&binding);
    const auto decision = desired.decisions.find(name);
    const bool granted = decision != desired.decisions.end() && decision->second.allowed;
    const auto domid = domids.find(spec.domain);
    if (of_xen(desired, spec.domain) && domid == domids.end()) continue;
    configs[service->kind].bindings.push_back({name, spec.domain, spec.device, spec.service, granted, terms_of(spec, desired),
                                               domid == domids.end() ? std::nullopt : std::optional(domid->second),
                                               !granted ? nlohmann::json()
                                               : files  ? devices_beside(desired, bindings_of, spec.domain)
                                                        : channel_rights(decision->second)});
    if (owned != owners.end()) configs[service->kind].bindings.back().epoch = owned->second.epoch;
    if (granted && shares(service->kind)) configs[service->kind].bindings.back().sharing = sharing_of(decision->second.sharing);
  }
  if (placement != nullptr) place(configs, *placement);
  return configs;
}

std::vector<Deed> plan(const BackendConfigs& wanted, const std::map<std::string, BackendStatus>& status) {
  std::vector<Deed> deeds;
  for (const auto& [kind, backend] : status)
    if (backend.wanted && !wanted.contains(kind)) deeds.push_back({Deed::Verb::stop, kind, {}});
  for (const auto& [kind, config] : wanted)
    if (const auto found = status.find(kind); found == status.end() || !found->second.wanted)
      deeds.push_back({Deed::Verb::start, kind, {}});
  for (const auto& [kind, config] : wanted) {
    const auto found = status.find(kind);
    const bool told = found != status.end() && found->second.wanted && found->second.number_sent != 0 &&
                      found->second.config == config;
    if (!told) deeds.push_back({Deed::Verb::configure, kind, config});
  }
  return deeds;
}

std::vector<Observed> observe(const Desired& desired, const std::map<std::string, BackendStatus>& status,
                              const std::map<std::string, std::string>& homes, const Domids& domids,
                              const std::string& hypervisor_trouble, const Engines& engines, const PlacementPlan* placement,
                              const Owners& owners) {
  std::vector<Observed> observed;
  for (const auto& [name, resource] : desired.domains) {
    if (of_xen(desired, name)) {
      observed.push_back(observe_guest(resource, domids, hypervisor_trouble));
      continue;
    }
    const auto home = homes.find(name);
    Observed one = home == homes.end() ? seen(resource, State::failed, "NoDirectory", "its directory cannot be made")
                                       : seen(resource, State::ready, "Declared");
    if (home != homes.end()) one.socket_directory = home->second;
    observed.push_back(std::move(one));
  }
  for (const auto& [name, resource] : desired.services) observed.push_back(observe_service(resource, status, engines));
  for (const Kind kind : {Kind::access_policy, Kind::sharing_policy, Kind::sla, Kind::placement, Kind::buffers})
    for (const auto& [name, resource] : desired.of(kind)) observed.push_back(observe_declared(resource, desired));
  const BackendConfigs wanted = configs_for(desired, domids, engines, placement, owners);
  std::map<std::string, bool> confirmed;  // by kind: comparing two configurations is work
  for (const auto& [kind, backend] : status) confirmed[kind] = has_confirmed(kind, wanted, status);
  for (const auto& [name, resource] : desired.bindings)
  {
    observed.push_back(observe_binding(resource, desired, confirmed, status, domids, owners));
    if (placement != nullptr) observed.back().placement = placement_of_binding(name, *placement, status);
  }
  return observed;
}

}  // namespace vs
