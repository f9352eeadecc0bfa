#include "vsmgrd/store/columns.h"

#include <nlohmann/json.hpp>

#include "base/json.h"

namespace vs {

using nlohmann::json;

std::string encode_labels(const Labels& labels) {
  return labels.empty() ? "{}" : json(labels).dump();
}

Result<Labels> decode_labels(std::string_view text) try {
  if (text == "{}") return Labels();
  const auto stored = parse_json(text);
  if (!stored) return fail(ErrorCode::internal, "labels: " + stored.error().message);
  return stored->get<Labels>();
} catch (const json::exception& problem) {
  return fail(ErrorCode::internal, std::string("labels: ") + problem.what());
}

std::string encode_texts(const std::vector<std::string>& texts) { return json(texts).dump(); }

Result<std::vector<std::string>> decode_texts(std::string_view text) try {
  const auto stored = parse_json(text);
  if (!stored) return fail(ErrorCode::internal, "list: " + stored.error().message);
  return stored->get<std::vector<std::string>>();
} catch (const json::exception& problem) {
  return fail(ErrorCode::internal, std::string("list: ") + problem.what());
}

std::optional<std::string> encode_time(const std::optional<WallTime>& time) {
  if (!time) return std::nullopt;
  return format_time(*time);
}

WallTime time_in(const Statement& row, int column) {
  return parse_time(row.text(column)).value_or(WallTime{});
}

std::optional<WallTime> time_or_none(const Statement& row, int column) {
  if (row.is_null(column)) return std::nullopt;
  return time_in(row, column);
}

}  // namespace vs
