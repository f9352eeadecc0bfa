#include <unordered_map>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "vsmgrd/model/codec.h"
#include "vsmgrd/model/decode_channels.h"
#include "vsmgrd/model/decode_terms.h"
#include "vsmgrd/model/fields.h"

namespace vs {
namespace {

using nlohmann::json;
using Problems = std::vector<Problem>;

const std::string kSpecPointer = "/spec";

DomainSpec decode_domain(const json& value, Problems& problems) {
  DomainSpec spec;
  Fields fields(value, kSpecPointer, problems);
  fields.choice("type", spec.type, Need::optional, {"sandbox", "container", "xen"});
  fields.text("description", spec.description, Need::optional);
  fields.text("guest", spec.guest, Need::optional);
  fields.number("memoryMiB", spec.memory_mib, 1, kMemoryMibMax);
  if (const auto* vcpus = fields.take("vcpus", Need::optional)) {
    spec.vcpus = decode_vcpus(*vcpus, fields.pointer_of("vcpus"), problems);
    if (spec.type != "xen")
      problems.push_back({.pointer = fields.pointer_of("vcpus"),
                          .message = "\"vcpus\" of a domain that has none: it is of type " + spec.type,
                          .hint = "type: xen, or leave it out",
                          .code = "contradiction"});
  }
  fields.finish();
  return spec;
}

constexpr std::chrono::milliseconds kNone{0};  // turns off what it is given for

DnsCache decode_cache(const json& value, std::string pointer, Problems& problems) {
  DnsCache cache;
  Fields fields(value, std::move(pointer), problems);
  fields.duration("ttlMin", cache.ttl_min, kDnsTtlMax, kNone);
  fields.duration("ttlMax", cache.ttl_max, kDnsTtlMax, kNone);
  fields.duration("negativeTtlMax", cache.negative_ttl_max, kDnsTtlMax, kNone);
  fields.duration("failureTtl", cache.failure_ttl, kDnsFailureTtlMax, kNone);
  fields.duration("staleMax", cache.stale_max, kDnsTtlMax, kNone);
  fields.duration("staleAfter", cache.stale_after, kDnsTimeoutMax, kNone);
  fields.number("prefetchHits", cache.prefetch_hits, 0, kDnsEntriesMax);
  fields.number("guestEntriesMax", cache.guest_entries_max, 1, kDnsEntriesMax);
  fields.number("guestKiBMax", cache.guest_kib_max, 1, kDnsGuestKibMax);
  fields.number("kiBMax", cache.kib_max, 1, kDnsKibMax);
  if (cache.ttl_min > cache.ttl_max)
    problems.push_back({.pointer = fields.pointer_of("ttlMin"),
                        .message = "\"ttlMin\" is more than \"ttlMax\"",
                        .hint = "set it to at most " + format_duration(cache.ttl_max),
                        .code = "contradiction"});
  fields.finish();
  return cache;
}

DnsParameters decode_dns(const json& value, std::string pointer, Problems& problems) {
  DnsParameters dns;
  Fields fields(value, std::move(pointer), problems);
  fields.texts("nameservers", dns.nameservers, 0, kNameserversMax, check_nameserver);
  fields.duration("timeout", dns.timeout, kDnsTimeoutMax);
  fields.number("tries", dns.tries, 1, kDnsTriesMax);
  if (const json* cache = fields.take("cache", Need::optional))
    dns.cache = decode_cache(*cache, fields.pointer_of("cache"), problems);
  fields.finish();
  return dns;
}

ServiceSpec decode_service(const json& value, Problems& problems) {
  ServiceSpec spec;
  Fields fields(value, kSpecPointer, problems);
  const bool known_kind = fields.choice("kind", spec.kind, Need::required, {"dns", "pubsub", "files"});
  const json* parameters = fields.take("parameters", Need::optional);
  // Whose parameters they are is told by the kind: without one they cannot be judged.
  if (parameters && known_kind && spec.kind == "dns")
    spec.dns = decode_dns(*parameters, fields.pointer_of("parameters"), problems);
  if (parameters && known_kind && spec.kind == "pubsub")
    spec.pubsub = decode_pubsub(*parameters, fields.pointer_of("parameters"), problems);
  fields.fine_duration("requestCost", spec.request_cost, kRequestCostMax);
  if (spec.kind == "files" && fields.has("requestCost"))
    problems.push_back({.pointer = fields.pointer_of("requestCost"),
                        .message = "services of kind files guarantee nothing, so that a cost says nothing",
                        .hint = "leave it out",
                        .code = "contradiction"});
  if (parameters && known_kind && spec.kind == "files")  // has none: whatever is there is unknown
    Fields(*parameters, fields.pointer_of("parameters"), problems).finish();
  fields.finish();
  return spec;
}

Result<> check_domain_type(std::string_view type) {
  if (type == "sandbox" || type == "container") return {};
  return fail(ErrorCode::invalid, in_quotes(type) + " must be sandbox or container");
}

RuleMatch decode_match(const json& value, std::string pointer, Problems& problems) {
  RuleMatch match;
  Fields fields(value, std::move(pointer), problems);
  fields.texts("domains", match.domains, 1, kMatchNamesMax, check_name);
  fields.labels("domainLabels", match.domain_labels, 1);
  fields.texts("services", match.services, 1, kMatchNamesMax, check_name);
  fields.texts("kinds", match.kinds, 1, kMatchNamesMax, check_name);
  fields.texts("domainTypes", match.domain_types, 1, kMatchNamesMax, check_domain_type);
  fields.texts("nodes", match.nodes, 1, kMatchNamesMax, check_name);
  fields.labels("nodeLabels", match.node_labels, 1);
  fields.finish();
  return match;
}

SharingPolicySpec decode_sharing_policy(const json& value, Problems& problems) {
  SharingPolicySpec spec;
  Fields fields(value, kSpecPointer, problems);
  if (const json* match = fields.take("match", Need::required))
    spec.match = decode_match(*match, fields.pointer_of("match"), problems);
  const bool known_mode =
      fields.choice("mode", spec.mode, Need::required, {"private", "group", "delayed", "open"});
  const bool grouped = fields.name("group", spec.group, Need::optional);
  const bool owned = fields.text("ownerLabel", spec.owner_label, Need::optional);
  const bool named = fields.texts("names", spec.names, 1, kMatchNamesMax, check_shared_name);
  fields.flag("travels", spec.travels);
  fields.finish();
  if (!known_mode) return spec;  // what fits it cannot be told
  if (spec.mode == "group" && !fields.has("group"))
    problems.push_back({.pointer = kSpecPointer,
                        .message = "mode group needs a \"group\": who shares with whom",
                        .code = "missing"});
  if (spec.mode != "group" && grouped)
    problems.push_back({.pointer = fields.pointer_of("group"),
                        .message = fmt::format("mode {} has no group", spec.mode),
                        .hint = "leave it out, or set mode: group",
                        .code = "contradiction"});
  if (owned && !is_label_key(spec.owner_label))
    problems.push_back({.pointer = fields.pointer_of("ownerLabel"),
                        .message = fmt::format("\"ownerLabel\": {} is not the key of a label", in_quotes(spec.owner_label)),
                        .hint = "letters, digits and - _ . /",
                        .code = "malformed"});
  if (spec.mode != "group" && owned)
    problems.push_back({.pointer = fields.pointer_of("ownerLabel"),
                        .message = fmt::format("mode {} has no owners", spec.mode),
                        .hint = "leave it out, or set mode: group",
                        .code = "contradiction"});
  if (spec.mode != "open" && named)
    problems.push_back({.pointer = fields.pointer_of("names"),
                        .message = fmt::format("mode {} has no names", spec.mode),
                        .hint = "leave them out, or set mode: open",
                        .code = "contradiction"});
  for (std::size_t i = 0; i < spec.match.kinds.size(); ++i)
    if (!can_share(spec.match.kinds[i], spec.mode))
      problems.push_back(
          {.pointer = fmt::format("/spec/match/kinds/{}", i),
           .message = fmt::format("services of kind {} cannot share in mode {}",
                                  in_quotes(spec.match.kinds[i]), spec.mode),
           .hint = fmt::format("they can in {}", sharing_modes_text(spec.match.kinds[i])),
           .code = "cannot_share"});
  return spec;
}

Rule decode_rule(const json& value, std::string pointer, Problems& problems) {
  Rule rule;
  Fields fields(value, std::move(pointer), problems);
  fields.name("id", rule.id, Need::required);
  std::string effect;
  fields.choice("effect", effect, Need::required, {"allow", "deny"});
  rule.effect = effect == "allow" ? Effect::allow : Effect::deny;
  fields.text("message", rule.message, Need::required);
  std::string mode;
  if (fields.choice("mode", mode, Need::optional, {"enforce", "warn", "audit"}))
    rule.mode = *mode_named(mode);
  // Required, so that nobody allows everything by forgetting it; {} says so on purpose.
  if (const json* match = fields.take("match", Need::required))
    rule.match = decode_match(*match, fields.pointer_of("match"), problems);
  fields.finish();
  return rule;
}

template <class AnyRule>
void refuse_double_ids(const std::vector<AnyRule>& rules, std::string_view pointer, Problems& problems) {
  std::unordered_map<std::string, std::size_t> first;
  for (std::size_t i = 0; i < rules.size(); ++i) {
    if (rules[i].id.empty()) continue;  // noted already
    const auto [place, fresh] = first.emplace(rules[i].id, i);
    if (fresh) continue;
    problems.push_back(
        {.pointer = fmt::format("{}/{}/id", pointer, i),
         .message = fmt::format("rule id \"{}\" stands twice; first at {}/{}", rules[i].id, pointer,
                                place->second)});
  }
}

void decode_channel_rules(Fields& fields, AccessPolicySpec& spec, Problems& problems) {
  const json* rules = fields.take("channelRules", Need::optional);
  const std::string pointer = fields.pointer_of("channelRules");
  if (!rules) return;
  if (!rules->is_array() || rules->empty() || rules->size() > kRulesMax) {
    const std::string is = rules->is_array() ? fmt::format("{} rules", rules->size()) : describe(*rules);
    problems.push_back(
        {.pointer = pointer,
         .message = fmt::format("\"channelRules\" must be a list of 1 to {} rules, is {}", kRulesMax, is)});
    return;
  }
  for (std::size_t i = 0; i < rules->size(); ++i)
    spec.channel_rules.push_back(
        decode_channel_rule((*rules)[i], fmt::format("{}/{}", pointer, i), problems, decode_match));
  refuse_double_ids(spec.channel_rules, pointer, problems);
}

AccessPolicySpec decode_policy(const json& value, Problems& problems) {
  AccessPolicySpec spec;
  Fields fields(value, kSpecPointer, problems);
  const json* rules = fields.take("rules", Need::required);
  const std::string pointer = fields.pointer_of("rules");
  if (rules && (!rules->is_array() || rules->empty() || rules->size() > kRulesMax)) {
    const std::string is =
        rules->is_array() ? fmt::format("{} rules", rules->size()) : describe(*rules);
    problems.push_back({.pointer = pointer,
                        .message = fmt::format("\"rules\" must be a list of 1 to {} rules, is {}",
                                               kRulesMax, is)});
    rules = nullptr;
  }
  for (std::size_t i = 0; rules && i < rules->size(); ++i)
    spec.rules.push_back(decode_rule((*rules)[i], fmt::format("{}/{}", pointer, i), problems));
  refuse_double_ids(spec.rules, pointer, problems);
  decode_channel_rules(fields, spec, problems);
  fields.finish();
  return spec;
}

// A mapping written in place, or the name of an object that holds it.
template <class Part>
void read_part(Fields& fields, std::string_view key, Part& in_place, std::string& name,
               Part (*decode_part)(const json&, std::string, Problems&), Problems& problems) {
  const json* value = fields.take(key, Need::optional);
  if (!value) return;
  if (value->is_string())
    fields.name(key, name, Need::optional);
  else
    in_place = decode_part(*value, fields.pointer_of(key), problems);
}

BindingSpec decode_binding(const json& value, Problems& problems) {
  BindingSpec spec;
  Fields fields(value, kSpecPointer, problems);
  fields.name("domain", spec.domain, Need::required);
  fields.name("service", spec.service, Need::required);
  fields.name("device", spec.device, Need::optional);
  read_part(fields, "buffers", spec.buffers, spec.buffers_name, decode_buffers, problems);
  read_part(fields, "sla", spec.sla, spec.sla_name, decode_sla, problems);
  read_part(fields, "placement", spec.placement, spec.placement_name, decode_placement, problems);
  fields.finish();
  return spec;
}

Spec decode_spec(Kind kind, const json& value, Problems& problems) {
  switch (kind) {
    case Kind::domain: return decode_domain(value, problems);
    case Kind::service: return decode_service(value, problems);
    case Kind::access_policy: return decode_policy(value, problems);
    case Kind::sharing_policy: return decode_sharing_policy(value, problems);
    case Kind::sla: return decode_sla(value, kSpecPointer, problems);
    case Kind::placement: return decode_placement(value, kSpecPointer, problems);
    case Kind::buffers: return decode_buffers(value, kSpecPointer, problems);
    case Kind::binding: return decode_binding(value, problems);
  }
  __builtin_unreachable();
}

Metadata decode_metadata(const json& value, Problems& problems) {
  Metadata metadata;
  Fields fields(value, "/metadata", problems);
  fields.name("name", metadata.name, Need::required);
  fields.labels("labels", metadata.labels, 0);
  for (const std::string_view key :
       {"uid", "generation", "resourceVersion", "createdAt", "updatedAt", "sources"})
    fields.ignore(key);
  fields.finish();
  return metadata;
}

const std::vector<std::string>& kind_names() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> made;
    made.reserve(kKinds.size());
    for (const Kind kind : kKinds) made.emplace_back(name_of(kind));
    return made;
  }();
  return names;
}

// The document by its name, as far as it can be told: `Domain "web1"`.
std::string title_of(const json& document) {
  const auto text = [](const json& map, const char* key) -> std::string {
    const auto found = map.is_object() ? map.find(key) : map.end();
    return found != map.end() && found->is_string() ? found->get<std::string>() : std::string();
  };
  const std::string kind = text(document, "kind");
  const std::string name = document.is_object() && document.contains("metadata")
                               ? text(document["metadata"], "name")
                               : std::string();
  const std::string noun = kind_named(kind) ? kind : "document";
  return name.empty() ? noun : fmt::format("{} {}", noun, in_quotes(name));
}

}  // namespace

std::optional<Resource> decode(const json& document, std::vector<Problem>& problems) {
  const std::size_t problems_before = problems.size();
  Resource resource;
  Fields fields(document, "", problems);
  std::string text;
  fields.choice("apiVersion", text, Need::required, {std::string(kApiVersion)});
  const bool known_kind = fields.choice("kind", text, Need::required, kind_names());
  if (const json* metadata = fields.take("metadata", Need::required))
    resource.metadata = decode_metadata(*metadata, problems);
  const json* spec = fields.take("spec", Need::required);
  if (spec && known_kind) resource.spec = decode_spec(*kind_named(text), *spec, problems);
  fields.ignore("status");
  fields.finish();
  if (problems.size() != problems_before) return std::nullopt;
  return resource;
}

Checked<Resource> decode(const json& document) {
  std::vector<Problem> problems;
  if (auto resource = decode(document, problems)) return std::move(*resource);
  std::string message = fmt::format("{}: {}", title_of(document), summary_of(problems));
  limit_problems(problems);
  return refuse(ErrorCode::invalid, std::move(message), std::move(problems));
}

}  // namespace vs
