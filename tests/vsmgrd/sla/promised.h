// A desired state with promises, and reports of backends about them.
#pragma once

#include <string>
#include <vector>

#include "base/sample.h"
#include "vsmgrd/model/resource.h"

namespace vs::test {

inline Desired with_sla(Sla sla) {
  Desired desired;
  desired.resource_version = 1;
  desired.services["dns"] = {.metadata = {.name = "dns"}, .spec = ServiceSpec{.kind = "dns"}};
  desired.domains["web1"] = {.metadata = {.name = "web1"}, .spec = DomainSpec{}};
  BindingSpec binding{"web1", "dns", "dns"};
  binding.sla = std::move(sla);
  desired.bindings["b"] = {.metadata = {.name = "b"}, .spec = std::move(binding)};
  return desired;
}

// What a backend has judged of objective `objective` of binding b since it began.
inline std::vector<Sample> report(double all, double missed, const std::string& objective = "p99", const std::string& content_class = "*") {
  std::vector<Sample> samples;
  for (const auto& [name, value] : {std::pair{"vservices_sla_judged_total", all}, std::pair{"vservices_sla_missed_total", missed}})
    samples.push_back({.name = name,
                       .help = "h",
                       .labels = {{"binding", "b"}, {"class", content_class}, {"objective", objective}},
                       .value = value});
  return samples;
}

}  // namespace vs::test
