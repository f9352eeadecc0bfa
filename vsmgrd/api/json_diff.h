// What differs between two JSON values: the places, with what stood there and what stands there now.
//
// Objects are compared member by member, lists place by place; a place that is on one side only has
// null for the other and says so by `added` or `removed`. Pure, thread-safe.
#pragma once

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace vs::http {

inline constexpr std::size_t kDifferencesMax = 1000;  // of one comparison; the rest is left out

struct Difference {
  std::string pointer;  // RFC 6901
  nlohmann::json before;
  nlohmann::json after;
  bool added = false;
  bool removed = false;
};

// Sorted by place as the values are.
std::vector<Difference> json_diff(const nlohmann::json& before, const nlohmann::json& after);

nlohmann::json encode(const std::vector<Difference>& differences);

}  // namespace vs::http
