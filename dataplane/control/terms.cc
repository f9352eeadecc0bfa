#include "dataplane/control/terms.h"

#include <algorithm>
#include <array>

namespace vs::control {
namespace {

constexpr std::array<std::string_view, 4> kWaitModes{"adaptive", "spin", "block", "timer"};
constexpr std::array<std::string_view, 3> kTunes{"off", "latency", "throughput"};
constexpr std::array<std::string_view, kPriorities> kPriorityNames{"control", "deadline", "normal", "bulk"};

constexpr std::array<std::string_view, kGuarantees> kGuaranteeNames{"bestEffort", "burstable", "guaranteed"};

template <class Value, std::size_t count>
std::optional<Value> named(const std::array<std::string_view, count>& names, std::string_view name) {
  for (std::size_t i = 0; i < count; ++i)
    if (names[i] == name) return static_cast<Value>(i);
  return std::nullopt;
}

}  // namespace

std::string_view name_of(WaitMode mode) { return kWaitModes.at(static_cast<std::size_t>(mode)); }
std::optional<WaitMode> wait_mode_named(std::string_view name) { return named<WaitMode>(kWaitModes, name); }

std::string_view name_of(Tune tune) { return kTunes.at(static_cast<std::size_t>(tune)); }
std::optional<Tune> tune_named(std::string_view name) { return named<Tune>(kTunes, name); }

std::string_view name_of(Priority priority) { return kPriorityNames.at(static_cast<std::size_t>(priority)); }
std::optional<Priority> priority_named(std::string_view name) { return named<Priority>(kPriorityNames, name); }

std::string_view name_of(Guarantee guarantee) { return kGuaranteeNames.at(static_cast<std::size_t>(guarantee)); }
std::optional<Guarantee> guarantee_named(std::string_view name) { return named<Guarantee>(kGuaranteeNames, name); }

Priority rank_of(Guarantee guarantee, Priority priority) {
  switch (guarantee) {
    case Guarantee::best_effort: return Priority::bulk;
    case Guarantee::burstable: return priority;
    case Guarantee::guaranteed: return std::min(priority, Priority::deadline);
  }
  __builtin_unreachable();
}

}  // namespace vs::control
