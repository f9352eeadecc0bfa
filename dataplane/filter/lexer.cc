#include "dataplane/filter/lexer.h"

#include <array>
#include <charconv>

#include "dataplane/filter/syntax.h"

namespace vs::filter {
namespace {

constexpr std::array<std::string_view, 21> kSigns{"&&", "||", "==", "!=", "<=", ">=", "<", ">", "!", "+", "-",
                                                  "*",  "/",  "%",  "(",  ")",  "[", "]", ".", ",", "?"};

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }
bool begins_name(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }

}  // namespace

tl::unexpected<Error> fail_at(std::uint32_t column, const std::string& what) {
  return fail(ErrorCode::invalid, "column " + std::to_string(column) + ": " + what);
}

Result<Token> Lexer::next() {
  while (peek() == ' ' || peek() == '\t' || peek() == '\n' || peek() == '\r') ++at_;
  const std::uint32_t begin = column();
  if (at_ == text_.size()) return Token{.word = Word::end, .column = begin};
  const char c = peek();
  if (is_digit(c) || (c == '.' && is_digit(peek(1)))) return number(begin);
  if (c == '"' || c == '\'') return string(begin, false);
  if ((c == 'r' || c == 'R') && (peek(1) == '"' || peek(1) == '\'')) {
    ++at_;
    return string(begin, true);
  }
  if (begins_name(c)) {
    Token token{.word = Word::name, .column = begin};
    while (begins_name(peek()) || is_digit(peek())) token.text += text_[at_++];
    return token;
  }
  if (c == ':') {
    ++at_;
    return Token{.word = Word::sign, .column = begin, .text = ":"};
  }
  for (const std::string_view sign : kSigns)
    if (text_.substr(at_).starts_with(sign)) {
      at_ += sign.size();
      return Token{.word = Word::sign, .column = begin, .text = std::string(sign)};
    }
  const auto byte = static_cast<unsigned char>(c);
  if (byte < 0x20 || byte > 0x7e) return fail_at(begin, "a byte that belongs to no word");
  if (c == '=') return fail_at(begin, "\"=\" means nothing; did you mean \"==\"?");
  if (c == '&' || c == '|') return fail_at(begin, std::string("\"") + c + "\" means nothing; did you mean \"" + c + c + "\"?");
  return fail_at(begin, std::string("\"") + c + "\" means nothing");
}

Result<Token> Lexer::number(std::uint32_t begin) {
  const std::size_t first = at_;
  bool real = false;
  const bool hex = peek() == '0' && (peek(1) == 'x' || peek(1) == 'X');
  if (hex) {
    at_ += 2;
    while (is_hex(peek())) ++at_;
  } else {
    while (is_digit(peek())) ++at_;
    if (peek() == '.' && is_digit(peek(1))) {
      real = true;
      for (++at_; is_digit(peek());) ++at_;
    }
    if (peek() == 'e' || peek() == 'E') {
      real = true;
      ++at_;
      if (peek() == '+' || peek() == '-') ++at_;
      if (!is_digit(peek())) return fail_at(column(), "digits of the exponent are missing");
      while (is_digit(peek())) ++at_;
    }
  }
  if (begins_name(peek()) || is_digit(peek())) return fail_at(column(), "a number ends here, and no name may begin");
  const std::string_view digits = text_.substr(first, at_ - first);
  Token token{.word = real ? Word::real : Word::integer, .column = begin, .text = std::string(digits)};
  const char* from = digits.data() + (hex ? 2 : 0);
  const char* end = digits.data() + digits.size();
  const auto parsed = real ? std::from_chars(from, end, token.real) : std::from_chars(from, end, token.integer, hex ? 16 : 10);
  if (parsed.ec != std::errc() || parsed.ptr != end) return fail_at(begin, "a number that is too large, or none");
  return token;
}

Result<Token> Lexer::string(std::uint32_t begin, bool raw) {
  const char quote = text_[at_++];
  Token token{.word = Word::text, .column = begin};
  while (at_ < text_.size() && peek() != quote) {
    if (peek() == '\n') break;
    if (peek() != '\\' || raw) {
      token.text += text_[at_++];
      continue;
    }
    if (auto escaped = escape(token.text); !escaped) return fail(std::move(escaped.error()));
  }
  if (peek() != quote || at_ == text_.size()) return fail_at(begin, "a string that does not end");
  ++at_;
  return token;
}

Result<> Lexer::escape(std::string& into) {
  const std::uint32_t begin = column();
  const char c = peek(1);
  at_ += 2;
  switch (c) {
    case 'n':  into += '\n'; return {};
    case 't':  into += '\t'; return {};
    case 'r':  into += '\r'; return {};
    case '\\': case '"': case '\'': into += c; return {};
    case 'x':
      if (is_hex(peek()) && is_hex(peek(1))) {
        unsigned value = 0;
        std::from_chars(&text_[at_], &text_[at_] + 2, value, 16);
        into += static_cast<char>(value);
        at_ += 2;
        return {};
      }
      return fail_at(begin, "two hexadecimal digits belong after \\x");
    default: return fail_at(begin, "no such escape");
  }
}

}  // namespace vs::filter
