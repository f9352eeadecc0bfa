#include "base/channel_name.h"

#include <algorithm>
#include <string>


namespace vs::pubsub {
namespace {

bool is_token(std::string_view token) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  };
  return !token.empty() && token.size() <= kTokenBytesMax && std::all_of(token.begin(), token.end(), allowed);
}

// Takes the first token off.
std::string_view next_token(std::string_view& rest) {
  const std::size_t dot = std::min(rest.find('.'), rest.size());
  const std::string_view token = rest.substr(0, dot);
  rest.remove_prefix(std::min(dot + 1, rest.size()));
  return token;
}

Result<> judge(std::string_view text, bool wildcards) {
  if (text.empty() || text.size() > kChannelBytesMax)
    return fail(ErrorCode::invalid, "channel: 1 to " + std::to_string(kChannelBytesMax) + " bytes, not " +
                                        std::to_string(text.size()));
  if (text.back() == '.') return fail(ErrorCode::invalid, "channel: ends with a dot");
  std::size_t tokens = 0;
  for (std::string_view rest = text; !rest.empty();) {
    const std::string_view token = next_token(rest);
    if (++tokens > kTokensMax) return fail(ErrorCode::invalid, "channel: more than " + std::to_string(kTokensMax) + " parts");
    if (wildcards && (token == "*" || (token == ">" && rest.empty()))) continue;
    if (!is_token(token))
      return fail(ErrorCode::invalid, "channel: part " + std::to_string(tokens) + " is not 1 to " +
                                          std::to_string(kTokenBytesMax) + " letters, digits, \"-\" or \"_\"");
  }
  return {};
}

}  // namespace

Result<> judge_channel(std::string_view name) { return judge(name, false); }
Result<> judge_pattern(std::string_view pattern) { return judge(pattern, true); }

bool is_wild(std::string_view pattern) { return pattern.find_first_of("*>") != std::string_view::npos; }

bool overlap(std::string_view one, std::string_view other) {
  while (!one.empty() && !other.empty()) {
    const std::string_view left = next_token(one), right = next_token(other);
    if (left == ">" || right == ">") return true;
    if (left != "*" && right != "*" && left != right) return false;
  }
  return one.empty() && other.empty();
}

bool matches(std::string_view pattern, std::string_view name) {
  while (!pattern.empty() && !name.empty()) {
    const std::string_view wanted = next_token(pattern);
    if (wanted == ">") return true;
    const std::string_view token = next_token(name);
    if (wanted != "*" && wanted != token) return false;
  }
  return pattern.empty() && name.empty();
}

}  // namespace vs::pubsub
