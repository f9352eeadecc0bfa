#include "vsmgrd/model/text_scanner.h"

#include <utility>

#include <fmt/format.h>

#include "vsmgrd/model/codec.h"

namespace vs {

void TextScanner::skip_blanks() {
  take_while([](char c) { return c == ' ' || c == '\t'; });
}

bool TextScanner::take(std::string_view word) {
  if (!rest().starts_with(word)) return false;
  at_ += word.size();
  return true;
}

Checked<std::string> TextScanner::take_quoted() {
  const std::size_t begin = at_;
  const char quote = peek();
  skip(1);
  std::string text;
  while (!at_end()) {
    const char c = peek();
    skip(1);
    if (c != quote) {
      text += c;
    } else if (peek() == quote) {
      text += quote;
      skip(1);
    } else {
      return text;
    }
  }
  return refuse_at(begin, "the quoted text that begins here does not end");
}

tl::unexpected<Refusal> TextScanner::refuse_at(std::size_t at, std::string message,
                                               std::string hint) const {
  const int column = static_cast<int>(at) + 1;
  std::string summary = fmt::format("{}: column {}: {}", title_, column, message);
  Problem problem{.pointer = {},
                  .message = std::move(message),
                  .hint = std::move(hint),
                  .source = Source{.file = std::string(title_), .line = 1, .column = column}};
  return refuse(ErrorCode::invalid, std::move(summary), {std::move(problem)});
}

std::string TextScanner::found() const {
  if (at_end()) return "the end";
  const std::string_view left = rest();
  return in_quotes(left.substr(0, left.find(' ', 1)));
}

}  // namespace vs
