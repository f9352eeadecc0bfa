#include "vsmgrd/api/json_diff.h"

#include <algorithm>
#include <utility>

#include "base/json.h"

namespace vs::http {
namespace {

using nlohmann::json;

class Comparison {
 public:
  void compare(const std::string& pointer, const json& before, const json& after) {
    if (before == after) return;
    if (before.is_object() && after.is_object()) return compare_members(pointer, before, after);
    if (before.is_array() && after.is_array()) return compare_places(pointer, before, after);
    add({pointer, before, after});
  }
  std::vector<Difference> take() { return std::move(found_); }

 private:
  void compare_members(const std::string& pointer, const json& before, const json& after) {
    for (const auto& [key, value] : before.items()) {
      const std::string at = pointer + '/' + pointer_token(key);
      const auto other = after.find(key);
      if (other == after.end())
        add({.pointer = at, .before = value, .removed = true});
      else
        compare(at, value, *other);
    }
    for (const auto& [key, value] : after.items())
      if (!before.contains(key))
        add({.pointer = pointer + '/' + pointer_token(key), .after = value, .added = true});
  }

  void compare_places(const std::string& pointer, const json& before, const json& after) {
    const std::size_t both = std::min(before.size(), after.size());
    const auto at = [&](std::size_t i) { return pointer + '/' + std::to_string(i); };
    for (std::size_t i = 0; i < both; ++i) compare(at(i), before[i], after[i]);
    for (std::size_t i = both; i < before.size(); ++i)
      add({.pointer = at(i), .before = before[i], .removed = true});
    for (std::size_t i = both; i < after.size(); ++i)
      add({.pointer = at(i), .after = after[i], .added = true});
  }

  void add(Difference difference) {
    if (found_.size() < kDifferencesMax) found_.push_back(std::move(difference));
  }

  std::vector<Difference> found_;
};

}  // namespace

std::vector<Difference> json_diff(const json& before, const json& after) {
  Comparison comparison;
  comparison.compare("", before, after);
  return comparison.take();
}

json encode(const std::vector<Difference>& differences) {
  json out = json::array();
  for (const Difference& difference : differences) {
    json one{{"pointer", difference.pointer}};
    if (!difference.added) one["before"] = difference.before;
    if (!difference.removed) one["after"] = difference.after;
    out.push_back(std::move(one));
  }
  return out;
}

}  // namespace vs::http
