// Objects as the daemon shows them.
#pragma once

#include <string>

#include <nlohmann/json.hpp>

namespace vs::ctl::test {

inline nlohmann::json object(const std::string& kind, const std::string& name, nlohmann::json spec,
                             nlohmann::json status,
                             nlohmann::json labels = nlohmann::json::object()) {
  return {{"apiVersion", "vservices/v1"},
          {"kind", kind},
          {"metadata",
           {{"name", name},
            {"labels", std::move(labels)},
            {"uid", "6f2a2c5e-0000-4000-8000-000000000001"},
            {"generation", 2},
            {"resourceVersion", 7},
            {"createdAt", "2026-01-02T03:04:05.678Z"},
            {"updatedAt", "2026-01-02T03:04:06.000Z"},
            {"sources", {{"", {{"file", "demo.yaml"}, {"line", 4}, {"column", 1}}}}}}},
          {"spec", std::move(spec)},
          {"status", std::move(status)}};
}

inline nlohmann::json domain(const std::string& name, const std::string& team = "web") {
  return object("Domain", name, {{"type", "sandbox"}, {"description", "Front end"}},
                {{"observedGeneration", 2},
                 {"state", "Ready"},
                 {"socketDirectory", "/run/vservices/domains/" + name}},
                {{"team", team}});
}

inline nlohmann::json decision(bool allowed) {
  return {{"allowed", allowed},
          {"policy", "demo-dns"},
          {"rule", allowed ? "allow-web1" : "deny-web2"},
          {"message", allowed ? "web1 resolves names" : "web2 resolves nothing"},
          {"source", {{"file", "demo.yaml"}, {"line", allowed ? 30 : 36}, {"column", 7}}}};
}

inline nlohmann::json binding(const std::string& domain, const std::string& state) {
  return object("Binding", domain + "-dns",
                {{"domain", domain}, {"service", "dns"}, {"device", "dns"}},
                {{"observedGeneration", 2},
                 {"state", state},
                 {"reason", "BackendAcked"},
                 {"message", state == "Denied" ? "policy says no" : ""},
                 {"refusedOpens", state == "Denied" ? 3 : 0},
                 {"decision", decision(state != "Denied")}});
}

inline nlohmann::json list_of(std::vector<nlohmann::json> items) {
  return {{"items", std::move(items)}, {"metadata", {{"resourceVersion", 7}}}};
}

}  // namespace vs::ctl::test
