// Result<T>: a value, or an Error of one of seven kinds with a sentence that names the object.
//
// Crosses every folder boundary instead of exceptions. Kinds map to the outside in one switch each: HTTP in vsmgrd/api,
// errno and ring status in dataplane/backend, exit codes in vsctl.
// Immutable values; safe to pass between threads.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include <tl/expected.hpp>

namespace vs {

enum class ErrorCode : std::uint8_t { invalid, denied, not_found, conflict, exhausted, unavailable, internal };

// The kind's name as it stands in JSON, logs and metrics.
constexpr std::string_view to_string(ErrorCode code) {
  switch (code) {
    case ErrorCode::invalid:     return "invalid";
    case ErrorCode::denied:      return "denied";
    case ErrorCode::not_found:   return "not_found";
    case ErrorCode::conflict:    return "conflict";
    case ErrorCode::exhausted:   return "exhausted";
    case ErrorCode::unavailable: return "unavailable";
    case ErrorCode::internal:    return "internal";
  }
  __builtin_unreachable();
}

struct Error {
  ErrorCode code;
  std::string message;  // lower case, no final stop, names the object

  // Puts what was being done in front: "bind web1: no such domain".
  [[nodiscard]] Error within(std::string_view doing) && {
    message.insert(0, std::string(doing) + ": ");
    return std::move(*this);
  }
  friend bool operator==(const Error&, const Error&) = default;
};

template <class T = void>
class [[nodiscard]] Result : public tl::expected<T, Error> {
 public:
  using Base = tl::expected<T, Error>;
  using Base::Base;
  Result() = default;
  Result(Base base) : Base(std::move(base)) {}
};

inline tl::unexpected<Error> fail(ErrorCode code, std::string message) {
  return tl::unexpected<Error>(Error{code, std::move(message)});
}
inline tl::unexpected<Error> fail(Error error) { return tl::unexpected<Error>(std::move(error)); }

// Fails with `what` and the text of `saved_errno`. Kind: by errno, `internal` unless listed.
tl::unexpected<Error> fail_errno(int saved_errno, std::string_view what);

}  // namespace vs
