// The names a filter may use, each with its type and its slot: the place where an event's value for it stands.
//
// Names are dotted: "channel", "attributes.price". Under an open prefix any name may be used; what was not declared has the type
// `any`, is given a slot when a filter first uses it, and is checked when an event is there. Owned by one thread.
// Errors: invalid, when a name is none or is declared twice; exhausted, at kSlotsMax.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "dataplane/filter/value.h"

namespace vs::filter {

inline constexpr std::size_t kSlotsMax = 256;
inline constexpr std::size_t kNameBytesMax = 128;

struct Slot {
  std::uint32_t index;
  Type type;
};

class Schema {
 public:
  Result<Slot> declare(std::string_view name, Type type);
  // Lets names that begin with `prefix` and a dot be used without a declaration.
  void open(std::string_view prefix) { open_.emplace_back(prefix); }

  // The slot of a name as a filter uses it; not_found when it may not.
  Result<Slot> use(std::string_view name);
  // Whether `name` is one part of declared or open names: "attributes".
  [[nodiscard]] bool is_prefix(std::string_view name) const;

  // For whoever fills slots with an event's values.
  [[nodiscard]] std::optional<Slot> find(std::string_view name) const;
  [[nodiscard]] std::size_t slots() const { return names_.size(); }
  [[nodiscard]] const std::vector<std::string>& names() const { return names_; }  // by slot

 private:
  struct Hash : std::hash<std::string_view> {
    using is_transparent = void;
  };
  Result<Slot> add(std::string_view name, Type type);

  std::unordered_map<std::string, Slot, Hash, std::equal_to<>> slots_;
  std::vector<std::string> names_;
  std::vector<std::string> open_;
};

}  // namespace vs::filter
