#include "vsmgrd/api/body.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "base/json.h"
#include "vsmgrd/model/codec.h"

namespace vs::http {

Checked<nlohmann::json> parse_body(std::string_view text) {
  auto parsed = parse_json(text);
  if (!parsed) return refuse(std::move(parsed.error()).within("body"));
  return std::move(*parsed);
}

tl::unexpected<Refusal> refuse_body(std::vector<Problem> problems) {
  limit_problems(problems);
  std::string summary = "body: " + summary_of(problems);
  return refuse(ErrorCode::invalid, std::move(summary), std::move(problems));
}

void check_members(const nlohmann::json& object, const std::string& pointer,
                   const std::vector<std::string>& members, std::vector<Problem>& problems) {
  if (!object.is_object()) {
    problems.push_back({pointer, "must be an object"});
    return;
  }
  for (const auto& [key, value] : object.items()) {
    if (std::find(members.begin(), members.end(), key) == members.end())
      problems.push_back({pointer + '/' + pointer_token(key), "unknown member " + in_quotes(key),
                          did_you_mean(key, members)});
  }
  for (const std::string& member : members)
    if (!object.contains(member)) problems.push_back({pointer + '/' + member, "is missing"});
}

void check_strings(const nlohmann::json& object, const std::string& pointer,
                   const std::vector<std::string>& members, std::vector<Problem>& problems) {
  check_members(object, pointer, members, problems);
  if (!object.is_object()) return;
  for (const std::string& member : members)
    if (object.contains(member) && !object[member].is_string())
      problems.push_back({pointer + '/' + member, "must be a string"});
}

}  // namespace vs::http
