#include "vsmgrd/api/list_query.h"

#include <charconv>
#include <optional>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace vs::http {
namespace {

inline constexpr std::string_view kTokenMark = "after.";  // so that other texts are told from tokens
inline constexpr std::size_t kTokenBytesMax = 128;

template <class Number>
std::optional<Number> whole_number(std::string_view text) {
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

bool is_token_byte(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; }

void take_problems(Refusal refusal, std::vector<Problem>& problems) {
  for (Problem& problem : refusal.problems) {
    problem.message = "query parameter " + problem.source->file + ": " + problem.message;
    problems.push_back(std::move(problem));
  }
}

void read_token(std::string_view token, ListQuery& query, std::vector<Problem>& problems) {
  const bool marked = token.starts_with(kTokenMark) && token.size() <= kTokenBytesMax;
  if (marked) token.remove_prefix(kTokenMark.size());
  if (marked && !token.empty() && std::all_of(token.begin(), token.end(), is_token_byte))
    query.after = token;
  else
    problems.push_back({.message = "query parameter continue: not a token that a list gave"});
}

void read_limit(std::string_view text, ListQuery& query, std::vector<Problem>& problems) {
  const auto limit = whole_number<std::size_t>(text);
  if (limit && *limit >= 1 && *limit <= kListLimitMax)
    query.limit = *limit;
  else
    problems.push_back(
        {.message = fmt::format("query parameter limit: a number from 1 to {}", kListLimitMax)});
}

tl::unexpected<Refusal> refuse_query(std::vector<Problem> problems) {
  std::string summary = summary_of(problems);
  return refuse(ErrorCode::invalid, std::move(summary), std::move(problems));
}

}  // namespace

std::vector<std::string> list_parameters(bool labels) {
  std::vector<std::string> names{"limit", "continue", "filter"};
  if (labels) names.emplace_back("labelSelector");
  return names;
}

Checked<ListQuery> parse_list_query(const Call& call) {
  ListQuery query;
  std::vector<Problem> problems;
  if (const auto text = call.parameter("limit")) read_limit(*text, query, problems);
  if (const auto token = call.parameter("continue")) read_token(*token, query, problems);
  if (const auto text = call.parameter("labelSelector")) {
    auto labels = LabelSelector::parse(*text);
    if (labels)
      query.labels = std::move(*labels);
    else
      problems.push_back({.message = "query parameter labelSelector: " + labels.error().message});
  }
  if (const auto text = call.parameter("filter")) {
    auto filter = Filter::parse(*text);
    if (filter)
      query.filter = std::move(*filter);
    else
      take_problems(std::move(filter.error()), problems);
  }
  if (!problems.empty()) return refuse_query(std::move(problems));
  return query;
}

Checked<ListQuery> parse_numbered_query(const Call& call, std::int64_t& number) {
  auto query = parse_list_query(call);
  if (!query || query->after.empty()) return query;
  const auto found = whole_number<std::int64_t>(query->after);
  if (!found || *found < 0)
    return refuse_query({{.message = "query parameter continue: not a token that this list gave"}});
  number = *found;
  return query;
}

std::string continue_token(std::string_view item) {
  return std::string(kTokenMark) + std::string(item);
}

Response page_response(nlohmann::json items, const std::string& next) {
  nlohmann::json metadata = nlohmann::json::object();
  if (!next.empty()) metadata["continue"] = continue_token(next);
  return json_response(200, {{"items", std::move(items)}, {"metadata", std::move(metadata)}});
}

}  // namespace vs::http
