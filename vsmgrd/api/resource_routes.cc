#include <utility>

#include <nlohmann/json.hpp>

#include "vsmgrd/api/body.h"
#include "vsmgrd/api/etag.h"
#include "vsmgrd/api/problem_details.h"
#include "vsmgrd/api/routes.h"
#include "vsmgrd/model/codec.h"

namespace vs::http {
namespace {

using nlohmann::json;
using IfMatch = Conditions::IfMatch;
using Expect = Precondition::Expect;

// The kind and the name a call is about, and the store that holds it.
struct ResourceCall {
  Store& store;
  const BindingLive& binding_live;
  Kind kind;
  const Call& call;

  [[nodiscard]] std::string words() const {
    return std::string(name_of(kind)) + ' ' + std::string(call.name);
  }
  [[nodiscard]] Response refuse(const ProblemDetails& problem) const {
    return problem_response(problem, call.request.id);
  }
  // 428 or 412, with the tag of what is there.
  [[nodiscard]] Response refuse_unmet(int status, const View& current) const {
    const std::string etag = format_etag(current.resource.metadata.resource_version);
    std::string detail = words() + (status == 428 ? " is there: changing it needs If-Match, now "
                                                  : " is not as expected: its ETag is now ");
    return refuse({status, ErrorCode::conflict, std::move(detail) + etag, {}, etag});
  }
  [[nodiscard]] Response refuse_absent(int status) const {
    const ErrorCode code = status == 404 ? ErrorCode::not_found : ErrorCode::conflict;
    return refuse({status, code, words() + ": is not there"});
  }
};

Response list(const Store& store, Kind kind, const Call& call) {
  // The version first: the list may then hold newer things, but never miss one.
  const auto version = store.resource_version();
  if (!version) return problem_response(read_problem(version.error()), call.request.id);
  const auto views = store.list(kind);
  if (!views) return problem_response(read_problem(views.error()), call.request.id);
  json items = json::array();
  for (const View& view : *views) items.push_back(vs::encode(view));
  return json_response(
      200, {{"items", std::move(items)}, {"metadata", {{"resourceVersion", *version}}}});
}

Response get(const ResourceCall& on) {
  const auto view = on.store.get(on.kind, on.call.name);
  if (!view) return on.refuse(read_problem(view.error()));
  json document = vs::encode(*view);
  if (on.kind == Kind::binding && on.binding_live)
    if (json live = on.binding_live(view->resource.metadata.name); !live.is_null())
      document["status"]["live"] = std::move(live);
  Response response = json_response(200, std::move(document));
  response.headers.emplace_back("ETag", format_etag(view->resource.metadata.resource_version));
  return response;
}

Checked<Resource> document_of(const ResourceCall& on) {
  auto body = parse_body(on.call.request.body);
  if (!body) return tl::unexpected(std::move(body.error()));
  auto resource = decode(*body);
  if (!resource) return resource;
  std::vector<Problem> problems;
  if (resource->kind() != on.kind)
    problems.push_back({"/kind", "must be " + std::string(name_of(on.kind)) + " on this path"});
  if (resource->metadata.name != on.call.name)
    problems.push_back({"/metadata/name", "must be the path's name, " + in_quotes(on.call.name)});
  if (!problems.empty()) return refuse_body(std::move(problems));
  return resource;
}

// What the store is to expect; or the answer, when it is known without asking for the change.
tl::expected<Precondition, Response> expectation(const ResourceCall& on,
                                                 const Conditions& conditions, int absent_status) {
  if (conditions.if_match == IfMatch::version)
    return Precondition{Expect::version, conditions.version};
  const auto current = on.store.get(on.kind, on.call.name);
  if (!current && current.error().code == ErrorCode::not_found)
    return tl::unexpected(on.refuse_absent(absent_status));
  if (!current) return tl::unexpected(on.refuse(read_problem(current.error())));
  // Any version: the one that is there now, so that what another changes meanwhile is not lost.
  if (conditions.if_match == IfMatch::any)
    return Precondition{Expect::version, current->resource.metadata.resource_version};
  return tl::unexpected(
      on.refuse_unmet(conditions.if_match == IfMatch::absent ? 428 : 412, *current));
}

// The store found another version than was expected: says which.
Response unmet(const ResourceCall& on, int status, const Error& error) {
  const auto current = on.store.get(on.kind, on.call.name);
  if (current) return on.refuse_unmet(status, *current);
  if (current.error().code == ErrorCode::not_found) return on.refuse_absent(412);
  return on.refuse({status, ErrorCode::conflict, error.message});
}

Response written(const ResourceCall& on, const ApplyOutcome& outcome) {
  Response response = json_response(200, encode(outcome));
  if (on.call.dry_run || outcome.changes.empty()) return response;
  std::int64_t version = outcome.resource_version;
  switch (outcome.changes.front().action) {
    case Action::deleted: return response;
    case Action::created:
      response.status = 201;
      response.headers.emplace_back(
          "Location", "/v1/" + std::string(plural_of(on.kind)) + '/' + std::string(on.call.name));
      break;
    case Action::updated: break;
    case Action::unchanged:
      const auto view = on.store.get(on.kind, on.call.name);
      if (!view) return response;  // gone since: no tag to give
      version = view->resource.metadata.resource_version;
  }
  response.headers.emplace_back("ETag", format_etag(version));
  return response;
}

Response put(const ResourceCall& on) {
  const auto conditions = parse_conditions(on.call.request);
  if (!conditions) return on.refuse(read_problem(conditions.error()));
  auto document = document_of(on);
  if (!document) return on.refuse(invalid_problem(document.error()));

  Precondition expected{Expect::absent};
  if (conditions->if_match != IfMatch::absent) {
    auto found = expectation(on, *conditions, 412);
    if (!found) return std::move(found.error());
    expected = *found;
  }
  const auto outcome = on.store.put(std::move(*document), expected, {.dry_run = on.call.dry_run});
  if (outcome) return written(on, *outcome);
  const Error& error = outcome.error().error;
  if (error.code == ErrorCode::not_found) return on.refuse_absent(412);
  if (error.code != ErrorCode::conflict) return on.refuse(write_problem(outcome.error()));
  const bool unconditional = conditions->if_match == IfMatch::absent && !conditions->create_only;
  return unmet(on, unconditional ? 428 : 412, error);
}

Response remove(const ResourceCall& on) {
  const auto conditions = parse_conditions(on.call.request);
  if (!conditions) return on.refuse(read_problem(conditions.error()));
  if (conditions->create_only)
    return on.refuse({400, ErrorCode::invalid, "If-None-Match: means nothing with DELETE"});
  auto expected = expectation(on, *conditions, 404);
  if (!expected) return std::move(expected.error());
  const auto outcome =
      on.store.remove(on.kind, on.call.name, *expected, {.dry_run = on.call.dry_run});
  if (outcome) return written(on, *outcome);
  const auto& [error, dependants] = outcome.error();
  if (error.code == ErrorCode::not_found) return on.refuse_absent(404);
  if (error.code == ErrorCode::conflict && dependants.empty()) return unmet(on, 412, error);
  return on.refuse(write_problem(outcome.error()));
}

}  // namespace

void add_resource_routes(Router& router, Store& store, const BindingLive& binding_live) {
  for (const Kind kind : kKinds) {
    const std::string all = "/v1/" + std::string(plural_of(kind));
    const std::string one = all + "/{name}";
    const auto with = [&store, binding_live, kind](Response (*act)(const ResourceCall&)) {
      return [&store, binding_live, kind, act](const Call& call) {
        return act({store, binding_live, kind, call});
      };
    };
    router.add({.method = "GET", .path = all, .handle = [&store, kind](const Call& call) {
                  return list(store, kind, call);
                }});
    router.add({.method = "GET", .path = one, .handle = with(get)});
    router.add(
        {.method = "PUT", .path = one, .handle = with(put), .takes_body = true, .writes = true});
    router.add({.method = "DELETE", .path = one, .handle = with(remove), .writes = true});
  }
}

}  // namespace vs::http
