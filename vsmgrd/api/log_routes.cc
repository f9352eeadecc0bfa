// What the node keeps of what happened: operations, warnings, recorded decisions, the audit.

#include <charconv>
#include <utility>

#include <nlohmann/json.hpp>

#include "vsmgrd/api/idempotency.h"
#include "vsmgrd/api/list_query.h"
#include "vsmgrd/api/problem_details.h"
#include "vsmgrd/api/routes.h"
#include "vsmgrd/api/waits.h"
#include "vsmgrd/api/writing.h"
#include "vsmgrd/model/codec.h"

namespace vs::http {
namespace {

using nlohmann::json;

Response refuse_call(const Call& call, const ProblemDetails& problem) {
  return problem_response(problem, call.request.id);
}

std::optional<std::int64_t> number_of(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

json json_of(const Actor& actor) {
  json out{{"principal", actor.principal}, {"role", actor.role}, {"channel", actor.channel}};
  if (!actor.request_id.empty()) out["requestId"] = actor.request_id;
  return out;
}

json json_of(const Operation& operation) {
  json out{{"id", operation.id},
           {"kind", operation.kind},
           {"state", name_of(operation.state)},
           {"phase", operation.phase},
           {"progress",
            {{"done", operation.done}, {"total", operation.total}, {"unit", operation.unit}}},
           {"cancellable", operation.cancellable},
           {"cancelRequested", operation.cancel_requested},
           {"resources", operation.resources},
           {"requestor", json_of(operation.requestor)},
           {"createdAt", format_time(operation.created_at)},
           {"updatedAt", format_time(operation.updated_at)},
           {"reason", operation.reason},
           {"message", operation.message}};
  if (!operation.cancel_until.empty()) out["cancelUntil"] = operation.cancel_until;
  if (operation.finished_at) out["finishedAt"] = format_time(*operation.finished_at);
  if (operation.deadline) out["deadline"] = format_time(*operation.deadline);
  out["result"] = json::parse(operation.result, nullptr, false);
  if (out["result"].is_discarded()) out["result"] = json::object();
  return out;
}

json json_of(const Warning& warning) {
  json out{{"id", warning.id},
           {"type", warning.type},
           {"object", {{"kind", warning.kind}, {"name", warning.name}}},
           {"severity", name_of(warning.severity)},
           {"status", name_of(warning.status)},
           {"message", warning.message},
           {"count", warning.count},
           {"firstSeenAt", format_time(warning.first_seen)},
           {"lastSeenAt", format_time(warning.last_seen)}};
  if (!warning.acknowledged_by.empty()) out["acknowledgedBy"] = warning.acknowledged_by;
  if (warning.resolved_at) out["resolvedAt"] = format_time(*warning.resolved_at);
  return out;
}

json json_of(const DecisionRecord& record) {
  return {{"id", record.id},
          {"at", format_time(record.at)},
          {"policyGeneration", record.policy_generation},
          {"binding", record.binding},
          {"domain", record.domain},
          {"domainLabels", record.domain_labels},
          {"service", record.service},
          {"serviceKind", record.service_kind},
          {"decision", vs::encode(record.decision)},
          {"principal", record.principal},
          {"requestId", record.request_id}};
}

json json_of(const AuditEntry& entry) {
  return {{"id", entry.id},
          {"at", format_time(entry.at)},
          {"actor", json_of(entry.actor)},
          {"verb", entry.verb},
          {"kind", entry.kind},
          {"name", entry.name},
          {"uid", entry.uid},
          {"oldVersion", entry.old_version},
          {"newVersion", entry.new_version},
          {"decision", entry.decision},
          {"outcome", entry.outcome},
          {"code", entry.code},
          {"message", entry.message},
          {"hash", entry.hash}};
}

// One page of what `read(before, limit)` gives, the newest first, of which `visible` holds.
template <class Read, class Visible, class Number>
Response newest_first(const Call& call, const Read& read, const Visible& visible,
                      const Number& number_of_item) {
  std::int64_t before = 0;
  const auto query = parse_numbered_query(call, before);
  if (!query) return refuse_call(call, invalid_problem(query.error()));
  json items = json::array();
  std::string next;
  for (bool more = true; more && items.size() < query->limit;) {
    const auto rows = read(before, query->limit);
    if (!rows) return refuse_call(call, read_problem(rows.error()));
    more = rows->size() == query->limit;
    next.clear();
    for (const auto& row : *rows) {
      before = number_of_item(row);
      if (items.size() == query->limit) break;
      next = std::to_string(before);
      if (!visible(row, *query)) continue;
      json one = json_of(row);
      if (query->filter.matches(one)) items.push_back(std::move(one));
    }
    if (!more) next.clear();
  }
  return page_response(std::move(items), next);
}

// Operations.

// Who began one may know how it ends, whatever it is about.
bool may_know_of(const Identity& identity, const Operation& operation) {
  return http::may_know_of(identity, operation.labels) || operation.requestor.principal == identity.principal;
}

Response list_operations(Store& store, const Call& call) {
  return newest_first(
      call,
      [&](std::int64_t before, std::size_t limit) {
        return store.operations().list({.before = before, .limit = limit});
      },
      [&](const Operation& operation, const ListQuery& query) {
        return query.labels.matches(operation.labels) && may_know_of(call.request.identity, operation);
      },
      [](const Operation& operation) { return operation.number; });
}

// The operation, unless the identity may not know of it.
Result<Operation> visible_operation(Store& store, const Call& call) {
  auto operation = store.operations().get(std::string(call.name));
  if (operation && !may_know_of(call.request.identity, *operation))
    return fail(ErrorCode::not_found, "operation " + in_quotes(call.name) + ": is not there");
  return operation;
}

Response get_operation(Store& store, const Call& call) {
  const auto operation = visible_operation(store, call);
  if (!operation) return refuse_call(call, read_problem(operation.error()));
  return json_response(200, json_of(*operation));
}

// 200 only when it has ended: whoever waits must not take "begun well" for "done".
Response wait_for_operation(Store& store, Waits& waits, const Call& call) {
  const auto patience = patience_of(call);
  if (!patience) return refuse_call(call, read_problem(patience.error()));
  const auto known = visible_operation(store, call);
  if (!known) return refuse_call(call, read_problem(known.error()));
  const auto check = [&store, id = known->id,
                      request_id = call.request.id](bool expired) -> std::optional<Response> {
    const auto operation = store.operations().get(id);
    if (!operation) return problem_response(read_problem(operation.error()), request_id);
    if (has_ended(operation->state)) return json_response(200, json_of(*operation));
    if (!expired) return std::nullopt;
    return json_response(202, json_of(*operation));
  };
  return waits.wait(call.request, *patience, check);
}

Response cancel_operation(Store& store, const Call& call) {
  auto known = visible_operation(store, call);
  if (!known) return refuse_call(call, read_problem(known.error()));
  const auto reply = [](const Operation& asked) { return json_response(202, json_of(asked)); };
  const auto operation = store.operations().request_cancel(known->id, actor_of(call.request),
                                                           once_of<Operation>(call, reply));
  if (!operation) {
    ProblemDetails problem = read_problem(operation.error());
    if (problem.status == 409) problem.word = "not_cancellable";
    return refuse_call(call, problem);
  }
  return reply(*operation);
}

// Warnings.

Response list_warnings(Store& store, const Call& call) {
  const auto query = parse_list_query(call);
  if (!query) return refuse_call(call, invalid_problem(query.error()));
  json items = json::array();
  std::string next;
  bool begun = query->after.empty();
  for (const Warning& warning : store.warnings().list()) {
    if (begun && items.size() == query->limit) {
      next = items.back()["id"];
      break;
    }
    json one = json_of(warning);
    if (begun && query->filter.matches(one)) items.push_back(std::move(one));
    begun = begun || warning.id == query->after;
  }
  return page_response(std::move(items), next);
}

Response get_warning(Store& store, const Call& call) {
  const auto warning = store.warnings().get(std::string(call.name));
  if (!warning) return refuse_call(call, read_problem(warning.error()));
  return json_response(200, json_of(*warning));
}

Response acknowledge_warning(Store& store, const Call& call) {
  const auto reply = [](const Warning& known) { return json_response(200, json_of(known)); };
  const auto warning = store.warnings().acknowledge(std::string(call.name), actor_of(call.request),
                                                    once_of<Warning>(call, reply));
  if (!warning) return refuse_call(call, read_problem(warning.error()));
  return reply(*warning);
}

// Decisions.

Response list_decisions(Store& store, const Call& call) {
  std::int64_t after = 0;
  const auto query = parse_numbered_query(call, after);
  if (!query) return refuse_call(call, invalid_problem(query.error()));
  DecisionLog::Query asked{.after = after,
                           .limit = query->limit,
                           .binding = std::string(call.parameter("binding").value_or(""))};
  const auto records = store.decisions().list(asked);
  if (!records) return refuse_call(call, read_problem(records.error()));
  json items = json::array();
  for (const DecisionRecord& record : *records) {
    if (!http::may_know_of(call.request.identity, record.domain_labels)) continue;
    json one = json_of(record);
    if (query->filter.matches(one)) items.push_back(std::move(one));
  }
  const bool more = records->size() == query->limit;
  return page_response(std::move(items), more ? std::to_string(records->back().id) : "");
}

Response get_decision(Store& store, const Call& call) {
  const auto id = number_of(call.name);
  const auto absent = [&] {
    return refuse_call(call, {404, ErrorCode::not_found,
                              "decision " + in_quotes(call.name) + ": is not there, or no longer"});
  };
  if (!id) return absent();
  const auto record = store.decisions().get(*id);
  if (!record && record.error().code == ErrorCode::not_found) return absent();
  if (!record) return refuse_call(call, read_problem(record.error()));
  if (!http::may_know_of(call.request.identity, record->domain_labels)) return absent();
  return json_response(200, json_of(*record));
}

// The audit.

Response list_audit(Store& store, const Call& call) {
  const auto text = [&](std::string_view parameter) {
    return std::string(call.parameter(parameter).value_or(""));
  };
  return newest_first(
      call,
      [&](std::int64_t before, std::size_t limit) {
        return store.audit().list({.before = before,
                                   .limit = limit,
                                   .kind = text("kind"),
                                   .name = text("name"),
                                   .principal = text("principal"),
                                   .outcome = text("outcome")});
      },
      [](const AuditEntry&, const ListQuery&) { return true; },
      [](const AuditEntry& entry) { return entry.id; });
}

Response verify_audit(Store& store, const Call& call) {
  const auto verdict = store.audit().verify();
  if (!verdict) return refuse_call(call, read_problem(verdict.error()));
  json out{{"sound", verdict->sound},
           {"rows", verdict->rows},
           {"firstId", verdict->first_id},
           {"lastId", verdict->last_id},
           {"lastHash", verdict->last_hash}};
  if (!verdict->sound) {
    out["brokenAt"] = verdict->broken_at;
    out["message"] = verdict->message;
  }
  return json_response(200, out);
}

std::vector<std::string> with(std::vector<std::string> names,
                              std::initializer_list<const char*> more) {
  names.insert(names.end(), more.begin(), more.end());
  return names;
}

}  // namespace

void add_log_routes(Router& router, Store& store, Waits& waits) {
  using Handler = Response (*)(Store&, const Call&);
  const auto add = [&](Handler handler, Route route) {
    route.handle = [&store, handler](const Call& call) { return handler(store, call); };
    router.add(std::move(route));
  };
  add(list_operations, {.method = "GET", .path = "/v1/operations", .needs = Role::viewer,
                        .query = list_parameters()});
  add(get_operation, {.method = "GET", .path = "/v1/operations/{id}", .needs = Role::viewer});
  router.add({.method = "GET",
              .path = "/v1/operations/{id}/wait",
              .handle = [&store, &waits](const Call& call) {
                return wait_for_operation(store, waits, call);
              },
              .needs = Role::viewer,
              .query = {"timeout"}});
  add(cancel_operation, {.method = "POST", .path = "/v1/operations/{id}:cancel", .needs = Role::operator_,
                         .keeps_key = true});
  add(list_warnings, {.method = "GET", .path = "/v1/warnings", .needs = Role::viewer, .node_wide = true,
                      .query = list_parameters(false)});
  add(get_warning, {.method = "GET", .path = "/v1/warnings/{id}", .needs = Role::viewer, .node_wide = true});
  add(acknowledge_warning, {.method = "POST", .path = "/v1/warnings/{id}:ack", .needs = Role::operator_,
                            .node_wide = true, .keeps_key = true});
  add(list_decisions, {.method = "GET", .path = "/v1/decisions", .needs = Role::viewer,
                       .query = with(list_parameters(false), {"binding"})});
  add(get_decision, {.method = "GET", .path = "/v1/decisions/{id}", .needs = Role::viewer});
  add(list_audit, {.method = "GET", .path = "/v1/audit", .needs = Role::admin, .node_wide = true,
                   .query = with(list_parameters(false), {"kind", "name", "principal", "outcome"})});
  add(verify_audit, {.method = "GET", .path = "/v1/audit/verify", .needs = Role::admin, .node_wide = true});
}

}  // namespace vs::http
