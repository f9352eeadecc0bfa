#include "vsmgrd/api/identity.h"

#include <fmt/format.h>

namespace vs::http {

std::string_view name_of(Role role) {
  switch (role) {
    case Role::nobody: return "nobody";
    case Role::viewer: return "viewer";
    case Role::operator_: return "operator";
    case Role::policy_admin: return "policy-admin";
    case Role::admin: return "admin";
    case Role::peer: return "peer";
  }
  __builtin_unreachable();
}

std::optional<Role> role_named(std::string_view name) {
  for (const Role role : kRoles)
    if (name == name_of(role)) return role;
  return std::nullopt;
}

std::string_view name_of(Channel channel) {
  switch (channel) {
    case Channel::local: return "unix";
    case Channel::local_read_only: return "unix-ro";
    case Channel::remote: return "tls";
    case Channel::metrics: return "metrics";
  }
  __builtin_unreachable();
}

Role role_to_write(Kind kind) {
  const bool policy = kind == Kind::access_policy || kind == Kind::sharing_policy;
  return policy ? Role::policy_admin : Role::operator_;
}

Result<> Identity::may_write(Kind kind, const Labels& labels) const {
  const Role needed = role_to_write(kind);
  if (!may(needed)) {
    return fail(ErrorCode::denied,
                fmt::format("{} needs role {}; {} has role {}", name_of(kind), name_of(needed),
                            principal, name_of(role)));
  }
  if (!scoped()) return {};
  if (needed == Role::policy_admin) {
    return fail(ErrorCode::denied,
                fmt::format("{} holds for the whole node: it takes an identity without scope, and {} "
                            "has {}",
                            name_of(kind), principal, in_quotes(scope.text())));
  }
  if (sees(labels)) return {};
  return fail(ErrorCode::denied, fmt::format("outside the scope {} of {}",
                                             in_quotes(scope.text()), principal));
}

}  // namespace vs::http
