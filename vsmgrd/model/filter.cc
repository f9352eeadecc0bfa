#include "vsmgrd/model/filter.h"

#include <array>
#include <charconv>
#include <cmath>
#include <optional>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "vsmgrd/model/codec.h"
#include "vsmgrd/model/text_scanner.h"

namespace vs {
namespace {

using nlohmann::json;
using Operator = Filter::Operator;

constexpr std::array<std::pair<std::string_view, Operator>, 6> kOperators{
    {{"eq", Operator::eq}, {"ne", Operator::ne}, {"gt", Operator::gt},
     {"ge", Operator::ge}, {"lt", Operator::lt}, {"le", Operator::le}}};

bool is_member_byte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '-' || c == '/' || c == '$';
}

// Reads one expression into terms; each function takes what its rule of the grammar names.
class FilterParser {
 public:
  FilterParser(std::string_view title, std::string_view text) : text_(title, text) {}

  Checked<std::vector<Filter::Term>> parse() {
    if (text_.rest().size() > kFilterBytesMax)
      return text_.refuse_at(kFilterBytesMax, fmt::format("longer than {} bytes", kFilterBytesMax));
    text_.skip_blanks();
    if (text_.at_end()) return std::move(terms_);
    if (auto done = any(0); !done) return tl::unexpected(std::move(done.error()));
    text_.skip_blanks();
    if (!text_.at_end())
      return text_.refuse_here("expected and, or, or the end, not " + text_.found());
    return std::move(terms_);
  }

 private:
  Checked<> any(int depth) {
    if (auto done = all(depth); !done) return done;
    while (take_word("or")) {
      if (auto done = all(depth); !done) return done;
      terms_.emplace_back(Filter::Logic::either);
    }
    return {};
  }

  Checked<> all(int depth) {
    if (auto done = one(depth); !done) return done;
    while (take_word("and")) {
      if (auto done = one(depth); !done) return done;
      terms_.emplace_back(Filter::Logic::both);
    }
    return {};
  }

  Checked<> one(int depth) {
    text_.skip_blanks();
    if (depth > kFilterDepthMax)
      return text_.refuse_here(fmt::format("nested deeper than {}", kFilterDepthMax));
    if (take_word("not")) {
      if (auto done = one(depth + 1); !done) return done;
      terms_.emplace_back(Filter::Logic::inverse);
      return {};
    }
    if (!text_.take("(")) return comparison();
    if (auto done = any(depth + 1); !done) return done;
    text_.skip_blanks();
    if (text_.take(")")) return {};
    return text_.refuse_here("expected and, or, or ), not " + text_.found());
  }

  Checked<> comparison() {
    auto members = path();
    if (!members) return tl::unexpected(std::move(members.error()));
    auto how = comparator();
    if (!how) return tl::unexpected(std::move(how.error()));
    text_.skip_blanks();
    const std::size_t at = text_.at();
    auto what = value();
    if (!what) return tl::unexpected(std::move(what.error()));
    const bool ordered = *how != Operator::eq && *how != Operator::ne;
    if (ordered && (std::holds_alternative<bool>(*what) || what->index() == 0))
      return text_.refuse_at(at, "true, false and null have no order: only eq and ne");
    terms_.emplace_back(Filter::Comparison{std::move(*members), *how, std::move(*what)});
    return {};
  }

  Checked<std::vector<std::string>> path() {
    std::vector<std::string> members;
    do {
      const std::string_view member = text_.take_while(is_member_byte);
      if (member.empty())
        return text_.refuse_here("expected a path such as spec.domain, not " + text_.found());
      if (members.size() == kFilterPathMembersMax)
        return text_.refuse_here(fmt::format("a path of more than {} members", kFilterPathMembersMax));
      members.emplace_back(member);
    } while (text_.take("."));
    return members;
  }

  Checked<Operator> comparator() {
    text_.skip_blanks();
    const std::size_t at = text_.at();
    const std::string_view word = text_.take_while(is_member_byte);
    for (const auto& [name, known] : kOperators)
      if (word == name) return known;
    const std::string found = word.empty() ? text_.found() : in_quotes(word);
    return text_.refuse_at(at, "expected an operator, not " + found,
                           "operators are eq ne gt ge lt le");
  }

  Checked<Filter::Value> value() {
    text_.skip_blanks();
    const char first = text_.peek();
    if (first == '\'' || first == '"') {
      auto quoted = text_.take_quoted();
      if (!quoted) return tl::unexpected(std::move(quoted.error()));
      return Filter::Value(std::move(*quoted));
    }
    const std::size_t at = text_.at();
    const std::string_view word =
        text_.take_while([](char c) { return is_member_byte(c) || c == '.' || c == '+'; });
    if (word == "true" || word == "false") return Filter::Value(word == "true");
    if (word == "null") return Filter::Value(nullptr);
    double number = 0;
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), number);
    if (!word.empty() && error == std::errc{} && end == word.data() + word.size() &&
        std::isfinite(number))
      return Filter::Value(number);
    const std::string found = word.empty() ? text_.found() : in_quotes(word);
    return text_.refuse_at(at, "expected a value, not " + found,
                           "text stands in quotes: 'web1'");
  }

  bool take_word(std::string_view word) {
    text_.skip_blanks();
    const std::string_view rest = text_.rest();
    if (!rest.starts_with(word)) return false;
    if (rest.size() > word.size() && (is_member_byte(rest[word.size()]) || rest[word.size()] == '.'))
      return false;  // the beginning of a path
    text_.skip(word.size());
    return true;
  }

  TextScanner text_;
  std::vector<Filter::Term> terms_;
};

template <class T>
bool compare(Operator op, const T& left, const T& right) {
  switch (op) {
    case Operator::eq: return left == right;
    case Operator::ne: return !(left == right);
    case Operator::gt: return left > right;
    case Operator::ge: return left >= right;
    case Operator::lt: return left < right;
    case Operator::le: return left <= right;
  }
  __builtin_unreachable();
}

// Whether `found` compares as asked; of another type, it is only not equal.
bool fits(const Filter::Comparison& asked, const json& found) {
  const bool differs = asked.op == Operator::ne;
  if (const auto* text = std::get_if<std::string>(&asked.value))
    return found.is_string() ? compare(asked.op, found.get_ref<const std::string&>(), *text)
                             : differs;
  if (const auto* number = std::get_if<double>(&asked.value))
    return found.is_number() ? compare(asked.op, found.get<double>(), *number) : differs;
  if (const auto* truth = std::get_if<bool>(&asked.value))
    return found.is_boolean() ? compare(asked.op, found.get<bool>(), *truth) : differs;
  return found.is_null() != differs;
}

std::optional<std::size_t> index_of(const std::string& member) {
  std::size_t index = 0;
  const auto [end, error] = std::from_chars(member.data(), member.data() + member.size(), index);
  if (error != std::errc{} || end != member.data() + member.size()) return std::nullopt;
  return index;
}

bool fits_below(const Filter::Comparison& asked, const json& at, std::size_t depth) {
  if (depth == asked.path.size() && !at.is_array()) return fits(asked, at);
  if (at.is_array()) {
    if (depth < asked.path.size())
      if (const auto index = index_of(asked.path[depth]))
        return *index < at.size() ? fits_below(asked, at[*index], depth + 1) : fits(asked, nullptr);
    if (at.empty()) return fits(asked, nullptr);
    for (const json& member : at)
      if (fits_below(asked, member, depth)) return true;
    return false;
  }
  if (!at.is_object()) return fits(asked, nullptr);
  const auto found = at.find(asked.path[depth]);
  return found == at.end() ? fits(asked, nullptr) : fits_below(asked, *found, depth + 1);
}

}  // namespace

Checked<Filter> Filter::parse(std::string_view text, std::string_view title) {
  auto terms = FilterParser(title, text).parse();
  if (!terms) return tl::unexpected(std::move(terms.error()));
  Filter filter;
  filter.terms_ = std::move(*terms);
  return filter;
}

bool Filter::matches(const json& object) const {
  std::vector<bool> yielded;
  for (const Term& term : terms_) {
    if (const auto* asked = std::get_if<Comparison>(&term)) {
      yielded.push_back(fits_below(*asked, object, 0));
      continue;
    }
    const Logic logic = std::get<Logic>(term);
    const bool last = yielded.back();
    if (logic == Logic::inverse) {
      yielded.back() = !last;
      continue;
    }
    yielded.pop_back();
    yielded.back() = logic == Logic::both ? yielded.back() && last : yielded.back() || last;
  }
  return yielded.empty() || yielded.back();
}

}  // namespace vs
