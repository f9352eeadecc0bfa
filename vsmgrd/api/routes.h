// Every route of the daemon, each joined to what it does; schemas/openapi.yaml is the same table
// for people and clients.
//
// The handlers are thread-safe, as the store is. Writes answer what changed: {changes,
// decisionsChanged, resourceVersion}.
#pragma once

#include <functional>
#include <string>

#include "vsmgrd/api/router.h"
#include "vsmgrd/store/store.h"

namespace vs::http {

using MetricsText = std::function<std::string()>;
using BindingLive = std::function<nlohmann::json(const std::string& binding)>;  // null: nothing is known

// `store` must outlive the router.
Router make_router(Store& store, MetricsText metrics_text, BindingLive binding_live = {});

// The parts of it.
void add_status_routes(Router& router, Store& store,
                       MetricsText metrics_text);        // healthz, metrics, v1
// /v1/{domains,services,policies,bindings}
void add_resource_routes(Router& router, Store& store, const BindingLive& binding_live);
void add_apply_route(Router& router, Store& store);
void add_explain_route(Router& router, Store& store);

nlohmann::json encode(const ApplyOutcome& outcome);

}  // namespace vs::http
