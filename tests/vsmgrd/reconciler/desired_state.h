// A small desired state: domains web1 (granted) and web2 (refused), one dns service.
#pragma once

#include "vsmgrd/model/resource.h"

namespace vs::test {

inline Resource make(std::string name, Spec spec) {
  return {.metadata = {.name = std::move(name), .generation = 3}, .spec = std::move(spec)};
}

inline Desired two_guests() {
  Desired desired{.resource_version = 42};
  desired.domains = {{"web1", make("web1", DomainSpec{})}, {"web2", make("web2", DomainSpec{})}};
  desired.services = {{"dns", make("dns", ServiceSpec{.kind = "dns", .dns = {.nameservers = {"127.0.0.1:53"}}})}};
  desired.policies = {{"access", make("access", AccessPolicySpec{})}};
  desired.bindings = {{"web1-dns", make("web1-dns", BindingSpec{"web1", "dns", "dns"})},
                      {"web2-dns", make("web2-dns", BindingSpec{"web2", "dns", "names"})}};
  desired.decisions = {{"web1-dns", {.allowed = true}}, {"web2-dns", {.allowed = false, .message = "quarantined"}}};
  return desired;
}

}  // namespace vs::test
