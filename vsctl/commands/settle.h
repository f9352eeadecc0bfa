// Waiting until the daemon has made what was declared so.
//
// Owned by one thread; blocks between looks, at most until the deadline.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "vsctl/commands/session.h"

namespace vs::ctl {

inline constexpr std::chrono::milliseconds kLookIntervalMin{20};
inline constexpr std::chrono::milliseconds kLookIntervalMax{500};

inline constexpr std::size_t kLookSinglyMax = 16;

struct BindingState {
  std::string name;
  std::string state;  // "Ready", "Denied" ...; "Gone" when somebody deleted the binding meanwhile
  std::string reason;
  std::string message;
  bool settled = false;
};

// Whether the observed state of a binding belongs to its present declaration and decision. Pure.
bool is_settled(const nlohmann::json& binding);

struct Settlement {
  std::vector<BindingState> states;  // of all that were seen, in the order of `bindings`
  std::optional<Failure> failure;    // why it did not go on to the end
};

// Looks at the bindings again and again until all are settled: one by one, or when they are many, at all
// that there are. `on_look` is told which part is settled.
Settlement wait_until_settled(Session& session, const std::vector<std::string>& bindings,
                              const std::function<void(double part)>& on_look = {});

}  // namespace vs::ctl
