#include <bit>
#include <unordered_map>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "vsmgrd/model/codec.h"
#include "vsmgrd/model/fields.h"

namespace vs {
namespace {

using nlohmann::json;
using Problems = std::vector<Problem>;

const std::string kSpecPointer = "/spec";

DomainSpec decode_domain(const json& value, Problems& problems) {
  DomainSpec spec;
  Fields fields(value, kSpecPointer, problems);
  fields.choice("type", spec.type, Need::optional, {"sandbox", "container"});
  fields.text("description", spec.description, Need::optional);
  fields.number("memoryMiB", spec.memory_mib, 1, kMemoryMibMax);
  fields.finish();
  return spec;
}

DnsParameters decode_dns(const json& value, std::string pointer, Problems& problems) {
  DnsParameters dns;
  Fields fields(value, std::move(pointer), problems);
  fields.texts("nameservers", dns.nameservers, 0, kNameserversMax, check_nameserver);
  fields.duration("timeout", dns.timeout, kDnsTimeoutMax);
  fields.number("tries", dns.tries, 1, kDnsTriesMax);
  fields.finish();
  return dns;
}

ServiceSpec decode_service(const json& value, Problems& problems) {
  ServiceSpec spec;
  Fields fields(value, kSpecPointer, problems);
  const bool known_kind = fields.choice("kind", spec.kind, Need::required, {"dns"});
  const json* parameters = fields.take("parameters", Need::optional);
  // Whose parameters they are is told by the kind: without one they cannot be judged.
  if (parameters && known_kind)
    spec.dns = decode_dns(*parameters, fields.pointer_of("parameters"), problems);
  fields.finish();
  return spec;
}

RuleMatch decode_match(const json& value, std::string pointer, Problems& problems) {
  RuleMatch match;
  Fields fields(value, std::move(pointer), problems);
  fields.texts("domains", match.domains, 1, kMatchNamesMax, check_name);
  fields.labels("domainLabels", match.domain_labels, 1);
  fields.texts("services", match.services, 1, kMatchNamesMax, check_name);
  fields.texts("kinds", match.kinds, 1, kMatchNamesMax, check_name);
  fields.finish();
  return match;
}

Rule decode_rule(const json& value, std::string pointer, Problems& problems) {
  Rule rule;
  Fields fields(value, std::move(pointer), problems);
  fields.name("id", rule.id, Need::required);
  std::string effect;
  fields.choice("effect", effect, Need::required, {"allow", "deny"});
  rule.effect = effect == "allow" ? Effect::allow : Effect::deny;
  fields.text("message", rule.message, Need::required);
  // Required, so that nobody allows everything by forgetting it; {} says so on purpose.
  if (const json* match = fields.take("match", Need::required))
    rule.match = decode_match(*match, fields.pointer_of("match"), problems);
  fields.finish();
  return rule;
}

void refuse_double_ids(const std::vector<Rule>& rules, Problems& problems) {
  std::unordered_map<std::string, std::size_t> first;
  for (std::size_t i = 0; i < rules.size(); ++i) {
    if (rules[i].id.empty()) continue;  // noted already
    const auto [place, fresh] = first.emplace(rules[i].id, i);
    if (fresh) continue;
    problems.push_back(
        {.pointer = fmt::format("/spec/rules/{}/id", i),
         .message = fmt::format("rule id \"{}\" stands twice; first at /spec/rules/{}", rules[i].id,
                                place->second)});
  }
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
  refuse_double_ids(spec.rules, problems);
  fields.finish();
  return spec;
}

void read_ring_bytes(Fields& fields, std::string_view key, std::uint32_t& into, Problems& problems) {
  std::uint32_t bytes = into;
  if (!fields.number(key, bytes, kRingBytesMin, kRingBytesMax)) return;
  if ((bytes & (bytes - 1)) == 0)
    into = bytes;
  else
    problems.push_back({.pointer = fields.pointer_of(key),
                        .message = fmt::format("\"{}\" must be a power of two, is {}", key, bytes),
                        .hint = fmt::format("the next one is {}", std::bit_ceil(bytes))});
}

Buffers decode_buffers(const json& value, std::string pointer, Problems& problems) {
  Buffers buffers;
  Fields fields(value, std::move(pointer), problems);
  fields.choice("wait", buffers.wait, Need::optional, {"adaptive", "spin", "block", "timer"});
  fields.number("batchMessages", buffers.batch_messages, 1, kBatchMessagesMax);
  fields.number("batchMicroseconds", buffers.batch_us, 1, kBatchUsMax);
  read_ring_bytes(fields, "requestBytes", buffers.request_bytes, problems);
  read_ring_bytes(fields, "responseBytes", buffers.response_bytes, problems);
  fields.finish();
  return buffers;
}

Sla decode_sla(const json& value, std::string pointer, Problems& problems) {
  Sla sla;
  Fields fields(value, std::move(pointer), problems);
  fields.choice("priority", sla.priority, Need::optional, {"control", "deadline", "normal", "bulk"});
  fields.number("rate", sla.rate, 0, kRateMax);
  fields.number("burst", sla.burst, 1, kBurstMax);
  fields.finish();
  return sla;
}

BindingSpec decode_binding(const json& value, Problems& problems) {
  BindingSpec spec;
  Fields fields(value, kSpecPointer, problems);
  fields.name("domain", spec.domain, Need::required);
  fields.name("service", spec.service, Need::required);
  fields.name("device", spec.device, Need::optional);
  if (const json* buffers = fields.take("buffers", Need::optional))
    spec.buffers = decode_buffers(*buffers, fields.pointer_of("buffers"), problems);
  if (const json* sla = fields.take("sla", Need::optional))
    spec.sla = decode_sla(*sla, fields.pointer_of("sla"), problems);
  fields.finish();
  return spec;
}

Spec decode_spec(Kind kind, const json& value, Problems& problems) {
  switch (kind) {
    case Kind::domain: return decode_domain(value, problems);
    case Kind::service: return decode_service(value, problems);
    case Kind::access_policy: return decode_policy(value, problems);
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
