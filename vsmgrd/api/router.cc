#include "vsmgrd/api/router.h"

#include <exception>
#include <optional>
#include <utility>

#include "base/log.h"
#include "vsmgrd/api/access.h"
#include "vsmgrd/api/problem_details.h"
#include "vsmgrd/api/wire.h"

namespace vs::http {
namespace {

inline constexpr std::string_view kParameter = "{name}";
inline constexpr std::string_view kDryRun = "dryRun";

// Whether `path` has the form of `route`; its parameter, if it has one, into `name`.
bool fits(std::string_view route, const std::vector<std::string>& path, std::string_view& name) {
  for (const std::string& segment : path) {
    if (!route.starts_with('/')) return false;
    route.remove_prefix(1);
    const std::string_view part = route.substr(0, route.find('/'));
    route.remove_prefix(part.size());
    if (part == kParameter && !segment.empty())
      name = segment;
    else if (part != segment)
      return false;
  }
  return route.empty();
}

Response refuse(const Request& request, int status, ErrorCode code, std::string detail) {
  return problem_response({status, code, std::move(detail)}, request.id);
}

Response wrong_method(const Request& request, const std::string& allow) {
  Response response =
      refuse(request, 405, ErrorCode::invalid,
             "method " + request.method + ": not on this path, which takes " + allow);
  response.headers.emplace_back("Allow", allow);
  return response;
}

bool is_json(std::string_view content_type) {
  content_type = content_type.substr(0, content_type.find(';'));
  while (content_type.ends_with(' ')) content_type.remove_suffix(1);
  return same_word(content_type, "application/json");
}

// What is wrong with the request for this route; nullopt when it may be handled.
std::optional<Response> check(const Route& route, const Request& request) {
  for (const auto& [key, value] : request.query) {
    if (key != kDryRun || !route.writes)
      return refuse(request, 400, ErrorCode::invalid,
                    "query parameter \"" + key + "\": unknown here");
    if (value != "true" && value != "false")
      return refuse(request, 400, ErrorCode::invalid, "query parameter dryRun: true or false");
  }
  if (!route.takes_body) {
    if (request.body.empty()) return std::nullopt;
    return refuse(request, 400, ErrorCode::invalid, "this request takes no body");
  }
  if (is_json(request.header("content-type"))) return std::nullopt;
  return refuse(request, 415, ErrorCode::invalid, "Content-Type: must be application/json");
}

Response call(const Route& route, const Request& request, std::string_view name) try {
  if (auto refused = check(route, request)) return std::move(*refused);
  const auto dry_run = request.query.find(kDryRun);
  return route.handle({.request = request,
                       .name = name,
                       .dry_run = dry_run != request.query.end() && dry_run->second == "true"});
} catch (const std::exception& problem) {
  log::error("api.failed",
             {{"what", problem.what()}, {"route", route.path}, {"request", request.id}});
  return refuse(request, 500, ErrorCode::internal, "the request failed; the daemon's log says why");
}

}  // namespace

void Router::add(Route route) { routes_.push_back(std::move(route)); }

Router::Answer Router::answer(const Request& request) const {
  const std::string_view method =
      request.method == "HEAD" ? std::string_view("GET") : request.method;
  std::string allow;
  std::string_view found = kUnmatched;
  for (const Route& route : routes_) {
    std::string_view name;
    if (!fits(route.path, request.path, name)) continue;
    if (route.method == method) return {route.path, route.writes, call(route, request, name)};
    found = route.path;
    if (!allow.empty()) allow += ", ";
    allow += route.method == "GET" ? "GET, HEAD" : route.method;
  }
  const bool writes = !reads_only(request.method);
  if (!allow.empty()) return {found, writes, wrong_method(request, allow)};
  return {kUnmatched, writes,
          refuse(request, 404, ErrorCode::not_found, "no such path: " + request.target)};
}

}  // namespace vs::http
