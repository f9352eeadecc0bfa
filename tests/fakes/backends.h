// Backends that remember what they were told, and behave as told. For one thread.
#pragma once

#include <map>
#include <string>
#include <utility>
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
  // Loops are found where they were told to run, but for those that were `moved`: they are put right.
  void locate() override {
    ++locates;
    for (auto& [kind, state] : states) {
      if (!state.up) continue;
      ++state.located;
      state.loops.clear();
      for (const control::LoopConfig& loop : state.config.loops) {
        const auto away = moved.find({kind, loop.number});
        state.loops[loop.number] = {loop.number, away == moved.end() ? loop.cpus : away->second, loop.cpus};
      }
    }
    moved.clear();
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
  int locates = 0;
  std::map<std::pair<std::string, std::uint32_t>, control::Cpus> moved;  // by kind and loop
};

}  // namespace vs::test
