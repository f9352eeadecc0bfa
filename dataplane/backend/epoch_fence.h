// Which owner of each binding is the last that this backend heard of, for its whole life: what an earlier one commands is not served.
//
// Owned by one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <string>
#include <unordered_map>
#include <vector>

#include "dataplane/control/messages.h"

namespace vs {

inline constexpr std::size_t kEpochsMax = 100'000;  // remembered; then those are forgotten that were not heard of for longest

class EpochFence {
 public:
  // Takes those bindings out of `configure` that are of an earlier owner, and says so of each; remembers the others.
  std::vector<control::BindingProblem> judge(control::Configure& configure);
  // The highest heard of; 0: none.
  [[nodiscard]] std::uint64_t epoch_of(const std::string& binding, const std::string& uid) const;

  [[nodiscard]] std::uint64_t refused() const { return refused_; }
  [[nodiscard]] std::uint64_t forgotten() const { return forgotten_; }
  [[nodiscard]] std::size_t remembered() const { return known_.size(); }

 private:
  struct Known {
    std::string key;
    std::uint64_t epoch;
  };
  using Latest = std::list<Known>;  // heard of last, first

  Latest latest_;
  std::unordered_map<std::string, Latest::iterator> known_;
  std::uint64_t refused_ = 0;
  std::uint64_t forgotten_ = 0;
};

}  // namespace vs
