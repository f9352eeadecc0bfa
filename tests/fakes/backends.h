// Backends that remember what they were told, and behave as told. For one thread.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "vsmgrd/backends/backends.h"

namespace vs::test {

class FakeBackends final : public Backends {
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
    states[kind].config = std::move(config);
  }
  std::map<std::string, BackendStatus> status() const override { return states; }
  Result<std::string> make_home(const std::string& domain) override {
    if (homes_fail) return fail(ErrorCode::unavailable, "no homes today");
    return "/homes/" + domain;
  }

  // The backend of `kind` comes up and confirms what it was told last.
  void confirm(const std::string& kind) {
    states[kind].up = true;
    states[kind].number_applied = states[kind].number_sent;
  }

  std::vector<std::string> said;
  std::map<std::string, BackendStatus> states;
  bool homes_fail = false;
};

}  // namespace vs::test
