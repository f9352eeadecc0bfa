#include <utility>

#include <nlohmann/json.hpp>

#include "vsmgrd/api/body.h"
#include "vsmgrd/api/etag.h"
#include "vsmgrd/api/problem_details.h"
#include "vsmgrd/api/routes.h"
#include "vsmgrd/api/wire.h"
#include "vsmgrd/api/writing.h"
#include "vsmgrd/model/codec.h"
#include "vsmgrd/policy/loader.h"

namespace vs::http {
namespace {

using nlohmann::json;
using IfMatch = Conditions::IfMatch;
using Expect = Precondition::Expect;

// The kind and the name a call is about, and the store that holds it.
struct ResourceCall {
  Store& store;
  Waits& waits;
  const Live& live;
  Kind kind;
  const Call& call;

  [[nodiscard]] std::string words() const {
    return std::string(name_of(kind)) + ' ' + std::string(call.name);
  }
  [[nodiscard]] Response refuse(const ProblemDetails& problem) const {
    return problem_response(problem, call.request.id);
  }
  // The object, unless there is none that the identity may know of.
  [[nodiscard]] Result<View> view() const {
    auto found = store.get(kind, call.name);
    if (found && call.request.identity.sees(found->resource.metadata.labels)) return found;
    if (!found && found.error().code != ErrorCode::not_found) return found;
    return fail(ErrorCode::not_found, words() + ": is not there");
  }
  // 428 or 412, with the tag of what is there.
  [[nodiscard]] Response refuse_unmet(int status, const View& current) const {
    const std::string etag = format_etag(current.resource.metadata.resource_version);
    std::string detail = words() + (status == 428 ? " is there: changing it needs If-Match, now "
                                                  : " is not as expected: its ETag is now ");
    return refuse({.status = status,
                   .code = ErrorCode::conflict,
                   .detail = std::move(detail) + etag,
                   .current_etag = etag,
                   .word = status == 428 ? "if_match_required" : "stale"});
  }
  [[nodiscard]] Response refuse_absent(int status) const {
    const ErrorCode code = status == 404 ? ErrorCode::not_found : ErrorCode::conflict;
    return refuse({.status = status,
                   .code = code,
                   .detail = words() + ": is not there",
                   .word = status == 404 ? "not_found" : "stale"});
  }
};

// From memory; only what the object does now is asked of others, and may take until they answer.
Response get(const ResourceCall& on) {
  const auto wish = on.call.parameter("live").value_or("false");
  if (wish != "true" && wish != "false")
    return on.refuse({400, ErrorCode::invalid, "query parameter live: true or false"});
  const auto view = on.view();
  if (!view) return on.refuse(read_problem(view.error()));
  json document = vs::encode(*view);
  if (on.live && wish == "true")
    if (json live = on.live(on.kind, view->resource.metadata.name); !live.is_null())
      document["status"]["live"] = std::move(live);
  Response response = json_response(200, std::move(document));
  response.headers.emplace_back("ETag", format_etag(view->resource.metadata.resource_version));
  return response;
}

// The object that the body declares. A YAML text's places are for its problems only: nobody keeps it.
Checked<Resource> declared_in(const Request& request) {
  if (!is_media_type(request.header("content-type"), kYamlType)) {
    const auto body = parse_body(request.body);
    if (!body) return tl::unexpected(body.error());
    return decode(*body);
  }
  auto resources = load_policies({{.name = "body", .text = request.body}});
  if (!resources) return tl::unexpected(std::move(resources.error()));
  if (resources->size() != 1)
    return refuse(ErrorCode::invalid, "body: has " + std::to_string(resources->size()) +
                                          " documents; this path takes one");
  resources->front().metadata.sources.clear();
  return std::move(resources->front());
}

// That it is the one the path names.
Checked<Resource> check_place(const ResourceCall& on, Checked<Resource> resource) {
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
  const auto current = on.view();
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
  const auto current = on.view();
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
      const auto view = on.view();
      if (!view) return response;  // gone since: no tag to give
      version = view->resource.metadata.resource_version;
  }
  response.headers.emplace_back("ETag", format_etag(version));
  return response;
}

// Makes `document` what the object is, if that is as `expected`; `unmet_status` when it is not.
Response place(const ResourceCall& on, Checked<Resource> document, Precondition expected,
               int unmet_status) {
  auto resource = check_place(on, std::move(document));
  if (!resource) return on.refuse(invalid_problem(resource.error()));
  const auto outcome = on.store.put(std::move(*resource), expected, options_of(on.call));
  if (outcome)
    return answer_applied(on.waits, on.store, on.call, *outcome, written(on, *outcome));
  const Error& error = outcome.error().error;
  if (error.code == ErrorCode::not_found) return on.refuse_absent(412);
  if (error.code != ErrorCode::conflict) return on.refuse(write_problem(outcome.error()));
  return unmet(on, unmet_status, error);
}

// What a request that changes an object says besides its body.
Result<Conditions> conditions_of(const ResourceCall& on) {
  if (auto known = check_wait(on.call); !known) return fail(std::move(known.error()));
  return parse_conditions(on.call.request);
}

Response put(const ResourceCall& on) {
  const auto conditions = conditions_of(on);
  if (!conditions) return on.refuse(read_problem(conditions.error()));
  auto declared = declared_in(on.call.request);
  if (!declared) return on.refuse(invalid_problem(declared.error()));
  Precondition expected{Expect::absent};
  if (conditions->if_match != IfMatch::absent) {
    auto found = expectation(on, *conditions, 412);
    if (!found) return std::move(found.error());
    expected = *found;
  }
  const bool unconditional = conditions->if_match == IfMatch::absent && !conditions->create_only;
  return place(on, std::move(declared), expected, unconditional ? 428 : 412);
}

// A merge patch (RFC 7396): the members it has replace those there are, null removes one.
Response patch(const ResourceCall& on) {
  const auto conditions = conditions_of(on);
  if (!conditions) return on.refuse(read_problem(conditions.error()));
  if (conditions->create_only)
    return on.refuse({400, ErrorCode::invalid, "If-None-Match: means nothing with PATCH"});
  const auto body = parse_body(on.call.request.body);
  if (!body) return on.refuse(invalid_problem(body.error()));
  const auto expected = expectation(on, *conditions, 404);
  if (!expected) return expected.error();
  const auto current = on.view();
  if (!current) return on.refuse(read_problem(current.error()));
  if (current->resource.metadata.resource_version != expected->version)
    return on.refuse_unmet(412, *current);
  json document{{"apiVersion", kApiVersion},
                {"kind", name_of(on.kind)},
                {"metadata",
                 {{"name", current->resource.metadata.name},
                  {"labels", current->resource.metadata.labels}}},
                {"spec", encode_spec(current->resource)}};
  document.merge_patch(*body);
  return place(on, decode(document), *expected, 412);
}

Response remove(const ResourceCall& on) {
  const auto conditions = conditions_of(on);
  if (!conditions) return on.refuse(read_problem(conditions.error()));
  if (conditions->create_only)
    return on.refuse({400, ErrorCode::invalid, "If-None-Match: means nothing with DELETE"});
  auto expected = expectation(on, *conditions, 404);
  if (!expected) return std::move(expected.error());
  if (auto seen = on.view(); !seen && seen.error().code == ErrorCode::not_found)
    return on.refuse_absent(404);
  const auto outcome = on.store.remove(on.kind, on.call.name, *expected, options_of(on.call));
  if (outcome) return written(on, *outcome);
  const Refusal& refusal = outcome.error();
  if (refusal.error.code == ErrorCode::not_found) return on.refuse_absent(404);
  if (refusal.error.code != ErrorCode::conflict) return on.refuse(write_problem(refusal));
  if (refusal.problems.empty()) return unmet(on, 412, refusal.error);
  ProblemDetails in_use = write_problem(refusal);
  in_use.word = "in_use";
  return on.refuse(in_use);
}

}  // namespace

void add_resource_routes(Router& router, Store& store, Waits& waits,
                         const Live& live) {
  for (const Kind kind : kKinds) {
    const std::string one = "/v1/" + std::string(plural_of(kind)) + "/{name}";
    const auto add = [&](const char* method, Response (*act)(const ResourceCall&)) {
      const bool writes = std::string_view(method) != "GET";
      const bool removes = std::string_view(method) == "DELETE";
      const bool lives = kind == Kind::binding || kind == Kind::domain;
      std::vector<std::string> query;
      if (writes && !removes) query = wait_parameters();
      if (!writes && lives) query = {"live"};
      router.add({.method = method,
                  .path = one,
                  .handle =
                      [&store, &waits, live, kind, act](const Call& call) {
                        return act({store, waits, live, kind, call});
                      },
                  .takes_body = writes && !removes,
                  .takes_yaml = std::string_view(method) == "PUT",
                  .writes = writes,
                  .needs = writes ? role_to_write(kind) : Role::viewer,
                  .query = std::move(query)});
    };
    add("GET", get);
    add("PUT", put);
    add("PATCH", patch);
    add("DELETE", remove);
  }
}

}  // namespace vs::http
