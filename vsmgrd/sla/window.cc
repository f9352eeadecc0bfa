#include "vsmgrd/sla/window.h"

#include <algorithm>

#include <nlohmann/json.hpp>

namespace vs {

std::int64_t Window::number_at(WallTime now) const {
  const auto part = std::max<std::int64_t>(1, length_.count() / kWindowParts);
  return std::chrono::floor<std::chrono::milliseconds>(now).time_since_epoch().count() / part;
}

void Window::add(WallTime now, const Judged& more) {
  if (more.all == 0) return;
  const std::int64_t number = number_at(now);
  if (parts_.empty() || parts_.back().number < number) parts_.push_back({number, {}});
  Judged& newest = parts_.back().judged;  // also when the clock went back: nothing is lost
  newest.all += more.all;
  newest.missed += std::min(more.missed, more.all);
  while (parts_.front().number <= parts_.back().number - kWindowParts) parts_.pop_front();
}

Judged Window::total(WallTime now) const {
  Judged total;
  const std::int64_t oldest = number_at(now) - kWindowParts;
  for (const Part& part : parts_) {
    if (part.number <= oldest) continue;
    total.all += part.judged.all;
    total.missed += part.judged.missed;
  }
  return total;
}

nlohmann::json Window::encode() const {
  nlohmann::json parts = nlohmann::json::array();
  for (const Part& part : parts_) parts.push_back({part.number, part.judged.all, part.judged.missed});
  return {{"ms", length_.count()}, {"parts", std::move(parts)}};
}

Result<> Window::restore(const nlohmann::json& state) try {
  if (state.at("ms").get<std::int64_t>() != length_.count()) return {};
  std::deque<Part> parts;
  for (const auto& one : state.at("parts")) {
    const Part part{one.at(0).get<std::int64_t>(), {one.at(1).get<std::uint64_t>(), one.at(2).get<std::uint64_t>()}};
    const bool sound = part.judged.missed <= part.judged.all && (parts.empty() || parts.back().number < part.number);
    if (!sound || parts.size() == static_cast<std::size_t>(kWindowParts)) return fail(ErrorCode::invalid, "window: it is none");
    parts.push_back(part);
  }
  parts_ = std::move(parts);
  return {};
} catch (const nlohmann::json::exception& problem) {
  return fail(ErrorCode::invalid, std::string("window: ") + problem.what());
}

double compliance(const Judged& judged) {
  return judged.all == 0 ? 1 : 1 - static_cast<double>(judged.missed) / static_cast<double>(judged.all);
}

double budget_left(const Judged& judged, double target) {
  if (judged.missed == 0) return 1;
  const double allowed = (1 - target) * static_cast<double>(judged.all);
  return allowed <= 0 ? 0 : 1 - static_cast<double>(judged.missed) / allowed;
}

}  // namespace vs
