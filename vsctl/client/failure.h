// Why a command did not succeed: how vsctl is to end, a sentence, and every single problem behind
// it.
//
// Immutable values.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <tl/expected.hpp>

#include "base/result.h"
#include "vsctl/exit_codes.h"

namespace vs::ctl {

// One fault in what was sent. Lines and columns count from 1; `file` is empty when no file is
// behind it.
struct Problem {
  std::string pointer;  // RFC 6901, within the document
  std::string message;
  std::string hint;
  std::string file;
  int line = 0;
  int column = 0;
  friend bool operator==(const Problem&, const Problem&) = default;
};

struct Failure {
  ExitCode exit = ExitCode::internal;
  std::string message;  // lower case, no final stop, names the object
  std::vector<Problem> problems;
};

// A value, or the reason why there is none.
template <class T = void>
class [[nodiscard]] Outcome : public tl::expected<T, Failure> {
 public:
  using Base = tl::expected<T, Failure>;
  using Base::Base;
  Outcome() = default;
  Outcome(Base base) : Base(std::move(base)) {}
};

inline tl::unexpected<Failure> give_up(Failure failure) {
  return tl::unexpected<Failure>(std::move(failure));
}
inline tl::unexpected<Failure> give_up(ExitCode exit, std::string message) {
  return give_up(Failure{exit, std::move(message), {}});
}
inline tl::unexpected<Failure> give_up(Error error) {
  return give_up(exit_code_of(error.code), std::move(error.message));
}

// What an answer that is no success says: application/problem+json in full, anything else by its
// status alone.
Failure refusal_of(int http_status, std::string_view content_type, std::string_view body);

}  // namespace vs::ctl
