#include "vsmgrd/api/etag.h"

#include <charconv>
#include <string_view>

namespace vs::http {
namespace {

using IfMatch = Conditions::IfMatch;

// entity-tag = [ "W/" ] DQUOTE *etagc DQUOTE
bool is_tag(std::string_view text) {
  if (text.starts_with("W/")) text.remove_prefix(2);
  return text.size() >= 2 && text.front() == '"' && text.back() == '"' &&
         text.substr(1, text.size() - 2).find_first_of("\" \t") == std::string_view::npos;
}

std::optional<std::int64_t> version_of(std::string_view tag) {
  if (tag.front() != '"') return std::nullopt;  // weak tags never match strongly
  tag = tag.substr(1, tag.size() - 2);
  std::int64_t version = 0;
  const auto [end, error] = std::from_chars(tag.data(), tag.data() + tag.size(), version);
  const bool ours = error == std::errc{} && end == tag.data() + tag.size() && version > 0;
  return ours ? std::optional(version) : std::nullopt;
}

}  // namespace

std::string format_etag(std::int64_t resource_version) {
  return '"' + std::to_string(resource_version) + '"';
}

Result<Conditions> parse_conditions(const Request& request) {
  const std::string_view match = request.header("if-match");
  const std::string_view none_match = request.header("if-none-match");
  if (!match.empty() && !none_match.empty())
    return fail(ErrorCode::invalid, "If-Match and If-None-Match: give one of them");
  Conditions conditions;
  if (!none_match.empty()) {
    if (none_match != "*") return fail(ErrorCode::invalid, "If-None-Match: only * is known here");
    conditions.create_only = true;
  }
  if (match.empty()) return conditions;
  if (match == "*") {
    conditions.if_match = IfMatch::any;
    return conditions;
  }
  if (!is_tag(match))
    return fail(ErrorCode::invalid, "If-Match: give one entity tag in quotes, or *");
  const auto version = version_of(match);
  conditions.if_match = version ? IfMatch::version : IfMatch::never;
  conditions.version = version.value_or(0);
  return conditions;
}

}  // namespace vs::http
