#include "dataplane/services/pubsub/coverage.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/channel_name.h"

namespace vs::pubsub {
namespace {

std::vector<std::string_view> parts_of(std::string_view text) {
  std::vector<std::string_view> parts;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t dot = std::min(text.find('.', at), text.size());
    parts.push_back(text.substr(at, dot - at));
    at = dot + 1;
  }
  return parts;
}

std::string joined(const std::vector<std::string_view>& parts) {
  std::string text;
  for (const std::string_view part : parts) text += (text.empty() ? "" : ".") + std::string(part);
  return text;
}

}  // namespace

bool covers(std::string_view wide, std::string_view narrow) {
  const auto met = meet(wide, narrow);
  return met && *met == narrow;
}

std::optional<std::string> meet(std::string_view one, std::string_view other) {
  auto left = parts_of(one), right = parts_of(other);
  std::vector<std::string_view> met;
  for (std::size_t at = 0;; ++at) {
    if (at == left.size() && at == right.size()) return joined(met);
    if (at == left.size() || at == right.size()) return std::nullopt;
    if (left[at] == ">" || right[at] == ">") {  // the other's rest, which has a part at least
      const auto& rest = left[at] == ">" ? right : left;
      met.insert(met.end(), rest.begin() + static_cast<std::ptrdiff_t>(at), rest.end());
      return joined(met);
    }
    if (left[at] != right[at] && left[at] != "*" && right[at] != "*") return std::nullopt;
    met.push_back(left[at] == "*" ? right[at] : left[at]);
  }
}

std::string join(std::string_view one, std::string_view other) {
  const auto left = parts_of(one), right = parts_of(other);
  std::vector<std::string_view> wide;
  for (std::size_t at = 0;; ++at) {
    if (at == left.size() && at == right.size()) return joined(wide);
    if (at == left.size() || at == right.size()) {  // one is longer: its rest begins a part earlier
      wide.back() = ">";
      return joined(wide);
    }
    if (left[at] == ">" || right[at] == ">") {
      wide.emplace_back(">");
      return joined(wide);
    }
    wide.push_back(left[at] == right[at] ? left[at] : "*");
  }
}

std::set<std::string> without_overlap(const std::set<std::string>& patterns) {
  std::set<std::string> apart;
  for (std::string pattern : patterns) {
    for (auto other = apart.begin(); other != apart.end();) {
      if (!overlap(*other, pattern)) {
        ++other;
        continue;
      }
      pattern = covers(*other, pattern) ? *other : covers(pattern, *other) ? pattern : join(pattern, *other);
      apart.erase(other);
      other = apart.begin();  // wider than before, it may overlap those that were passed
    }
    apart.insert(std::move(pattern));
  }
  return apart;
}

Coverage::Coverage(const std::vector<std::string>& shared, std::vector<std::string> apart)
    : shared_(without_overlap({shared.begin(), shared.end()})), apart_(std::move(apart)) {}

Coverage::Change Coverage::add(const std::string& pattern) { return ++patterns_[pattern] == 1 ? weigh() : Change{}; }

Coverage::Change Coverage::remove(const std::string& pattern) {
  const auto found = patterns_.find(pattern);
  if (found == patterns_.end() || --found->second != 0) return {};
  patterns_.erase(found);
  return weigh();
}

Coverage::Change Coverage::weigh() {
  std::set<std::string> met;
  if (patterns_.size() > kPatternsWeighedMax) {
    met = shared_;
  } else {
    for (const auto& [pattern, count] : patterns_)
      for (const std::string& part : shared_)
        if (auto both = meet(pattern, part)) met.insert(std::move(*both));
  }
  std::erase_if(met, [&](const std::string& pattern) {
    return std::any_of(apart_.begin(), apart_.end(), [&](const std::string& other) { return covers(other, pattern); });
  });
  std::set<std::string> wanted = without_overlap(met);
  Change change;
  std::set_difference(wanted.begin(), wanted.end(), wanted_.begin(), wanted_.end(), std::back_inserter(change.begin));
  std::set_difference(wanted_.begin(), wanted_.end(), wanted.begin(), wanted.end(), std::back_inserter(change.end));
  wanted_ = std::move(wanted);
  return change;
}

bool Coverage::wants(std::string_view channel) const {
  return std::any_of(wanted_.begin(), wanted_.end(), [&](const std::string& pattern) { return matches(pattern, channel); });
}

bool Coverage::wants_apart() const {
  return std::any_of(patterns_.begin(), patterns_.end(), [&](const auto& one) {
    return std::any_of(apart_.begin(), apart_.end(), [&](const std::string& other) { return overlap(one.first, other); });
  });
}

}  // namespace vs::pubsub
