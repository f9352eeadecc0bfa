#include "base/json.h"

#include <set>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

template class nlohmann::basic_json<>;  // for all files: see cmake/headers.h

namespace vs {
namespace {

// Watches the parse events; keeps the keys of each open object.
class Guard {
 public:
  bool operator()(int depth, nlohmann::json::parse_event_t event, const nlohmann::json& parsed) {
    using Event = nlohmann::json::parse_event_t;
    if (depth > kJsonDepthMax) throw_error(fmt::format("nested deeper than {} levels", kJsonDepthMax));
    if (event == Event::object_start) keys_.emplace_back();
    if (event == Event::object_end) keys_.pop_back();
    if (event == Event::key && !keys_.back().insert(parsed.get<std::string>()).second)
      throw_error(fmt::format("key \"{}\" stands twice in one object", parsed.get<std::string>()));
    return true;
  }

 private:
  [[noreturn]] static void throw_error(const std::string& what) { throw std::invalid_argument(what); }

  std::vector<std::set<std::string>> keys_;
};

}  // namespace

Result<nlohmann::json> parse_json(std::string_view text) try {
  Guard guard;
  return nlohmann::json::parse(text, std::ref(guard));
} catch (const nlohmann::json::parse_error& problem) {
  return fail(ErrorCode::invalid, fmt::format("not JSON at byte {}: {}", problem.byte, problem.what()));
} catch (const std::exception& problem) {  // the guard's, and nlohmann's for numbers out of range
  return fail(ErrorCode::invalid, fmt::format("JSON refused: {}", problem.what()));
}

std::string pointer_token(std::string_view key) {
  std::string token;
  for (const char c : key) {
    if (c == '~') token += "~0";
    else if (c == '/') token += "~1";
    else token += c;
  }
  return token;
}

}  // namespace vs
