// What is wrong with a document, and where: every problem at once, never only the first.
//
// A pointer is RFC 6901, relative to the document ("/spec/rules/0/effect"); lines and columns count
// from 1, columns in bytes. Immutable values and pure functions; thread-safe.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

#include "base/result.h"

namespace vs {

// A place in a file that an operator wrote. `file` is the name the client sent, for people to read;
// never opened.
struct Source {
  std::string file;
  int line = 0;
  int column = 0;
  friend bool operator==(const Source&, const Source&) = default;
};

struct Problem {
  std::string pointer;
  std::string message;           // lower case, names the value
  std::string hint;              // "did you mean ..."; may be empty
  std::optional<Source> source;  // known for what came from a file
  bool at_key = false;           // the key is wrong (unknown, too long), not its value
  std::string code;              // stable word for programs: "unknown_key", "not_found"; may be empty
  friend bool operator==(const Problem&, const Problem&) = default;
};

inline constexpr std::size_t kProblemsMax =
    100;  // of one request; then one that says how many more

using Sources = std::map<std::string, Source>;  // pointer -> where it was written

// "demo.yaml:12:5".
std::string to_string(const Source& source);

// Where `pointer` was written, or else the nearest thing around it that was.
std::optional<Source> nearest_source(const Sources& sources, std::string_view pointer);

// By file, line and column; those without a place last. Keeps the order of problems of one place.
void sort_problems(std::vector<Problem>& problems);

// Keeps the first kProblemsMax and adds one that says how many more there were.
void limit_problems(std::vector<Problem>& problems);

// The only problem, or how many there are: what stands in Error::message, in front of the list.
std::string summary_of(const std::vector<Problem>& problems);

// Why a document or a request was not taken: the kind and a summary, and the list behind it.
struct Refusal {
  Error error;
  std::vector<Problem> problems;
  std::string code;  // stable word for programs ("version_mismatch"); empty: the error's kind says all
};

// A value made from checked input, or the reasons why not.
template <class T = void>
class [[nodiscard]] Checked : public tl::expected<T, Refusal> {
 public:
  using Base = tl::expected<T, Refusal>;
  using Base::Base;
  Checked() = default;
  Checked(Base base) : Base(std::move(base)) {}
};

inline tl::unexpected<Refusal> refuse(ErrorCode code, std::string message,
                                      std::vector<Problem> problems = {}) {
  return tl::unexpected<Refusal>(Refusal{Error{code, std::move(message)}, std::move(problems), {}});
}
inline tl::unexpected<Refusal> refuse(Error error) {
  return tl::unexpected<Refusal>(Refusal{std::move(error), {}, {}});
}

}  // namespace vs
