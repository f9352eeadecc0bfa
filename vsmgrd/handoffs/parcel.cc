#include "vsmgrd/handoffs/parcel.h"

#include <algorithm>
#include <set>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/json.h"
#include "vsmgrd/migration/words.h"
#include "vsmgrd/model/codec.h"

namespace vs {
namespace {

using nlohmann::json;

// As its owner declared it: what the server made stays here.
json document_of(const Resource& resource) {
  return {{"apiVersion", kApiVersion},
          {"kind", name_of(resource.kind())},
          {"metadata", {{"name", resource.metadata.name}, {"labels", resource.metadata.labels}}},
          {"spec", encode_spec(resource)}};
}

struct Term {
  Kind kind;
  std::string name;
};

std::vector<Term> terms_named(const BindingSpec& binding) {
  std::vector<Term> terms;
  if (!binding.sla_name.empty()) terms.push_back({Kind::sla, binding.sla_name});
  if (!binding.placement_name.empty()) terms.push_back({Kind::placement, binding.placement_name});
  if (!binding.buffers_name.empty()) terms.push_back({Kind::buffers, binding.buffers_name});
  return terms;
}

tl::unexpected<Error> wrong(std::string what) { return fail(ErrorCode::invalid, "what travels is not sound: " + std::move(what)); }

Result<Resource> resource_in(const json& document) {
  auto resource = decode(document);
  if (!resource) return wrong(resource.error().error.message);
  return std::move(*resource);
}

Result<> read_texts(const json& parcel, const char* member, std::map<std::string, std::string>& into) {
  const auto found = parcel.find(member);
  if (found == parcel.end() || !found->is_object()) return wrong(fmt::format("{} is no object", member));
  for (const auto& [key, value] : found->items()) {
    if (!value.is_string()) return wrong(fmt::format("{}/{} is no string", member, key));
    into[key] = value.get<std::string>();
  }
  return {};
}

Result<> read_names(const json& parcel, const char* member, std::set<std::string>& into) {
  const auto found = parcel.find(member);
  if (found == parcel.end() || !found->is_array()) return wrong(fmt::format("{} is no list", member));
  for (const json& name : *found) {
    if (!name.is_string()) return wrong(fmt::format("{} holds what is no name", member));
    into.insert(name.get<std::string>());
  }
  return {};
}

Result<> read_list(const json& parcel, const char* member, std::vector<Resource>& into) {
  const auto found = parcel.find(member);
  if (found == parcel.end() || !found->is_array()) return wrong(fmt::format("{} is no list", member));
  for (const json& document : *found) {
    auto resource = resource_in(document);
    if (!resource) return fail(resource.error());
    into.push_back(std::move(*resource));
  }
  return {};
}

// That nothing is in it but the domain and what its bindings are for.
Result<> check_whole(const Parcel& parcel, std::string_view domain) {
  if (parcel.domain.kind() != Kind::domain || parcel.domain.metadata.name != domain)
    return wrong(fmt::format("it is not of domain {}", in_quotes(domain)));
  if (parcel.bindings.size() > handoff::kBindingsMax)
    return wrong(fmt::format("{} bindings, limit {}", parcel.bindings.size(), handoff::kBindingsMax));
  std::set<std::pair<Kind, std::string>> named;
  for (const Resource& binding : parcel.bindings) {
    const auto* spec = std::get_if<BindingSpec>(&binding.spec);
    if (spec == nullptr || spec->domain != domain) return wrong(fmt::format("{} is no binding of it", in_quotes(binding.metadata.name)));
    if (!parcel.kinds.contains(spec->service)) return wrong(fmt::format("of what kind service {} is", in_quotes(spec->service)));
    for (const Term& term : terms_named(*spec)) named.emplace(term.kind, term.name);
  }
  for (const Resource& term : parcel.terms)
    if (!named.contains({term.kind(), term.metadata.name}))
      return wrong(fmt::format("no binding names {} {}", name_of(term.kind()), in_quotes(term.metadata.name)));
  const auto is_binding = [&](const std::string& name) {
    return std::any_of(parcel.bindings.begin(), parcel.bindings.end(), [&](const auto& one) { return one.metadata.name == name; });
  };
  for (const std::string& binding : parcel.granted)
    if (!is_binding(binding)) return wrong(fmt::format("{} is granted, and no binding of it", in_quotes(binding)));
  for (const auto& [binding, state] : parcel.promises)
    if (!is_binding(binding)) return wrong(fmt::format("promises of {}, which is no binding of it", in_quotes(binding)));
  return {};
}

}  // namespace

Result<Parcel> pack(const Desired& desired, std::string_view domain, const std::map<std::string, std::string>& promises) {
  const auto found = desired.domains.find(std::string(domain));
  if (found == desired.domains.end()) return fail(ErrorCode::not_found, fmt::format("Domain {}: not declared", in_quotes(domain)));
  Parcel parcel{.domain = found->second, .bindings = {}, .terms = {}, .kinds = {}, .granted = {}, .promises = {}};
  std::set<std::pair<Kind, std::string>> packed;
  for (const auto& [name, binding] : desired.bindings) {
    const auto& spec = std::get<BindingSpec>(binding.spec);
    if (spec.domain != domain) continue;
    if (parcel.bindings.size() == handoff::kBindingsMax)
      return fail(ErrorCode::exhausted, fmt::format("domain {} has more than {} bindings, the limit", domain, handoff::kBindingsMax));
    parcel.bindings.push_back(binding);
    if (const auto service = desired.services.find(spec.service); service != desired.services.end())
      parcel.kinds[spec.service] = std::get<ServiceSpec>(service->second.spec).kind;
    if (const auto decision = desired.decisions.find(name); decision != desired.decisions.end() && decision->second.allowed)
      parcel.granted.insert(name);
    for (const Term& term : terms_named(spec))
      if (packed.emplace(term.kind, term.name).second) parcel.terms.push_back(desired.of(term.kind).at(term.name));
    if (const auto counted = promises.find(name); counted != promises.end()) parcel.promises.insert(*counted);
  }
  return parcel;
}

Result<std::string> encode(const Parcel& parcel) {
  json out{{"domain", document_of(parcel.domain)},
           {"bindings", json::array()},
           {"terms", json::array()},
           {"kinds", parcel.kinds},
           {"granted", parcel.granted},
           {"promises", parcel.promises}};
  for (const Resource& binding : parcel.bindings) out["bindings"].push_back(document_of(binding));
  for (const Resource& term : parcel.terms) out["terms"].push_back(document_of(term));
  std::string text = out.dump(-1, ' ', false, json::error_handler_t::replace);
  if (text.size() <= handoff::kParcelBytesMax) return text;
  return fail(ErrorCode::exhausted, fmt::format("what is declared of domain {} takes {} bytes, limit {}", parcel.domain.metadata.name,
                                                text.size(), handoff::kParcelBytesMax));
}

Result<Parcel> decode_parcel(std::string_view text, std::string_view domain) {
  if (text.size() > handoff::kParcelBytesMax) return wrong(fmt::format("{} bytes, limit {}", text.size(), handoff::kParcelBytesMax));
  const auto json = parse_json(text);
  if (!json) return wrong(json.error().message);
  if (!json->is_object() || !json->contains("domain")) return wrong("no domain is in it");
  auto of_domain = resource_in((*json)["domain"]);
  if (!of_domain) return fail(of_domain.error());
  Parcel parcel{.domain = std::move(*of_domain), .bindings = {}, .terms = {}, .kinds = {}, .granted = {}, .promises = {}};
  auto read = read_list(*json, "bindings", parcel.bindings);
  if (read) read = read_list(*json, "terms", parcel.terms);
  if (read) read = read_texts(*json, "kinds", parcel.kinds);
  if (read) read = read_names(*json, "granted", parcel.granted);
  if (read) read = read_texts(*json, "promises", parcel.promises);
  if (read) read = check_whole(parcel, domain);
  if (!read) return fail(read.error());
  return parcel;
}

Labels labels_in(std::string_view parcel) {
  const auto json = parse_json(parcel);
  if (!json || !json->is_object() || !json->contains("domain")) return {};
  auto domain = decode((*json)["domain"]);
  return domain ? std::move(domain->metadata.labels) : Labels();
}

std::string misfit_of(const Parcel& parcel, const Desired& here) {
  for (const auto& [service, kind] : parcel.kinds) {
    const auto found = here.services.find(service);
    if (found == here.services.end()) return fmt::format("there is no service {} (of kind {})", service, kind);
    const std::string& known = std::get<ServiceSpec>(found->second.spec).kind;
    if (known != kind) return fmt::format("service {} is of kind {} there, {} here", service, kind, known);
  }
  for (const Resource& term : parcel.terms) {
    const auto& all = here.of(term.kind());
    const auto known = all.find(term.metadata.name);
    if (known != all.end() && known->second.spec != term.spec)
      return fmt::format("{} {} says something else there than here", name_of(term.kind()), term.metadata.name);
  }
  return {};
}

std::vector<Resource> resources_of(const Parcel& parcel) {
  std::vector<Resource> all{parcel.domain};
  all.insert(all.end(), parcel.terms.begin(), parcel.terms.end());
  all.insert(all.end(), parcel.bindings.begin(), parcel.bindings.end());
  return all;
}

}  // namespace vs
