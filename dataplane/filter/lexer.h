// The words of a filter expression.
//
// A value; owned by one thread. Errors: invalid, naming the column.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace vs::filter {

enum class Word : std::uint8_t { end, name, integer, real, text, sign };

struct Token {
  Word word = Word::end;
  std::uint32_t column = 1;
  std::string text;  // of a name, a sign, or a string without its quotes and escapes
  std::uint64_t integer = 0;
  double real = 0;

  [[nodiscard]] bool is(std::string_view sign) const { return word == Word::sign && text == sign; }
};

class Lexer {
 public:
  explicit Lexer(std::string_view text) : text_(text) {}
  Result<Token> next();

 private:
  Result<Token> number(std::uint32_t column);
  Result<Token> string(std::uint32_t column, bool raw);
  Result<> escape(std::string& into);
  [[nodiscard]] char peek(std::size_t ahead = 0) const { return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0'; }
  [[nodiscard]] std::uint32_t column() const { return static_cast<std::uint32_t>(at_ + 1); }

  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace vs::filter
