#include "vsmgrd/api/writing.h"

#include <utility>

#include <nlohmann/json.hpp>

#include "vsmgrd/api/problem_details.h"
#include "vsmgrd/model/codec.h"

namespace vs::http {
namespace {

using nlohmann::json;

inline constexpr std::size_t kPendingShownMax = 100;

// Why an identity may not make this change; nothing when it may.
std::vector<Problem> forbidden(const Identity& identity, const Change& change) {
  // What it is to become first: so a name that is taken outside of the scope is refused in the same
  // words as one that is free.
  for (const auto& side : {change.after, change.before}) {
    if (!side) continue;
    if (change.action == Action::unchanged && identity.sees(side->metadata.labels)) continue;
    const auto may = identity.may_write(change.kind, side->metadata.labels);
    if (may) continue;
    const bool relabel = side == change.after && !identity.sees(side->metadata.labels);
    const auto source = nearest_source(side->metadata.sources, "/metadata/labels");
    return {{.pointer = "/metadata/labels",
             .message = std::string(name_of(change.kind)) + ' ' + in_quotes(change.name) + ": " +
                        may.error().message,
             .hint = relabel ? "give it labels that are inside" : "",
             .source = source}};
  }
  return {};
}

// What is not yet as `changes` asked; empty when the data plane has all of it.
json pending_of(const Snapshot& now, const std::vector<std::pair<Kind, std::string>>& objects) {
  json pending = json::array();
  for (const auto& [kind, name] : objects) {
    const auto view = now.view(kind, name);
    if (!view) continue;  // deleted since: nothing to wait for
    const bool behind = !view->observed || view->observed->observed_generation <
                                               view->resource.metadata.generation;
    const State state = view->observed ? view->observed->state : State::pending;
    const bool denied = view->decision && !view->decision->allowed;
    const bool as_decided = denied ? state == State::denied
                                   : state == State::bound || state == State::ready;
    if (!behind && as_decided) continue;
    if (pending.size() == kPendingShownMax) break;
    json one{{"kind", name_of(kind)}, {"name", name}, {"state", name_of(state)}};
    if (view->observed) {
      one["reason"] = view->observed->reason;
      one["message"] = view->observed->message;
    }
    pending.push_back(std::move(one));
  }
  return pending;
}

// Those of which the reconciler tells that they were applied.
std::vector<std::pair<Kind, std::string>> objects_to_await(const ApplyOutcome& outcome) {
  std::vector<std::pair<Kind, std::string>> objects;
  for (const Change& change : outcome.changes)
    if (change.action != Action::deleted &&
        (change.kind == Kind::binding || change.kind == Kind::domain))
      objects.emplace_back(change.kind, change.name);
  for (const auto& [binding, decision] : outcome.decisions_changed)
    objects.emplace_back(Kind::binding, binding);
  return objects;
}

Response with_member(Response response, const json& members) {
  json body = json::parse(response.body);
  body.update(members);
  response.body = json_text(body) + '\n';
  return response;
}

}  // namespace

Actor actor_of(const Request& request) {
  return {.principal = request.identity.principal,
          .role = std::string(name_of(request.identity.role)),
          .channel = std::string(name_of(request.identity.channel)),
          .request_id = request.id};
}

std::function<bool(const Resource&)> sees_of(const Identity& identity) {
  if (!identity.scoped()) return {};
  return [identity](const Resource& resource) { return identity.sees(resource.metadata.labels); };
}

bool may_know_of(const Identity& identity, const Labels& labels) {
  return !identity.scoped() || (!labels.empty() && identity.sees(labels));
}

WriteOptions options_of(const Call& call) {
  return {.dry_run = call.dry_run,
          .actor = actor_of(call.request),
          .permit = [identity = call.request.identity](const Change& change) {
            return forbidden(identity, change);
          },
          .sees = sees_of(call.request.identity)};
}

json encode(const ApplyOutcome& outcome) {
  json changes = json::array();
  for (const Change& change : outcome.changes)
    changes.push_back({{"kind", name_of(change.kind)},
                       {"name", change.name},
                       {"action", name_of(change.action)}});
  json decisions = json::array();
  for (const auto& [binding, decision] : outcome.decisions_changed)
    decisions.push_back({{"binding", binding}, {"decision", vs::encode(decision)}});
  return {{"changes", std::move(changes)},
          {"decisionsChanged", std::move(decisions)},
          {"resourceVersion", outcome.resource_version}};
}

Response operation_begun(const Operation& operation) {
  Response response = json_response(
      202, {{"id", operation.id}, {"kind", operation.kind}, {"state", name_of(operation.state)}});
  response.headers.emplace_back("Location", "/v1/operations/" + operation.id);
  return response;
}

std::vector<std::string> wait_parameters() { return {"wait", "timeout"}; }

Result<> check_wait(const Call& call) {
  const auto what = call.parameter("wait");
  if (what && *what != "applied")
    return fail(ErrorCode::invalid, "query parameter wait: only \"applied\" is known");
  if (!what && call.parameter("timeout"))
    return fail(ErrorCode::invalid, "query parameter timeout: means nothing without wait=applied");
  if (auto patience = patience_of(call); !patience) return fail(std::move(patience.error()));
  return {};
}

bool awaits_applied(const Call& call) { return call.parameter("wait") && !call.dry_run; }

Waits::Check applied_check(const Store& store, const ApplyOutcome& outcome, Response response) {
  return [&store, objects = objects_to_await(outcome),
          response = std::move(response)](bool expired) -> std::optional<Response> {
    json pending = pending_of(store.snapshot(), objects);
    if (pending.empty()) return with_member(response, {{"applied", true}});
    if (!expired) return std::nullopt;
    Response late = with_member(response, {{"applied", false},
                                           {"code", "committed_not_applied"},
                                           {"pending", std::move(pending)}});
    late.status = 202;
    return late;
  };
}

Response answer_applied(Waits& waits, const Store& store, const Call& call,
                        const ApplyOutcome& outcome, Response response) {
  if (!awaits_applied(call)) return response;
  return waits.wait(call.request, *patience_of(call), applied_check(store, outcome, std::move(response)));
}

}  // namespace vs::http
