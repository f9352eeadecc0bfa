// How vsmgrd has a backend let bindings go to another node, and take them over from one (docs/handoff.md).
//
// A binding is frozen on the node it leaves, its soft state is staged on the node it goes to, and the configuration decides who serves
// it: by its epoch, which grows with each owner. Values; JSON on the wire. Pure functions, thread-safe. Errors: invalid, naming the field.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace vs::control {

inline constexpr std::size_t kHandoffBindingsMax = 10'000;            // of one freeze or thaw
inline constexpr std::uint32_t kDrainMsMax = 1'000;
inline constexpr std::uint32_t kFrozenMsMax = 60'000;
inline constexpr std::uint32_t kLeaseMsMax = 600'000;
inline constexpr std::size_t kStateBytesMax = std::size_t{256} << 10;  // of one binding, as JSON text
inline constexpr std::size_t kStatesBytesMax = std::size_t{8} << 20;   // of one Frozen, and of all that is staged in a backend
inline constexpr std::size_t kStagedMax = 10'000;                      // bindings in a backend

// Take no new session and no new request of these bindings, tell their guests to wait (abi/ring.h, migrating), and answer what was taken
// before, for so long: answered by Frozen. What is not answered then is not answered any more. After `thaw_ms` (from now; it includes
// draining) they are served as before by themselves, unless a configuration has taken them out by then. Freezing what is frozen counts
// anew.
struct Freeze {
  std::uint64_t number = 0;
  std::vector<std::string> bindings;
  std::uint32_t drain_ms = 0;  // up to kDrainMsMax
  std::uint32_t thaw_ms = 0;   // 1 .. kFrozenMsMax, and not before drain_ms
  friend bool operator==(const Freeze&, const Freeze&) = default;
};

struct FrozenBinding {
  std::string binding;
  std::string problem;       // why it is not frozen; empty: it is
  bool drained = false;      // nothing was left unanswered
  std::uint32_t unanswered = 0;  // what was, if anything
  nlohmann::json state = nlohmann::json::object();  // what its service keeps for it and may travel, cut to kStateBytesMax
  friend bool operator==(const FrozenBinding&, const FrozenBinding&) = default;
};
struct Frozen {
  std::uint64_t number = 0;  // of the Freeze
  std::vector<FrozenBinding> bindings;
  friend bool operator==(const Frozen&, const Frozen&) = default;
};

// Serve these as before: answered by Thawed, with those that were frozen. It ends the draining of an earlier Freeze, too.
struct Thaw {
  std::uint64_t number = 0;
  std::vector<std::string> bindings;
  friend bool operator==(const Thaw&, const Thaw&) = default;
};
struct Thawed {
  std::uint64_t number = 0;  // of the Thaw
  std::vector<std::string> bindings;
  friend bool operator==(const Thawed&, const Thawed&) = default;
};

// Keep what another node's Frozen said of a binding, and use it when the binding is configured with this epoch; for `lease_ms`, then it
// is dropped. One that comes later takes the place of one before. Answered by Staged. The service judges the state when it uses it: what
// is wrong in it is left out and counted.
struct Stage {
  std::uint64_t number = 0;
  std::string binding;
  std::string uid;          // as in BindingConfig
  std::uint64_t epoch = 0;  // from 1
  std::uint32_t lease_ms = 0;  // 1 .. kLeaseMsMax
  nlohmann::json state = nlohmann::json::object();
  friend bool operator==(const Stage&, const Stage&) = default;
};
struct Staged {
  std::uint64_t number = 0;  // of the Stage
  std::string problem;       // why it is not kept: the binding goes without; empty: it is
  friend bool operator==(const Staged&, const Staged&) = default;
};

// The command `number` is none that this backend obeys: nothing was done.
struct Unsupported {
  std::uint64_t number = 0;
  std::string command;
  friend bool operator==(const Unsupported&, const Unsupported&) = default;
};

nlohmann::json to_json(const Freeze& freeze);
nlohmann::json to_json(const Frozen& frozen);
nlohmann::json to_json(const Thaw& thaw);
nlohmann::json to_json(const Thawed& thawed);
nlohmann::json to_json(const Stage& stage);
nlohmann::json to_json(const Staged& staged);
nlohmann::json to_json(const Unsupported& unsupported);

// These throw std::exception of what is not one.
Freeze freeze_from(const nlohmann::json& from);
Frozen frozen_from(const nlohmann::json& from);
Thaw thaw_from(const nlohmann::json& from);
Thawed thawed_from(const nlohmann::json& from);
Stage stage_from(const nlohmann::json& from);
Staged staged_from(const nlohmann::json& from);
Unsupported unsupported_from(const nlohmann::json& from);

}  // namespace vs::control
