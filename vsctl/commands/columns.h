// The columns in which lists of each kind are shown.
//
// Immutable; thread-safe.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

namespace vs::ctl {

struct Column {
  const char* heading;
  bool wide;  // only with -o wide and csv
  std::string (*cell)(const nlohmann::json& object);
};

// `kind` as in documents: "Binding"; "Event" as well.
std::span<const Column> list_columns(std::string_view kind);

// "2m" or "3d" since a time as the API writes it, up to `now_s` (Unix time); empty for what is no time.
std::string age(std::string_view time, std::int64_t now_s);

}  // namespace vs::ctl
