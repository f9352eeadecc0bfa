// `-o jsonpath=TEMPLATE`: parts of a document as text, by the subset of kubectl's templates that scripts use.
//
// Text stands for itself; in braces stands a path from the document's root, .a.b[0].c, ['a key'], [-1] from
// the end, [*] every member, or a text in quotes ({"\n"}). Several values are joined by a space, a value that
// is not there is nothing, objects and lists are written as JSON. Immutable; thread-safe.
// Errors of parse(): invalid, with the place.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "base/result.h"

namespace vs::ctl {

inline constexpr std::size_t kJsonPathBytesMax = 4096;

class JsonPath {
 public:
  static Result<JsonPath> parse(std::string_view text);

  // Without a final newline. Control characters of values are written as elsewhere (text.h).
  [[nodiscard]] std::string apply(const nlohmann::json& document) const;

 private:
  struct Every {};
  using Step = std::variant<std::string, std::ptrdiff_t, Every>;  // a key, an index, [*]
  struct Part {
    std::string text;  // when `path` is false
    bool path = false;
    std::vector<Step> steps;
  };
  class Parser;
  // What a step leads to from each of `values`.
  static std::vector<const nlohmann::json*> inside(const std::vector<const nlohmann::json*>& values,
                                                   const Step& step);
  std::vector<Part> parts_;
};

}  // namespace vs::ctl
