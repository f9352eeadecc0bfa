// How far what a guest asks may show to others, as its binding says.
//
// Pure; thread-safe. Errors: invalid, naming the field.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "base/result.h"

namespace vs::dns {

enum class SharingMode : std::uint8_t {
  private_,  // nothing: what the guest asked is kept for it alone
  group,     // the members of a group see what each other asked, in time and TTLs
  delayed,   // answers are kept for all, but a guest's first one takes as long, and lasts as long, as if it had been fetched
  open       // as group, with all guests, of the names listed (of none: all); others are private
};

struct Sharing {
  SharingMode mode = SharingMode::private_;
  std::string group;
  std::vector<std::string> names;  // "example.org", or "*.example.org" for what is below it
  bool travels = true;             // what is kept for the guest alone goes along to another node
  friend bool operator==(const Sharing&, const Sharing&) = default;

  // Where answers about a name are kept for others, too; empty: nowhere. `name` is in lower case.
  [[nodiscard]] std::string partition_of(std::string_view name) const;
  // All that names may be kept in.
  [[nodiscard]] std::set<std::string> partitions() const;
};

// From null, or {"mode": "group", "group": "lab"}, {"mode": "open", "names": [...]}, each perhaps with "travels": false.
Result<Sharing> parse_sharing(const nlohmann::json& from);

}  // namespace vs::dns
