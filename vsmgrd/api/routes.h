// Every route of the daemon, each joined to what it does; schemas/openapi.yaml is the same table
// for people and clients.
//
// The handlers are thread-safe, as the store is. Writes answer what changed: {changes,
// decisionsChanged, resourceVersion}. What an identity's scope does not hold for is not shown.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "vsmgrd/api/background.h"
#include "vsmgrd/api/router.h"
#include "vsmgrd/policy/engine.h"
#include "vsmgrd/store/store.h"

namespace vs::handoff {
class Migrations;
}

namespace vs::http {

using MetricsText = std::function<std::string()>;
using Placed = std::function<nlohmann::json()>;  // null: nothing is placed here
using Live = std::function<nlohmann::json(Kind kind, const std::string& name)>;  // null: nothing is known

// What is to be forgotten of what a service keeps for its guests; an empty domain stands for all, an empty name for all names.
struct FlushOrder {
  std::string kind;
  std::string service;
  std::string domain;
  std::string name;
};
using Flush = std::function<std::optional<std::uint64_t>(const FlushOrder& order)>;  // how many entries; nullopt: no backend says

// `store`, `background` and `migrations` must outlive the router. Without policies it compiles its own; without migrations this node
// has no peers.
Router make_router(Store& store, Background& background, MetricsText metrics_text,
                   Live live = {},
                   std::shared_ptr<PolicyEngine> policies = nullptr, Flush flush = {}, Placed placed = {},
                   handoff::Migrations* migrations = nullptr, std::string node = {});

// The parts of it.
void add_status_routes(Router& router, Store& store,
                       MetricsText metrics_text);      // healthz, metrics, v1, openapi.json
void add_ui_routes(Router& router);                     // /ui
void add_list_routes(Router& router, Store& store);    // /v1/{domains,services, ...}
void add_resource_routes(Router& router, Store& store, Waits& waits,
                         const Live& live);  // and /{name} of each
void add_apply_routes(Router& router, Store& store, Background& background);  // /v1/{apply,diff}
// /v1/policies:{test,lint,simulate,history,rollback}
void add_policy_routes(Router& router, Store& store, const std::shared_ptr<PolicyEngine>& policies);
void add_explain_route(Router& router, Store& store, std::shared_ptr<PolicyEngine> policies);
void add_flush_route(Router& router, Store& store, Flush flush);  // /v1/services/{name}:flush
void add_event_routes(Router& router, Store& store, EventFeed& feed);
// /v1/{operations,warnings,decisions,audit}
void add_log_routes(Router& router, Store& store, Waits& waits);
void add_token_routes(Router& router, TokenTable& tokens);  // /v1/tokens
// /v1/{nodes,admin}; `node` is this one's name, empty: the host's.
void add_node_routes(Router& router, Store& store, Jobs& jobs, std::string node);
void add_placement_route(Router& router, Placed placed);         // /v1/placement
void add_peer_routes(Router& router, handoff::Migrations* migrations);  // kPeerMessagesPath
void add_migration_routes(Router& router, Store& store, handoff::Migrations* migrations);  // /v1/{migrations,peers}

}  // namespace vs::http
