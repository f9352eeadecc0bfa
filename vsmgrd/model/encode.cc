#include <type_traits>

#include <nlohmann/json.hpp>

#include "vsmgrd/model/codec.h"
#include "vsmgrd/model/decode_channels.h"

namespace vs {
namespace {

using nlohmann::json;

json encode_part(const Placement& placement) {
  json out{{"mode", placement.mode}};
  if (!placement.cpus.empty()) out["cpus"] = placement.cpus;
  if (placement.count != 0) out["count"] = placement.count;
  if (!placement.options.empty()) out["options"] = placement.options;
  return out;
}

json encode_part(const VcpuPlacement& vcpus) {
  json out = encode_part(vcpus.where);
  out["affinity"] = vcpus.affinity;
  if (!vcpus.cpupool.empty()) out["cpupool"] = vcpus.cpupool;
  return out;
}

json encode_part(const DomainSpec& spec) {
  json out{{"type", spec.type}, {"description", spec.description}};
  if (!spec.guest.empty()) out["guest"] = spec.guest;
  if (spec.memory_mib != DomainSpec{}.memory_mib) out["memoryMiB"] = spec.memory_mib;
  if (spec.vcpus) out["vcpus"] = encode_part(*spec.vcpus);
  return out;
}

json encode_part(const DnsCache& cache) {
  return {{"ttlMin", format_duration(cache.ttl_min)},
          {"ttlMax", format_duration(cache.ttl_max)},
          {"negativeTtlMax", format_duration(cache.negative_ttl_max)},
          {"failureTtl", format_duration(cache.failure_ttl)},
          {"staleMax", format_duration(cache.stale_max)},
          {"staleAfter", format_duration(cache.stale_after)},
          {"prefetchHits", cache.prefetch_hits},
          {"guestEntriesMax", cache.guest_entries_max},
          {"guestKiBMax", cache.guest_kib_max},
          {"kiBMax", cache.kib_max}};
}

json encode_part(const ServiceSpec& spec) {
  json out{{"kind", spec.kind}};
  if (spec.request_cost.count() != 0) out["requestCost"] = format_fine_duration(spec.request_cost);
  if (spec.kind != "dns") {
    out["parameters"] = encode(spec.pubsub);
    return out;
  }
  out["parameters"] = {{"nameservers", spec.dns.nameservers},
                       {"timeout", format_duration(spec.dns.timeout)},
                       {"tries", spec.dns.tries}};
  if (!(spec.dns.cache == DnsCache{})) out["parameters"]["cache"] = encode_part(spec.dns.cache);
  return out;
}

// A list that is empty was not given, and is left out: see RuleMatch.
json encode_part(const RuleMatch& match) {
  json out = json::object();
  if (!match.domains.empty()) out["domains"] = match.domains;
  if (!match.domain_labels.empty()) out["domainLabels"] = match.domain_labels;
  if (!match.services.empty()) out["services"] = match.services;
  if (!match.kinds.empty()) out["kinds"] = match.kinds;
  if (!match.domain_types.empty()) out["domainTypes"] = match.domain_types;
  if (!match.nodes.empty()) out["nodes"] = match.nodes;
  if (!match.node_labels.empty()) out["nodeLabels"] = match.node_labels;
  return out;
}

json encode_part(const AccessPolicySpec& spec) {
  json rules = json::array();
  for (const Rule& rule : spec.rules) {
    rules.push_back({{"id", rule.id},
                     {"effect", name_of(rule.effect)},
                     {"message", rule.message},
                     {"match", encode_part(rule.match)}});
    if (rule.mode != Mode::enforce) rules.back()["mode"] = name_of(rule.mode);
  }
  json out{{"rules", std::move(rules)}};
  for (const ChannelRule& rule : spec.channel_rules) {
    json one = encode(rule);
    one["match"] = encode_part(rule.match);
    out["channelRules"].push_back(std::move(one));
  }
  return out;
}

json encode_part(const SharingPolicySpec& spec) {
  json out{{"match", encode_part(spec.match)}, {"mode", spec.mode}};
  if (!spec.group.empty()) out["group"] = spec.group;
  if (!spec.owner_label.empty()) out["ownerLabel"] = spec.owner_label;
  if (!spec.names.empty()) out["names"] = spec.names;
  if (!spec.travels) out["travels"] = false;
  return out;
}

json encode_part(const Buffers& buffers) {
  if (!buffers.tune.empty()) return {{"auto", buffers.tune}};
  return {{"wait", buffers.wait},
          {"batchMessages", buffers.batch_messages},
          {"batchMicroseconds", buffers.batch_us},
          {"requestBytes", buffers.request_bytes},
          {"responseBytes", buffers.response_bytes}};
}

// What was not promised is left out.
json encode_part(const Objectives& objectives) {
  json out{{"window", format_duration(objectives.window)}};
  const auto latency = [&](const char* key, std::chrono::microseconds most) {
    if (most.count() != 0) out[key] = format_fine_duration(most);
  };
  latency("latencyP50", objectives.latency_p50);
  latency("latencyP99", objectives.latency_p99);
  latency("latencyP999", objectives.latency_p999);
  if (objectives.rate != 0) out["rate"] = objectives.rate;
  if (objectives.loss_ppm) out["loss"] = format_percent(*objectives.loss_ppm);
  if (objectives.freshness.count() != 0) out["freshness"] = format_duration(objectives.freshness);
  if (objectives.availability_ppm != 0)
    out["availability"] = format_percent(objectives.availability_ppm);
  return out;
}

json encode_part(const Sla& sla) {
  json out{{"priority", sla.priority}, {"rate", sla.rate}, {"burst", sla.burst}};
  if (sla.guarantee != Sla{}.guarantee) out["class"] = sla.guarantee;
  if (sla.objectives) out["objectives"] = encode_part(*sla.objectives);
  for (const ContentClass& one : sla.content_classes) {
    out["contentClasses"].push_back(
        {{"name", one.name}, {"when", one.when}, {"priority", one.priority}});
    if (one.objectives) out["contentClasses"].back()["objectives"] = encode_part(*one.objectives);
  }
  return out;
}

json encode_part(const BindingSpec& spec) {
  json out{{"domain", spec.domain}, {"service", spec.service}};
  if (!spec.device.empty()) out["device"] = spec.device;
  const auto part = [&](const char* key, const std::string& name, const auto& in_place) {
    if (!name.empty())
      out[key] = name;
    else if (in_place != std::decay_t<decltype(in_place)>{})
      out[key] = encode_part(in_place);
  };
  part("buffers", spec.buffers_name, spec.buffers);
  part("sla", spec.sla_name, spec.sla);
  part("placement", spec.placement_name, spec.placement);
  return out;
}

constexpr std::string_view kRules = "/spec/rules/";
constexpr std::string_view kChannelRules = "/spec/channelRules/";

// People ask where an object or a rule stands; where each word of it stands only the checks ask.
bool shown_outside(std::string_view pointer) {
  for (const std::string_view list : {kRules, kChannelRules})
    if (pointer.starts_with(list)) return pointer.find('/', list.size()) == std::string_view::npos;
  return pointer.empty();
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
    for (const StatusCondition& condition : observed->conditions)
      out["conditions"].push_back(encode(condition));
    if (view.resource.kind() == Kind::domain) out["socketDirectory"] = observed->socket_directory;
    if (observed->placement) {
      out["placement"] = encode(*observed->placement);
      if (observed->kind == Kind::domain) out["placement"].erase("loop");
    }
    if (view.resource.kind() == Kind::binding) out["refusedOpens"] = observed->refused_opens;
  }
  if (view.decision) {
    out["decision"] = encode(*view.decision);
    out["sharing"] = encode(view.decision->sharing);
  }
  return out;
}

std::optional<Source> source_in(const json& stored) {
  const auto source = stored.find("source");
  if (source == stored.end()) return std::nullopt;
  return Source{.file = source->at("file").get<std::string>(),
                .line = source->at("line").get<int>(),
                .column = source->at("column").get<int>()};
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
  if (decision.mode != Mode::enforce) out["mode"] = name_of(decision.mode);
  if (const auto& trial = decision.trial) {
    out["trial"] = {{"policy", trial->policy}, {"rule", trial->rule}, {"message", trial->message}};
    if (trial->source) out["trial"]["source"] = encode(*trial->source);
  }
  if (decision.id != 0) out["id"] = decision.id;
  return out;
}

json encode_stored(const Decision& decision) {
  json out = encode(decision);
  out.erase("id");
  if (decision.sharing != Sharing{}) out["sharing"] = encode(decision.sharing);
  for (const ChannelRight& right : decision.channels) out["channels"].push_back(encode_stored(right));
  return out;
}

Result<Decision> decode_stored_decision(const json& stored) try {
  Decision decision{.allowed = stored.at("allowed").get<bool>(),
                    .policy = stored.at("policy").get<std::string>(),
                    .rule = stored.at("rule").get<std::string>(),
                    .message = stored.at("message").get<std::string>()};
  decision.source = source_in(stored);
  if (const auto mode = stored.find("mode"); mode != stored.end())
    decision.mode = mode_named(mode->get<std::string>()).value_or(Mode::enforce);
  if (const auto trial = stored.find("trial"); trial != stored.end())
    decision.trial = TrialDenial{.policy = trial->at("policy").get<std::string>(),
                                 .rule = trial->at("rule").get<std::string>(),
                                 .message = trial->at("message").get<std::string>(),
                                 .source = source_in(*trial)};
  if (const auto sharing = stored.find("sharing"); sharing != stored.end())
    decision.sharing = {.mode = sharing->at("mode").get<std::string>(),
                        .policy = sharing->value("policy", ""),
                        .group = sharing->value("group", ""),
                        .names = sharing->value("names", std::vector<std::string>()),
                        .travels = sharing->value("travels", true)};
  if (const auto channels = stored.find("channels"); channels != stored.end())
    for (const json& right : *channels) decision.channels.push_back(decode_stored_right(right));
  return decision;
} catch (const json::exception& problem) {
  return fail(ErrorCode::internal, std::string("decision: ") + problem.what());
}

Result<StatusCondition> decode_stored_condition(const json& stored) try {
  const auto status = condition_status_named(stored.at("status").get<std::string>());
  const auto since = parse_time(stored.at("since").get<std::string>());
  if (!status || !since) return fail(ErrorCode::internal, "condition: no such status or time");
  return StatusCondition{.type = stored.at("type").get<std::string>(),
                         .status = *status,
                         .reason = stored.at("reason").get<std::string>(),
                         .message = stored.at("message").get<std::string>(),
                         .since = *since};
} catch (const json::exception& problem) {
  return fail(ErrorCode::internal, std::string("condition: ") + problem.what());
}

json encode(const StatusCondition& condition) {
  return {{"type", condition.type},
          {"status", name_of(condition.status)},
          {"reason", condition.reason},
          {"message", condition.message},
          {"since", format_time(condition.since)}};
}

json encode(const PlacementStatus& placement) {
  json out{{"cpus", placement.cpus}, {"actualCpus", placement.actual_cpus}, {"loop", placement.loop}, {"fits", placement.fits}};
  if (!placement.reason.empty()) out["reason"] = placement.reason;
  if (!placement.message.empty()) out["message"] = placement.message;
  return out;
}

Result<PlacementStatus> decode_stored_placement(const json& stored) try {
  return PlacementStatus{.cpus = stored.at("cpus").get<std::string>(),
                         .actual_cpus = stored.at("actualCpus").get<std::string>(),
                         .loop = stored.at("loop").get<std::uint32_t>(),
                         .fits = stored.at("fits").get<bool>(),
                         .reason = stored.value("reason", ""),
                         .message = stored.value("message", "")};
} catch (const json::exception& problem) {
  return fail(ErrorCode::internal, std::string("placement: ") + problem.what());
}

json encode(const Sharing& sharing) {
  json out{{"mode", sharing.mode}};
  if (!sharing.policy.empty()) out["policy"] = sharing.policy;
  if (!sharing.group.empty()) out["group"] = sharing.group;
  if (!sharing.names.empty()) out["names"] = sharing.names;
  if (!sharing.travels) out["travels"] = false;
  return out;
}

json encode(const Problem& problem) {
  json out{{"pointer", problem.pointer}, {"message", problem.message}};
  if (!problem.code.empty()) out["code"] = problem.code;
  if (!problem.hint.empty()) out["hint"] = problem.hint;
  if (problem.source) out["source"] = encode(*problem.source);
  return out;
}

json encode(const Source& source) {
  return {{"file", source.file}, {"line", source.line}, {"column", source.column}};
}

}  // namespace vs
