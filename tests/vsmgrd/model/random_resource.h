// Resources by chance, for property tests: every optional part is there or not, every text awkward.
//
// The same seed gives the same resources on every machine (no std distributions). Owned by one
// thread.
#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "vsmgrd/model/codec.h"

namespace vs::test {

class Chance {
 public:
  explicit Chance(std::uint32_t seed) : engine_(seed) {}

  std::size_t below(std::size_t limit) { return engine_() % limit; }
  bool one_in(std::size_t count) { return below(count) == 0; }
  template <class T>
  const T& of(const std::vector<T>& choices) {
    return choices[below(choices.size())];
  }

 private:
  std::mt19937 engine_;
};

inline std::string random_name(Chance& chance) {
  static const std::string kInner = "abcxyz0129-";
  std::string name(1, "ax09"[chance.below(4)]);
  for (std::size_t more = chance.below(6); more > 0; --more)
    name += kInner[chance.below(kInner.size())];
  if (name.back() == '-') name += 'z';
  return name;
}

inline std::string random_text(Chance& chance) {
  static const std::vector<std::string> kPieces{"yes", "null", "~",    "12", "0x1f",   " ",
                                                "\n",  ": ",   "# no", "'",  "\"",     "é",
                                                "\t",  "- a",  "{",    "&a", "!!str x"};
  std::string text = "t";
  for (std::size_t more = chance.below(5); more > 0; --more) text += chance.of(kPieces);
  return text;
}

inline std::vector<std::string> random_names(Chance& chance, std::size_t max) {
  std::vector<std::string> names;
  for (std::size_t i = chance.below(max + 1); i > 0; --i)
    names.push_back(random_name(chance) + "-" + std::to_string(i));  // none twice
  return names;
}

inline Labels random_labels(Chance& chance) {
  Labels labels;
  for (std::size_t i = chance.below(4); i > 0; --i)
    labels["Key_" + random_name(chance) + "/x.y"] = random_text(chance);
  return labels;
}

inline std::uint32_t random_number(Chance& chance, std::uint32_t min, std::uint32_t max) {
  return static_cast<std::uint32_t>(min + chance.below(std::size_t{max} - min + 1));
}

inline Buffers random_buffers(Chance& chance) {
  static const std::vector<std::string> kModes{"adaptive", "spin", "block", "timer"};
  return {.wait = chance.of(kModes),
          .batch_messages = random_number(chance, 1, kBatchMessagesMax),
          .batch_us = random_number(chance, 1, kBatchUsMax),
          .request_bytes = kRingBytesMin << chance.below(14),  // both together are less than a domain may have
          .response_bytes = kRingBytesMin << chance.below(15)};
}

inline Sla random_sla(Chance& chance) {
  static const std::vector<std::string> kPriorities{"control", "deadline", "normal", "bulk"};
  return {.priority = chance.of(kPriorities),
          .rate = random_number(chance, 0, kRateMax),
          .burst = random_number(chance, 1, kBurstMax)};
}

inline Objectives random_objectives(Chance& chance) {
  using std::chrono::microseconds;
  Objectives objectives{.rate = random_number(chance, 1, 1000)};
  if (chance.one_in(2)) objectives.latency_p50 = microseconds{1 + chance.below(500)};
  if (chance.one_in(2)) objectives.latency_p99 = microseconds{500 + chance.below(500)};
  if (chance.one_in(2)) objectives.latency_p999 = microseconds{1000 + chance.below(59'000'000)};
  if (chance.one_in(2)) objectives.loss_ppm = random_number(chance, 0, 1'000'000);
  if (chance.one_in(2)) objectives.freshness = std::chrono::milliseconds{1 + chance.below(90'000)};
  if (chance.one_in(2)) objectives.availability_ppm = random_number(chance, 1, 1'000'000);
  if (chance.one_in(2)) objectives.window = std::chrono::minutes{1 + chance.below(3000)};
  return objectives;
}

inline Sla random_whole_sla(Chance& chance) {
  Sla sla = random_sla(chance);
  if (sla.rate != 0 && sla.rate < 1000) sla.rate = 1000;
  if (chance.one_in(2)) sla.objectives = random_objectives(chance);
  if (!sla.objectives && chance.one_in(2)) sla.guarantee = "bestEffort";
  if (sla.guarantee == "bestEffort" && sla.priority != "bulk") sla.priority = "normal";
  if (sla.objectives && sla.priority != "bulk" && chance.one_in(2)) sla.guarantee = "guaranteed";
  for (std::size_t i = chance.below(3); i > 0; --i)
    sla.content_classes.push_back(
        {.name = "class-" + std::to_string(i), .when = "name.endsWith(\".n" + std::to_string(chance.below(1000)) + ".test\")", .priority = "bulk"});
  return sla;
}

inline Placement random_placement(Chance& chance) {
  static const std::vector<std::vector<std::string>> kOptions{
      {}, {"fullCores"}, {"sameLlc", "sameNumaNode", "apartFromGuest"}, {"spread", "fullCores"}};
  switch (chance.below(4)) {
    case 0: return {};
    case 1: return {.cpus = "2-3,6", .mode = "exclusive"};
    case 2: return {.count = random_number(chance, 1, kCpusMax), .mode = "exclusive"};
    default:
      return {.count = random_number(chance, 1, kCpusMax), .options = chance.of(kOptions)};
  }
}

inline SharingPolicySpec random_sharing_policy(Chance& chance) {
  SharingPolicySpec spec{.match = {.domains = random_names(chance, 3),
                                   .domain_labels = random_labels(chance)}};
  static const std::vector<std::string> kSharing{"private", "group", "delayed", "open"};
  spec.mode = chance.of(kSharing);
  if (spec.mode == "group") spec.group = random_name(chance);
  if (spec.mode == "group" && chance.one_in(2)) spec.owner_label = "tenant";
  if (spec.mode == "open" && chance.one_in(2)) spec.names = {"www.example.org", "*.example.net"};
  spec.travels = !chance.one_in(4);
  return spec;
}

inline BindingSpec random_binding(Chance& chance) {
  BindingSpec spec{.domain = random_name(chance),
                   .service = random_name(chance),
                   .device = chance.one_in(2) ? "" : random_name(chance)};
  if (chance.one_in(3)) spec.buffers = random_buffers(chance);
  else if (chance.one_in(2)) spec.buffers_name = random_name(chance);
  if (chance.one_in(3)) spec.sla = random_whole_sla(chance);
  else if (chance.one_in(2)) spec.sla_name = random_name(chance);
  if (chance.one_in(3)) spec.placement = random_placement(chance);
  else if (chance.one_in(2)) spec.placement_name = random_name(chance);
  return spec;
}

inline std::vector<std::string> random_types(Chance& chance) {
  std::vector<std::string> types;
  for (const char* type : {"sandbox", "container"})
    if (chance.one_in(3)) types.emplace_back(type);
  return types;
}

inline Spec random_spec(Chance& chance, Kind kind) {
  switch (kind) {
    case Kind::domain:
    {
      DomainSpec spec{.type = chance.one_in(3) ? "sandbox" : chance.one_in(2) ? "xen" : "container",
                      .description = chance.one_in(2) ? "" : random_text(chance),
                      .guest = chance.one_in(2) ? "" : random_text(chance),
                      .memory_mib = chance.one_in(2) ? 128 : random_number(chance, 1, kMemoryMibMax)};
      if (spec.type == "xen" && chance.one_in(2)) {
        VcpuPlacement& vcpus = spec.vcpus.emplace();
        if (chance.one_in(2)) vcpus.where.cpus = "2-3,6";
        else vcpus.where.count = random_number(chance, 1, 64);
        if (chance.one_in(2)) vcpus.where.options = {"fullCores"};
        if (chance.one_in(2)) vcpus.where.mode = "exclusive";
        else if (chance.one_in(2)) vcpus.affinity = "soft";
        if (chance.one_in(3)) vcpus.cpupool = "fast";
      }
      return spec;
    }
    case Kind::service: {
      ServiceSpec spec{.kind = "dns"};
      for (const char* server : {"127.0.0.1", "192.0.2.1:5300", "::1", "[2001:db8::1]:53"})
        if (chance.one_in(2)) spec.dns.nameservers.emplace_back(server);
      spec.dns.timeout = std::chrono::milliseconds{1 + chance.below(kDnsTimeoutMax.count())};
      spec.dns.tries = static_cast<std::uint32_t>(1 + chance.below(kDnsTriesMax));
      if (chance.one_in(2))
        spec.dns.cache = {.ttl_min = std::chrono::milliseconds{chance.below(1000)},
                          .ttl_max = std::chrono::milliseconds{1000 + chance.below(kDnsTtlMax.count() - 1000)},
                          .stale_max = std::chrono::milliseconds{chance.below(kDnsTtlMax.count())},
                          .prefetch_hits = random_number(chance, 0, 9),
                          .kib_max = random_number(chance, 1, kDnsKibMax)};
      return spec;
    }
    case Kind::access_policy: {
      AccessPolicySpec spec;
      for (std::size_t i = 1 + chance.below(4); i > 0; --i)
        spec.rules.push_back({.id = "rule-" + std::to_string(i),
                              .effect = chance.one_in(2) ? Effect::allow : Effect::deny,
                              .message = random_text(chance),
                              .match = {.domains = random_names(chance, 3),
                                        .domain_labels = random_labels(chance),
                                        .services = random_names(chance, 3),
                                        .kinds = random_names(chance, 2),
                                        .domain_types = random_types(chance),
                                        .nodes = random_names(chance, 2),
                                        .node_labels = random_labels(chance)},
                              .mode = static_cast<Mode>(chance.below(3))});
      return spec;
    }
    case Kind::sharing_policy: return random_sharing_policy(chance);
    case Kind::sla: return random_whole_sla(chance);
    case Kind::placement: return random_placement(chance);
    case Kind::buffers: return random_buffers(chance);
    case Kind::binding: return random_binding(chance);
  }
  __builtin_unreachable();
}

inline Resource random_resource(Chance& chance) {
  Resource resource;
  resource.metadata.name = random_name(chance);
  resource.metadata.labels = random_labels(chance);
  resource.spec = random_spec(chance, kKinds[chance.below(kKinds.size())]);
  return resource;
}

}  // namespace vs::test
