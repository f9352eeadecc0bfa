#include "vsmgrd/api/dispatcher.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/log.h"
#include "vsmgrd/api/access.h"
#include "vsmgrd/api/problem_details.h"

namespace vs::http {
namespace {

constexpr std::array<std::string_view, 5> kMethods{"GET", "HEAD", "PUT", "POST", "DELETE"};

std::string_view known_method(std::string_view method) {
  return std::find(kMethods.begin(), kMethods.end(), method) == kMethods.end() ? "other" : method;
}

void log_change(const Request& request, int status) {
  const auto uid = request.peer ? static_cast<std::int64_t>(request.peer->uid) : -1;
  log::info("api.changed", {{"uid", uid},
                            {"method", request.method},
                            {"path", request.target},
                            {"status", status},
                            {"request", request.id}});
}

}  // namespace

Dispatcher::Dispatcher(Router router, uid_t owner, const Clock& clock, OnRequest on_request)
    : router_(std::move(router)),
      owner_(owner),
      clock_(clock),
      on_request_(std::move(on_request)) {}

Router::Answer Dispatcher::answer(Request& request) const {
  const bool writes = !reads_only(request.method);
  if (!allowed(request.peer, request.method, owner_)) {
    return {kUnmatched, writes,
            problem_response({403, ErrorCode::denied,
                              "method " + request.method +
                                  ": only root and the daemon's user may do more than read"},
                             request.id)};
  }
  auto target = parse_target(request.target);
  if (!target)
    return {kUnmatched, writes, problem_response(read_problem(target.error()), request.id)};
  request.path = std::move(target->path);
  request.query = std::move(target->query);
  return router_.answer(request);
}

Response Dispatcher::handle(Request request) const {
  const auto begun = clock_.now();
  request.id = request_id(request.header("x-request-id"));
  Router::Answer answered = answer(request);
  Response& response = answered.response;
  if (!response.content_type.starts_with("application/problem"))  // those carry it already
    response.headers.emplace_back("X-Request-Id", request.id);
  response.headers.emplace_back("Cache-Control", "no-store");
  if (answered.writes) log_change(request, response.status);
  if (on_request_)
    on_request_(known_method(request.method), answered.route, response.status,
                clock_.now() - begun);
  return std::move(response);
}

}  // namespace vs::http
