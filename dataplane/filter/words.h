// The words of a declaration (of a schema, of a chain of operators): names and numbers apart by blanks, and the signs , | ( ).
//
// A view of the text; owned by one thread. Columns count bytes from 1.
#pragma once

#include <cstdint>
#include <string_view>

namespace vs::filter {

struct DeclaredWord {
  std::string_view text;  // empty: the end
  std::uint32_t column = 1;

  [[nodiscard]] bool ends() const { return text.empty(); }
  [[nodiscard]] bool is(std::string_view word) const { return text == word; }
};

class Words {
 public:
  explicit Words(std::string_view text) : text_(text) { advance(); }

  [[nodiscard]] const DeclaredWord& peek() const { return next_; }
  DeclaredWord take() {
    const DeclaredWord taken = next_;
    advance();
    return taken;
  }
  // Takes it if it is the next.
  bool take_if(std::string_view word) {
    if (!next_.is(word)) return false;
    advance();
    return true;
  }

 private:
  static bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
  static bool is_sign(char c) { return c == ',' || c == '|' || c == '(' || c == ')'; }
  void advance() {
    while (at_ < text_.size() && is_blank(text_[at_])) ++at_;
    const std::size_t begin = at_;
    if (at_ < text_.size() && is_sign(text_[at_])) {
      ++at_;
    } else {
      while (at_ < text_.size() && !is_blank(text_[at_]) && !is_sign(text_[at_])) ++at_;
    }
    next_ = {text_.substr(begin, at_ - begin), static_cast<std::uint32_t>(begin + 1)};
  }

  std::string_view text_;
  std::size_t at_ = 0;
  DeclaredWord next_;
};

}  // namespace vs::filter
