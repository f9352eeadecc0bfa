#include <type_traits>

#include <nlohmann/json.hpp>

#include "vsmgrd/model/codec.h"

namespace vs {
namespace {

using nlohmann::json;

json encode_part(const DomainSpec& spec) {
  json out{{"type", spec.type}, {"description", spec.description}};
  if (spec.memory_mib != DomainSpec{}.memory_mib) out["memoryMiB"] = spec.memory_mib;
  return out;
}

json encode_part(const ServiceSpec& spec) {
  return {{"kind", spec.kind},
          {"parameters",
           {{"nameservers", spec.dns.nameservers},
            {"timeout", format_duration(spec.dns.timeout)},
            {"tries", spec.dns.tries}}}};
}

// A list that is empty was not given, and is left out: see RuleMatch.
json encode_part(const RuleMatch& match) {
  json out = json::object();
  if (!match.domains.empty()) out["domains"] = match.domains;
  if (!match.domain_labels.empty()) out["domainLabels"] = match.domain_labels;
  if (!match.services.empty()) out["services"] = match.services;
  if (!match.kinds.empty()) out["kinds"] = match.kinds;
  return out;
}

json encode_part(const AccessPolicySpec& spec) {
  json rules = json::array();
  for (const Rule& rule : spec.rules)
    rules.push_back({{"id", rule.id},
                     {"effect", rule.effect == Effect::allow ? "allow" : "deny"},
                     {"message", rule.message},
                     {"match", encode_part(rule.match)}});
  return {{"rules", std::move(rules)}};
}

json encode_part(const BindingSpec& spec) {
  json out{{"domain", spec.domain}, {"service", spec.service}};
  if (!spec.device.empty()) out["device"] = spec.device;
  if (spec.buffers != Buffers{})
    out["buffers"] = {{"wait", spec.buffers.wait},
                      {"batchMessages", spec.buffers.batch_messages},
                      {"batchMicroseconds", spec.buffers.batch_us},
                      {"requestBytes", spec.buffers.request_bytes},
                      {"responseBytes", spec.buffers.response_bytes}};
  if (spec.sla != Sla{})
    out["sla"] = {
        {"priority", spec.sla.priority}, {"rate", spec.sla.rate}, {"burst", spec.sla.burst}};
  return out;
}

constexpr std::string_view kRules = "/spec/rules/";

// People ask where an object or a rule stands; where each word of it stands only the checks ask.
bool shown_outside(std::string_view pointer) {
  return pointer.empty() || (pointer.starts_with(kRules) &&
                             pointer.find('/', kRules.size()) == std::string_view::npos);
}

json encode_part(const Metadata& metadata) {
  json out{{"name", metadata.name}, {"labels", metadata.labels}};
  if (!metadata.uid.empty()) {  // else it was never stored
    out["uid"] = metadata.uid;
    out["generation"] = metadata.generation;
    out["resourceVersion"] = metadata.resource_version;
    out["createdAt"] = format_time(metadata.created_at);
    out["updatedAt"] = format_time(metadata.updated_at);
  }
  json sources = json::object();
  for (const auto& [pointer, source] : metadata.sources)
    if (shown_outside(pointer)) sources[pointer] = encode(source);
  if (!sources.empty()) out["sources"] = std::move(sources);
  return out;
}

json encode_status(const View& view) {
  json out = json::object();
  if (const auto& observed = view.observed) {
    out["observedGeneration"] = observed->observed_generation;
    out["state"] = name_of(observed->state);
    out["reason"] = observed->reason;
    out["message"] = observed->message;
    out["since"] = format_time(observed->since);
    if (view.resource.kind() == Kind::domain) out["socketDirectory"] = observed->socket_directory;
    if (view.resource.kind() == Kind::binding) out["refusedOpens"] = observed->refused_opens;
  }
  if (view.decision) out["decision"] = encode(*view.decision);
  return out;
}

}  // namespace

json encode_spec(const Resource& resource) {
  return std::visit([](const auto& spec) { return encode_part(spec); }, resource.spec);
}

json encode(const View& view) {
  json out{{"apiVersion", kApiVersion},
           {"kind", name_of(view.resource.kind())},
           {"metadata", encode_part(view.resource.metadata)},
           {"spec", encode_spec(view.resource)}};
  if (view.observed || view.decision) out["status"] = encode_status(view);
  return out;
}

json encode(const Decision& decision) {
  json out{{"allowed", decision.allowed},
           {"policy", decision.policy},
           {"rule", decision.rule},
           {"message", decision.message}};
  if (decision.source) out["source"] = encode(*decision.source);
  return out;
}

json encode(const Problem& problem) {
  json out{{"pointer", problem.pointer}, {"message", problem.message}};
  if (!problem.hint.empty()) out["hint"] = problem.hint;
  if (problem.source) out["source"] = encode(*problem.source);
  return out;
}

json encode(const Source& source) {
  return {{"file", source.file}, {"line", source.line}, {"column", source.column}};
}

}  // namespace vs
