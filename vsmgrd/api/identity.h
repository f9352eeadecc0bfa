// Who asks, and what they may do: made once for each request, before it is routed.
//
// Roles are ordered: each may do what those before it may. A scope bounds the objects: those whose
// labels it does not hold for are invisible (404, left out of lists) and may not be written. What
// holds for the whole node (policies, tokens, the audit, the node itself) needs an identity without
// scope. `peer` stands beside that order: another node's vsmgrd, which may tell us of handoffs and
// nothing else, as nobody else may. Immutable values, thread-safe.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "vsmgrd/model/resource.h"
#include "vsmgrd/model/selector.h"
#include "vsmgrd/store/token_table.h"

namespace vs::http {

// peer is less than nobody, so that no comparison takes it for more.
enum class Role : std::int8_t { peer = -1, nobody = 0, viewer, operator_, policy_admin, admin };
inline constexpr std::array kRoles{Role::viewer, Role::operator_, Role::policy_admin, Role::admin};

std::string_view name_of(Role role);  // "nobody", "viewer", "operator", "policy-admin", "admin", "peer"
// Those that a rule or a token can give: neither "nobody" nor "peer".
std::optional<Role> role_named(std::string_view name);

// The way a request came in, by which socket accepted it.
enum class Channel : std::uint8_t { local, local_read_only, remote, metrics };
std::string_view name_of(Channel channel);  // "unix", "unix-ro", "tls", "metrics"

struct Identity {
  std::string principal;  // "uid:1000", "cert:alice", "token:ci", "peer:node2"; never empty once identified
  Role role = Role::nobody;
  Channel channel = Channel::local;
  LabelSelector scope{};  // holds for everything unless given
  std::optional<TokenUse> token{};  // that was shown

  [[nodiscard]] bool may(Role needed) const {
    if (needed == Role::peer || role == Role::peer) return role == needed;
    return needed != Role::nobody && role >= needed;
  }
  [[nodiscard]] bool scoped() const { return !scope.everything(); }
  [[nodiscard]] bool sees(const Labels& labels) const { return scope.matches(labels); }

  // Whether it may make, change or remove an object of `kind` with `labels`. For a change ask twice:
  // with the labels before and after. The refusal says what is missing.
  [[nodiscard]] Result<> may_write(Kind kind, const Labels& labels) const;
};

// What it takes to write objects of a kind, wherever that is done (PUT, DELETE, apply, prune).
Role role_to_write(Kind kind);

}  // namespace vs::http
