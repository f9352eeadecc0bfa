// Which objects are meant, by what is in them: "status.state eq 'Bound' and not (spec.domain eq 'web1')".
//
//   any        = all *("or" all)
//   all        = one *("and" one)
//   one        = "not" one | "(" any ")" | path operator value
//   operator   = "eq" | "ne" | "gt" | "ge" | "lt" | "le"
//   path       = member *("." member)         into the object as JSON
//   value      = 'text' or "text" (its quote inside stands twice) | number | true | false | null
//
// Where a path meets a list it means each of its members, and one that fits is enough; a number picks one. Texts are
// ordered by their bytes, numbers by value; what is not there or is of another type equals nothing but null, and is
// neither less nor greater. "not" binds before "and", and that before "or". Immutable; thread-safe.
// Errors: invalid, with the column of the first fault.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "vsmgrd/model/problem.h"

namespace vs {

inline constexpr std::size_t kFilterBytesMax = 4096;
inline constexpr int kFilterDepthMax = 32;             // of parentheses and "not"
inline constexpr std::size_t kFilterPathMembersMax = 16;

class Filter {
 public:
  Filter() = default;  // everything
  // An empty text is everything. `title` is how problems call the text.
  static Checked<Filter> parse(std::string_view text, std::string_view title = "filter");

  [[nodiscard]] bool matches(const nlohmann::json& object) const;
  [[nodiscard]] bool everything() const { return terms_.empty(); }

  enum class Operator : std::uint8_t { eq, ne, gt, ge, lt, le };
  using Value = std::variant<std::nullptr_t, bool, double, std::string>;
  struct Comparison {
    std::vector<std::string> path;
    Operator op = Operator::eq;
    Value value;
  };
  // In the order of evaluation (reverse Polish): a comparison yields, the others combine what was
  // yielded.
  enum class Logic : std::uint8_t { both, either, inverse };
  using Term = std::variant<Comparison, Logic>;

 private:
  std::vector<Term> terms_;
};

}  // namespace vs
