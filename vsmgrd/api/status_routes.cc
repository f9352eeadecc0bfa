#include <utility>

#include <nlohmann/json.hpp>

#include "vsmgrd/api/idempotency.h"
#include "vsmgrd/api/openapi.h"
#include "vsmgrd/api/problem_details.h"
#include "vsmgrd/api/routes.h"

namespace vs::http {
namespace {

using nlohmann::json;

// Healthy is a daemon that can read its store; that its backends are well is a matter of each
// binding's status.
Response health(const Store& store, const Call& call) {
  const auto version = store.resource_version();
  if (version) {
    return json_response(
        200, {{"status", "ok"}, {"version", VS_VERSION}, {"resourceVersion", *version}});
  }
  return problem_response({503, ErrorCode::unavailable, "store: " + version.error().message},
                          call.request.id);
}

Response about() {
  json kinds = json::array();
  for (const Kind kind : kKinds)
    kinds.push_back({{"kind", name_of(kind)}, {"path", "/v1/" + std::string(plural_of(kind))}});
  return json_response(200, {{"name", "vsmgrd"},
                             {"version", VS_VERSION},
                             {"apiVersion", kApiVersion},
                             {"kinds", std::move(kinds)}});
}

}  // namespace

void add_status_routes(Router& router, Store& store, MetricsText metrics_text) {
  router.add({.method = "GET", .path = "/healthz", .handle = [&store](const Call& call) {
                return health(store, call);
              }, .needs = Role::viewer});
  router.add({.method = "GET",
              .path = "/metrics",
              .handle = [text = std::move(metrics_text)](const Call&) {
                return Response{.content_type = "text/plain; version=0.0.4; charset=utf-8",
                                .body = text()};
              },
              .needs = Role::viewer});
  router.add({.method = "GET",
              .path = "/openapi.json",
              .handle = [](const Call&) {
                return Response{.content_type = "application/json",
                                .body = std::string(openapi_json())};
              },
              .needs = Role::viewer});
  router.add({.method = "GET",
              .path = "/v1",
              .handle = [](const Call&) { return about(); },
              .needs = Role::viewer});
}

Router make_router(Store& store, Background& background, MetricsText metrics_text,
                   Live live, std::shared_ptr<PolicyEngine> policies, Flush flush, Placed placed,
                   handoff::Migrations* migrations, std::string node) {
  if (!policies) policies = std::make_shared<PolicyEngine>();
  Router plain;
  add_status_routes(plain, store, std::move(metrics_text));
  add_ui_routes(plain);
  add_list_routes(plain, store);
  add_resource_routes(plain, store, background.waits, live);
  add_apply_routes(plain, store, background);
  add_policy_routes(plain, store, policies);
  add_explain_route(plain, store, std::move(policies));
  add_flush_route(plain, store, std::move(flush));
  add_event_routes(plain, store, background.feed);
  add_log_routes(plain, store, background.waits);
  add_node_routes(plain, store, background.jobs, std::move(node));
  add_placement_route(plain, std::move(placed));
  add_migration_routes(plain, store, migrations);
  add_peer_routes(plain, migrations);
  add_token_routes(plain, store.tokens());
  Router router;
  for (const Route& route : plain.routes())
    router.add(route.method == "POST" ? with_idempotency(store, route) : route);
  return router;
}

}  // namespace vs::http
