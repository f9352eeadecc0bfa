// Values that several tables keep as text.
//
// Pure; thread-safe. Errors: internal, when a column is not what this version writes.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "vsmgrd/model/codec.h"
#include "vsmgrd/store/actor.h"
#include "vsmgrd/store/sqlite.h"

namespace vs {

std::string encode_labels(const Labels& labels);
Result<Labels> decode_labels(std::string_view text);

std::string encode_texts(const std::vector<std::string>& texts);
Result<std::vector<std::string>> decode_texts(std::string_view text);

// A time that may be missing is NULL. One that is damaged reads as the beginning of time: what is
// bounded by it goes first.
std::optional<std::string> encode_time(const std::optional<WallTime>& time);
WallTime time_in(const Statement& row, int column);
std::optional<WallTime> time_or_none(const Statement& row, int column);

inline std::string text_in(const Statement& row, int column) {
  return std::string(row.text(column));
}
// From four columns: principal, role, channel, request.
inline Actor actor_in(const Statement& row, int column) {
  return {text_in(row, column), text_in(row, column + 1), text_in(row, column + 2),
          text_in(row, column + 3)};
}

}  // namespace vs
