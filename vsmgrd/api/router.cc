#include "vsmgrd/api/router.h"

#include <algorithm>
#include <exception>
#include <optional>
#include <utility>

#include "base/log.h"
#include "vsmgrd/api/access.h"
#include "vsmgrd/api/problem_details.h"
#include "vsmgrd/api/wire.h"
#include "vsmgrd/model/codec.h"

namespace vs::http {
namespace {

inline constexpr std::string_view kDryRun = "dryRun";

// Whether `segment` fits the template's `part`; what stands for its parameter into `name`.
bool fits_part(std::string_view part, std::string_view segment, std::string_view& name) {
  const std::size_t end = part.find('}');
  if (!part.starts_with('{') || end == std::string_view::npos) return part == segment;
  const std::string_view verb = part.substr(end + 1);
  if (!segment.ends_with(verb) || segment.size() == verb.size()) return false;
  name = segment.substr(0, segment.size() - verb.size());
  return true;
}

// Whether `path` has the form of `route`; its parameter, if it has one, into `name`.
bool fits(std::string_view route, const std::vector<std::string>& path, std::string_view& name) {
  for (const std::string& segment : path) {
    if (!route.starts_with('/')) return false;
    route.remove_prefix(1);
    const std::string_view part = route.substr(0, route.find('/'));
    route.remove_prefix(part.size());
    if (!fits_part(part, segment, name)) return false;
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

// Every fault of the query at once.
std::vector<Problem> query_problems(const Route& route, const Request& request) {
  std::vector<Problem> problems;
  for (const auto& [key, value] : request.query) {
    if (key == kDryRun && route.writes) {
      if (value != "true" && value != "false")
        problems.push_back({.message = "query parameter dryRun: true or false"});
      continue;
    }
    if (std::find(route.query.begin(), route.query.end(), key) != route.query.end()) continue;
    std::vector<std::string> known = route.query;
    if (route.writes) known.emplace_back(kDryRun);
    problems.push_back({.message = "query parameter " + in_quotes(key) + ": unknown here",
                        .hint = did_you_mean(key, known)});
  }
  return problems;
}

// What is wrong with the request for this route; nullopt when it may be handled.
std::optional<Response> check(const Route& route, const Request& request) {
  if (auto problems = query_problems(route, request); !problems.empty()) {
    std::string summary = summary_of(problems);
    return problem_response({400, ErrorCode::invalid, std::move(summary), std::move(problems)},
                            request.id);
  }
  if (!route.takes_body) {
    // Clients that always send JSON with a POST send an empty object.
    if (request.body.empty() || (route.method == "POST" && request.body == "{}")) return std::nullopt;
    return refuse(request, 400, ErrorCode::invalid, "this request takes no body");
  }
  const std::string wanted =
      route.method == "PATCH" ? "application/merge-patch+json" : "application/json";
  const std::string_view sent = request.header("content-type");
  if (is_media_type(sent, wanted)) return std::nullopt;
  if (route.takes_yaml && is_media_type(sent, kYamlType)) return std::nullopt;
  return refuse(request, 415, ErrorCode::invalid,
                "Content-Type: must be " + wanted +
                    (route.takes_yaml ? " or " + std::string(kYamlType) : std::string()));
}

// The refusal of who may not use the route; nullopt when it may.
std::optional<Response> check_role(const Route& route, const Request& request) {
  const Identity& identity = request.identity;
  const auto denied = [&](const std::string& why) {
    return refuse(request, 403, ErrorCode::denied, request.method + ' ' + route.path + why);
  };
  if (!identity.may(route.needs)) {
    return denied(" needs role " + std::string(name_of(route.needs)) + "; " + identity.principal +
                  " has role " + std::string(name_of(identity.role)));
  }
  if (route.node_wide && identity.scoped())
    return denied(" is about the whole node; " + identity.principal + " has a scope");
  return std::nullopt;
}

Response call(const Route& route, const Request& request, std::string_view name) try {
  if (auto refused = check_role(route, request)) return std::move(*refused);
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

std::optional<std::string_view> Call::parameter(std::string_view of) const {
  const auto found = request.query.find(of);
  if (found == request.query.end()) return std::nullopt;
  return found->second;
}

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
