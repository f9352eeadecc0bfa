// One guest of a space, that is one binding: its rights, and what it has used of its limits. Shared by its sessions.
//
// Owned by the loop's thread. Errors: denied, exhausted (over its rate), and too large, each in words.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "dataplane/abi/ring.h"
#include "dataplane/services/pubsub/broker.h"
#include "dataplane/services/pubsub/rights.h"

namespace vs::pubsub {

// Why something was refused, as its outcome says it.
struct Refusal {
  vs_status status;
  std::string why;
};

inline constexpr std::uint64_t kGuestFilterCostMax = 1'000'000;  // of all filters of a guest's subscriptions; ns an event, at worst

// What a guest's filters cost, under each limit that they are under.
class FilterBudget {
 public:
  // What is left for one more, of a subscription to that pattern.
  [[nodiscard]] std::uint64_t left(const Rights& rights, std::string_view pattern) const;
  void add(const Rights& rights, std::string_view pattern, std::uint64_t cost);
  void remove(const Rights& rights, std::string_view pattern, std::uint64_t cost);

 private:
  std::uint64_t used_ = 0;
  std::unordered_map<std::size_t, std::uint64_t> used_of_rule_;
};

class Guest {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  struct Counts {
    std::uint64_t denied = 0;
    std::uint64_t over_rate = 0;
    std::uint64_t too_large = 0;
  };

  Guest(std::string binding, nlohmann::json from);

  [[nodiscard]] const std::string& binding() const { return binding_; }
  [[nodiscard]] const nlohmann::json& from() const { return from_; }
  [[nodiscard]] const Rights& rights() const { return rights_; }
  [[nodiscard]] FilterBudget& filters() { return filters_; }
  [[nodiscard]] Counts& counts() { return counts_; }
  [[nodiscard]] const Counts& counts() const { return counts_; }

  // Whether an event of so many bytes may be published now; nullopt: yes.
  std::optional<Refusal> judge(const Broker::Channel& channel, std::size_t bytes, TimePoint now);
  // It was.
  void published(const Broker::Channel& channel, TimePoint now);

 private:
  struct Grant {
    std::optional<Refusal> refusal;
    std::size_t event_bytes_max = SIZE_MAX;
    std::vector<std::size_t> rates;  // in rates_
  };
  Grant& grant_of(const Broker::Channel& channel);

  std::string binding_;
  nlohmann::json from_;
  Rights rights_;
  std::vector<std::optional<Rate>> rates_;  // of each rule
  std::unordered_map<const Broker::Channel*, Grant> grants_;  // channels stay as long as their space
  FilterBudget filters_;
  Counts counts_;
};

}  // namespace vs::pubsub
