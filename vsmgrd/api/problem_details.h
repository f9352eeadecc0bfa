// How errors leave the daemon: one place that maps kinds to HTTP and writes
// application/problem+json (RFC 9457).
//
// Body: {type, title, status, code, detail, errors[{pointer, message, hint, source{file, line,
// column}}], requestId}; `code` is a stable word: the ErrorCode's, or
// a narrower one (each is listed in openapi.yaml); `errors` is there when there is a list;
// currentETag, and the header ETag, when a precondition was not met and there is one. Pure,
// thread-safe.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "vsmgrd/api/http.h"
#include "vsmgrd/model/problem.h"

namespace vs::http {

constexpr int http_status(ErrorCode code) {
  switch (code) {
    case ErrorCode::invalid: return 400;
    case ErrorCode::denied: return 403;
    case ErrorCode::not_found: return 404;
    case ErrorCode::conflict: return 409;
    case ErrorCode::exhausted: return 429;
    case ErrorCode::unavailable: return 503;
    case ErrorCode::internal: return 500;
  }
  __builtin_unreachable();
}

// For what the store refused to write: exhausted means that the disk (or the table) is full, not
// that the client hurries.
constexpr int write_status(ErrorCode code) {
  return code == ErrorCode::exhausted ? 507 : http_status(code);
}

struct ProblemDetails {
  int status = 500;
  ErrorCode code = ErrorCode::internal;
  std::string detail;                 // one sentence, may name the object
  std::vector<vs::Problem> errors{};  // every fault found, may be empty
  std::string current_etag{};         // of the object that was not as expected; may be empty
  std::string word{};                 // narrower than `code`: "stale", "gone"; empty: that of `code`
  std::string hint{};                 // what to do about it; may be empty
};

Response problem_response(const ProblemDetails& problem, std::string_view request_id);

// An error of a read, a refused document, a failed write.
ProblemDetails read_problem(const Error& error);
ProblemDetails invalid_problem(const Refusal& refusal);
ProblemDetails write_problem(const Refusal& refusal);

}  // namespace vs::http
