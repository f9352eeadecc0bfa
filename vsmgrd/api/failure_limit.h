// How often one client may fail to say who it is: then it has to wait, and its next secret is not
// even looked at.
//
// Clients are told apart as client_key does. Thread-safe.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>

#include "base/clock.h"
#include "base/guarded.h"

namespace vs::http {

inline constexpr int kFailuresMax = 10;  // of one client in a window
inline constexpr std::chrono::seconds kFailureWindow{60};
inline constexpr std::size_t kFailingClientsMax = 4096;  // then the oldest is forgotten

class FailureLimit {
 public:
  explicit FailureLimit(const Clock& clock) : clock_(clock) {}

  // How long it still has to wait; zero: it may try.
  [[nodiscard]] std::chrono::seconds wait(const std::string& client) const;
  void failed(const std::string& client);

 private:
  struct Failures {
    std::chrono::steady_clock::time_point begun;  // of the window
    int count = 0;
  };
  const Clock& clock_;
  Guarded<std::map<std::string, Failures>> clients_;
};

}  // namespace vs::http
