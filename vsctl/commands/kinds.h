// The kinds of objects, by every name that a user may type.
//
// Immutable; thread-safe. Errors: invalid, listing the kinds.
#pragma once

#include <array>
#include <string>
#include <string_view>

#include "vsctl/client/failure.h"

namespace vs::ctl {

struct KindNames {
  std::string_view kind;      // in documents: "Domain"
  std::string_view singular;  // "domain"
  std::string_view plural;    // in REST paths: "domains"
  std::string_view brief;     // "dom"

  // By documents; the others the daemon keeps of itself.
  [[nodiscard]] bool declared() const {
    return kind != "Node" && kind != "Operation" && kind != "Warning" && kind != "Token" && kind != "Migration" && kind != "Peer";
  }
};

// Declared by documents first, then what the daemon keeps of itself: read, never applied.
inline constexpr std::array kKindNames{
    KindNames{"Domain", "domain", "domains", "dom"},
    KindNames{"Service", "service", "services", "svc"},
    KindNames{"AccessPolicy", "policy", "policies", "pol"},
    KindNames{"SharingPolicy", "sharing-policy", "sharing-policies", "share"},
    KindNames{"Sla", "sla", "slas", "sla"},
    KindNames{"Placement", "placement", "placements", "place"},
    KindNames{"Buffers", "buffers", "buffers", "buf"},
    KindNames{"Binding", "binding", "bindings", "bind"},
    KindNames{"Node", "node", "nodes", "node"},
    KindNames{"Operation", "operation", "operations", "op"},
    KindNames{"Warning", "warning", "warnings", "warn"},
    KindNames{"Token", "token", "tokens", "token"},
    KindNames{"Migration", "migration", "migrations", "mig"},
    KindNames{"Peer", "peer", "peers", "peer"}};

inline constexpr const char* kKindHelp =
    "domain (dom), service (svc), policy (pol), sharing-policy (share), sla, placement (place), buffers "
    "(buf), binding (bind), node, operation (op), warning (warn), token, migration (mig) or peer; also in the plural";

// Upper and lower case alike.
Outcome<KindNames> parse_kind(std::string_view word);

// As messages name an object: "binding/web1-dns". `kind` as in documents.
std::string object_name(std::string_view kind, std::string_view name);

}  // namespace vs::ctl
