// Gives up what a process that parses guests' bytes must not have.
//
// Process-wide; called once, before any thread and any guest. Errors: internal, when something cannot be given up.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string_view>

#include "base/result.h"

namespace vs {

struct UserIds {
  uid_t uid;
  gid_t gid;
};

// "UID:GID" in numbers.
Result<UserIds> parse_user_ids(std::string_view text);

// Becomes `ids` when started as root (supplementary groups and capabilities go too), and in any case never gains privilege
// again. Proves it: becoming root afterwards must fail.
Result<> drop_privilege(std::optional<UserIds> ids);

// As many descriptors as the hard limit allows: a session is one.
void raise_descriptor_limit();

}  // namespace vs
