#include "vsmgrd/api/problem_details.h"

#include <nlohmann/json.hpp>

#include "vsmgrd/model/codec.h"

namespace vs::http {
namespace {

inline constexpr std::string_view kRetryAfterSeconds = "1";

}  // namespace

Response problem_response(const ProblemDetails& problem, std::string_view request_id) {
  const std::string word = problem.word.empty() ? std::string(to_string(problem.code)) : problem.word;
  nlohmann::json body{{"type", "urn:vservices:problem:" + word},
                      {"title", reason_phrase(problem.status)},
                      {"status", problem.status},
                      {"code", word},
                      {"detail", problem.detail},
                      {"requestId", request_id}};
  for (const vs::Problem& error : problem.errors) body["errors"].push_back(encode(error));
  if (!problem.hint.empty()) body["hint"] = problem.hint;
  if (!problem.current_etag.empty()) body["currentETag"] = problem.current_etag;

  Response response = json_response(problem.status, body);
  response.content_type = "application/problem+json";
  response.headers.emplace_back("X-Request-Id", request_id);
  if (!problem.current_etag.empty()) response.headers.emplace_back("ETag", problem.current_etag);
  if (problem.status == 503) response.headers.emplace_back("Retry-After", kRetryAfterSeconds);
  return response;
}

ProblemDetails read_problem(const Error& error) {
  return {http_status(error.code), error.code, error.message};
}

ProblemDetails invalid_problem(const Refusal& refusal) {
  return {.status = http_status(refusal.error.code),
          .code = refusal.error.code,
          .detail = refusal.error.message,
          .errors = refusal.problems,
          .word = refusal.code};
}

ProblemDetails write_problem(const Refusal& refusal) {
  return {.status = refusal.code == "key_reused" ? 422 : write_status(refusal.error.code),
          .code = refusal.error.code,
          .detail = refusal.error.message,
          .errors = refusal.problems,
          .word = refusal.code};
}

}  // namespace vs::http
