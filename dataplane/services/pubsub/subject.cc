#include "dataplane/services/pubsub/subject.h"

#include <algorithm>

#include "base/channel_name.h"

namespace vs::pubsub {

Result<> Subjects::judge_prefix(std::string_view prefix) {
  if (prefix.size() > kPrefixBytesMax)
    return fail(ErrorCode::invalid, "prefix: more than " + std::to_string(kPrefixBytesMax) + " bytes");
  if (auto judged = judge_channel(prefix); !judged) return fail(std::move(judged.error()).within("prefix"));
  return {};
}

Subjects::Subjects(std::string_view prefix, Style style) : style_(style), begin_(prefix) {
  begin_ += '.';
  if (style_ == Style::mqtt) std::replace(begin_.begin(), begin_.end(), '.', '/');
}

std::string Subjects::of(std::string_view channel_or_pattern) const {
  std::string name(channel_or_pattern);
  if (style_ == Style::mqtt)
    for (char& c : name) c = c == '.' ? '/' : c == '*' ? '+' : c == '>' ? '#' : c;
  return begin_ + name;
}

std::optional<std::string> Subjects::channel(std::string_view subject) const {
  if (!subject.starts_with(begin_)) return std::nullopt;
  std::string name(subject.substr(begin_.size()));
  if (style_ == Style::mqtt) {
    if (name.find('.') != std::string::npos) return std::nullopt;
    std::replace(name.begin(), name.end(), '/', '.');
  }
  if (!judge_channel(name)) return std::nullopt;
  return name;
}

}  // namespace vs::pubsub
