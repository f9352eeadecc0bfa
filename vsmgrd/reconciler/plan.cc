#include "vsmgrd/reconciler/plan.h"

#include <utility>

#include <nlohmann/json.hpp>

namespace vs {
namespace {

nlohmann::json parameters_of(const ServiceSpec& service) {
  return {{"nameservers", service.dns.nameservers},
          {"timeoutMs", service.dns.timeout.count()},
          {"tries", service.dns.tries}};
}

// Names were checked when the binding was declared.
control::Terms terms_of(const BindingSpec& binding, const Desired& desired) {
  control::Terms terms{.wait = control::wait_mode_named(binding.buffers.wait).value_or(control::WaitMode::adaptive),
                       .batch_messages = binding.buffers.batch_messages,
                       .batch_us = binding.buffers.batch_us,
                       .request_bytes = binding.buffers.request_bytes,
                       .response_bytes = binding.buffers.response_bytes,
                       .priority = control::priority_named(binding.sla.priority).value_or(control::Priority::normal),
                       .rate_per_s = binding.sla.rate,
                       .burst = binding.sla.burst};
  if (const auto domain = desired.domains.find(binding.domain); domain != desired.domains.end())
    terms.memory_bytes_max = std::uint64_t{std::get<DomainSpec>(domain->second.spec).memory_mib} << 20;
  return terms;
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

Observed observe_service(const Resource& resource, const std::map<std::string, BackendStatus>& status) {
  const auto& kind = std::get<ServiceSpec>(resource.spec).kind;
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

// A binding counts as observed once a backend has confirmed a configuration that holds it, granted or refused.
Observed observe_binding(const Resource& resource, const Desired& desired, const BackendConfigs& wanted,
                         const std::map<std::string, BackendStatus>& status) {
  const auto& spec = std::get<BindingSpec>(resource.spec);
  const ServiceSpec* service = service_named(desired, spec.service);
  Observed observed = seen(resource, State::pending, "BackendStarting", "the backend is being started");
  if (service == nullptr) return observed;
  const auto found = status.find(service->kind);
  if (found == status.end()) return observed;
  const BackendStatus& backend = found->second;
  if (const auto refusals = backend.refusals.find(resource.metadata.name); refusals != backend.refusals.end())
    observed.refused_opens = static_cast<std::int64_t>(refusals->second);
  const auto config = wanted.find(service->kind);
  const bool confirmed = backend.up && backend.number_applied != 0 && backend.number_applied == backend.number_sent &&
                         config != wanted.end() && backend.config == config->second;
  if (!confirmed) {
    observed.reason = backend.up ? "Configuring" : "BackendDown";
    observed.message = backend.up ? "the backend has not confirmed this configuration yet"
                                  : "the backend is not running: " + backend.last_error;
    return observed;
  }
  const auto decision = desired.decisions.find(resource.metadata.name);
  if (decision == desired.decisions.end() || !decision->second.allowed) {
    observed.state = State::denied;
    observed.reason = "PolicyDenied";
    observed.message = decision == desired.decisions.end() ? "" : decision->second.message;
    return observed;
  }
  if (const auto problem = backend.problems.find(resource.metadata.name); problem != backend.problems.end()) {
    observed.state = State::failed;
    observed.reason = "BackendProblem";
    observed.message = problem->second;
    return observed;
  }
  observed.state = State::bound;
  observed.reason = "BackendAcked";
  observed.message.clear();
  return observed;
}

}  // namespace

BackendConfigs configs_for(const Desired& desired) {
  BackendConfigs configs;
  for (const auto& [name, resource] : desired.services) {
    const auto& service = std::get<ServiceSpec>(resource.spec);
    configs[service.kind].services.push_back({name, parameters_of(service)});
  }
  for (const auto& [name, resource] : desired.bindings) {
    const auto& spec = std::get<BindingSpec>(resource.spec);
    const ServiceSpec* service = service_named(desired, spec.service);
    if (service == nullptr) continue;
    const auto decision = desired.decisions.find(name);
    const bool granted = decision != desired.decisions.end() && decision->second.allowed;
    configs[service->kind].bindings.push_back({name, spec.domain, spec.device, spec.service, granted, terms_of(spec, desired)});
  }
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
                              const std::map<std::string, std::string>& homes) {
  std::vector<Observed> observed;
  for (const auto& [name, resource] : desired.domains) {
    const auto home = homes.find(name);
    Observed one = home == homes.end() ? seen(resource, State::failed, "NoDirectory", "its directory cannot be made")
                                       : seen(resource, State::ready, "Declared");
    if (home != homes.end()) one.socket_directory = home->second;
    observed.push_back(std::move(one));
  }
  for (const auto& [name, resource] : desired.services) observed.push_back(observe_service(resource, status));
  for (const auto& [name, resource] : desired.policies) observed.push_back(seen(resource, State::ready, "InForce"));
  const BackendConfigs wanted = configs_for(desired);
  for (const auto& [name, resource] : desired.bindings)
    observed.push_back(observe_binding(resource, desired, wanted, status));
  return observed;
}

}  // namespace vs
