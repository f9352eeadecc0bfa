// What came from the node that a binding was on before, until the binding is configured here with the epoch it was staged for.
//
// Times are the caller's. Owned by one thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include <nlohmann/json.hpp>

#include "dataplane/control/messages.h"

namespace vs {

class Staging {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  // Why it is not kept; empty: it is. `epoch_known` is the highest that the binding had here.
  std::string keep(const control::Stage& stage, std::uint64_t epoch_known, TimePoint now);
  // What is there for the binding as it is configured now, once. What was staged for an earlier epoch goes.
  std::optional<nlohmann::json> take(const control::BindingConfig& binding, TimePoint now);
  // Drops what is kept no longer.
  void expire(TimePoint now);

  struct Counts {
    std::uint64_t kept = 0;
    std::uint64_t used = 0;
    std::uint64_t refused = 0;
    std::uint64_t expired = 0;
    std::uint64_t outdated = 0;  // another epoch came
  };
  [[nodiscard]] const Counts& counts() const { return counts_; }
  [[nodiscard]] std::size_t size() const { return staged_.size(); }
  [[nodiscard]] std::size_t bytes() const { return bytes_; }

 private:
  struct Staged {
    std::string uid;
    std::uint64_t epoch;
    TimePoint until;
    nlohmann::json state;
    std::size_t bytes;
  };
  using ByName = std::map<std::string, Staged>;

  ByName::iterator drop(ByName::iterator staged);

  ByName staged_;
  std::size_t bytes_ = 0;
  Counts counts_;
};

}  // namespace vs
