// Backends that remember what they were told, and behave as told. For one thread.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "vsmgrd/backends/backends.h"

namespace vs::test {

class FakeBackends : public Backends {
 public:
  void start(const std::string& kind) override {
    said.push_back("start " + kind);
    states[kind].wanted = true;
  }
  void stop(const std::string& kind) override {
    said.push_back("stop " + kind);
    states.erase(kind);
  }
  void configure(const std::string& kind, std::uint64_t number, BackendConfig config) override {
    said.push_back("configure " + kind);
    states[kind].number_sent = number;
    for (const control::BindingConfig& binding : config.bindings)
      if (homes_kept.empty() || !homes_kept.back().contains(binding.domain)) homeless.push_back(binding.name);
    states[kind].config = std::move(config);
  }
  std::map<std::string, BackendStatus> status() const override { return states; }
  std::map<std::string, std::string> keep_homes(const Devices& devices) override {
    homes_kept.push_back(devices);
    std::map<std::string, std::string> homes;
    if (!homes_fail)
      for (const auto& [domain, names] : devices) homes[domain] = "/homes/" + domain;
    return homes;
  }

  // The backend of `kind` comes up and confirms what it was told last.
  void confirm(const std::string& kind) {
    states[kind].up = true;
    states[kind].number_applied = states[kind].number_sent;
  }

  std::vector<std::string> said;
  std::map<std::string, BackendStatus> states;
  std::vector<Devices> homes_kept;
  std::vector<std::string> homeless;  // bindings that a backend was told of before their domain had a home
  bool homes_fail = false;
};

}  // namespace vs::test
