#include <utility>

#include <nlohmann/json.hpp>

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
              }});
  router.add({.method = "GET",
              .path = "/metrics",
              .handle = [text = std::move(metrics_text)](const Call&) {
                return Response{.content_type = "text/plain; version=0.0.4; charset=utf-8",
                                .body = text()};
              }});
  router.add({.method = "GET", .path = "/v1", .handle = [](const Call&) { return about(); }});
}

Router make_router(Store& store, MetricsText metrics_text, BindingLive binding_live) {
  Router router;
  add_status_routes(router, store, std::move(metrics_text));
  add_resource_routes(router, store, binding_live);
  add_apply_route(router, store);
  add_explain_route(router, store);
  return router;
}

}  // namespace vs::http
