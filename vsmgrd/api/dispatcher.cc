#include "vsmgrd/api/dispatcher.h"

#include <algorithm>
#include <array>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/log.h"
#include "vsmgrd/api/access.h"
#include "vsmgrd/api/listening.h"
#include "vsmgrd/api/problem_details.h"

namespace vs::http {
namespace {

constexpr std::array<std::string_view, 6> kMethods{"GET", "HEAD", "PUT", "PATCH", "POST", "DELETE"};

std::string_view known_method(std::string_view method) {
  return std::find(kMethods.begin(), kMethods.end(), method) == kMethods.end() ? "other" : method;
}

void log_change(const Request& request, int status) {
  log::info("api.changed", {{"who", request.identity.principal},
                            {"channel", name_of(request.identity.channel)},
                            {"method", request.method},
                            {"path", request.target},
                            {"status", status},
                            {"request", request.id}});
}

Response not_identified(const Request& request, const Access::Refused& refused) {
  const ErrorCode code = refused.status == 429 ? ErrorCode::exhausted : ErrorCode::denied;
  Response response = problem_response({refused.status, code, refused.why}, request.id);
  if (refused.status == 401) response.headers.emplace_back("WWW-Authenticate", "Bearer");
  if (refused.retry_after.count() > 0)
    response.headers.emplace_back("Retry-After", std::to_string(refused.retry_after.count()));
  return response;
}

}  // namespace

Dispatcher::Dispatcher(Router router, Access& access, const Clock& clock, OnRequest on_request,
                       RefusalLog* refusals)
    : router_(std::move(router)),
      access_(access),
      clock_(clock),
      on_request_(std::move(on_request)),
      refusals_(refusals) {}

Router::Answer Dispatcher::answer(Request& request) const {
  const bool writes = !reads_only(request.method);
  auto identity = access_.identify(request);
  request.headers.erase("authorization");  // a secret: nobody else needs it
  if (!identity) {
    request.identity = {.principal = "nobody at " + client_key(request.origin),
                        .channel = request.origin.channel};
    return {kUnmatched, writes, not_identified(request, identity.error())};
  }
  request.identity = std::move(*identity);
  request.still = [access = &access_, who = request.identity, origin = request.origin] {
    return access->still(who, origin);
  };
  auto target = parse_target(request.target);
  if (!target)
    return {kUnmatched, writes, problem_response(read_problem(target.error()), request.id)};
  request.path = std::move(target->path);
  request.query = std::move(target->query);
  if (request.origin.channel == Channel::metrics && request.path != std::vector<std::string>{"metrics"})
    return {kUnmatched, writes,
            problem_response({404, ErrorCode::not_found, "only /metrics is served here"}, request.id)};
  return router_.answer(request);
}

// What is known of a request when its handler has run.
struct Dispatcher::Begun {
  std::chrono::steady_clock::time_point at;
  Request request;
  std::string route;
  bool writes = false;
};

void Dispatcher::finish(const Begun& begun, Response& response) const {
  if (!response.content_type.starts_with("application/problem"))  // those carry it already
    response.headers.emplace_back("X-Request-Id", begun.request.id);
  response.headers.emplace_back("Cache-Control", "no-store");
  if (begun.writes) log_change(begun.request, response.status);
  note_refusal(begun, response);
  if (on_request_)
    on_request_(known_method(begun.request.method), begun.route, response.status,
                clock_.now() - begun.at);
}

void Dispatcher::note_refusal(const Begun& begun, const Response& response) const {
  if (refusals_ == nullptr) return;
  if (response.status != 401 && response.status != 403 && response.status != 429)
    return refusals_->tick();
  const Request& request = begun.request;
  const auto problem = nlohmann::json::parse(response.body, nullptr, false);
  const auto word = [&](const char* member) {
    return problem.is_object() ? problem.value(member, std::string()) : std::string();
  };
  refusals_->add({.actor = {.principal = request.identity.principal,
                            .role = std::string(name_of(request.identity.role)),
                            .channel = std::string(name_of(request.identity.channel)),
                            .request_id = request.id},
                  .client = client_key(request.origin),
                  .verb = std::string(known_method(request.method)) + ' ' + begun.route,
                  .name = request.path.size() == 3 ? request.path[2] : std::string(),
                  .status = response.status,
                  .code = word("code"),
                  .message = word("detail")});
}

Response Dispatcher::handle(Request request) const {
  Begun begun{.at = clock_.now()};
  request.id = request_id(request.header("x-request-id"));
  Router::Answer answered = answer(request);
  begun.request = std::move(request);
  begun.route = answered.route;
  begun.writes = answered.writes;
  Response& response = answered.response;
  if (!response.later) {
    finish(begun, response);
    return std::move(response);
  }
  return {.later = [this, begun = std::move(begun),
                    later = std::move(response.later)](Response::Answer answer) {
    later([this, begun, answer = std::move(answer)](Response known) {
      finish(begun, known);
      answer(std::move(known));
    });
  }};
}

}  // namespace vs::http
