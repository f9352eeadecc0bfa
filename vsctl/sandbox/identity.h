// Who a guest is: the namespaces' identity on the node, and the loss of every privilege.
//
// Each domain has a user of its own on the node, so that the node's files, processes and limits
// keep guests apart from users and, but for a collision of hashes, from each other. Owned by the
// calling process. Errors name the system call.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string_view>

#include "base/result.h"

namespace vs::ctl {

// Guests' user and group ids on the node: 0x76000000 .. 0x76ffffff ("v"). Below 2^31, and outside
// of what distributions and systemd (uids.md: 524288 .. 1879048191, and 0x7ffe0000 up) hand out.
inline constexpr std::uint32_t kGuestIdBase = 0x76000000;
inline constexpr std::uint32_t kGuestIdCount = 1U << 24U;

// The same for the same name, on every node.
std::uint32_t guest_id(std::string_view domain);

// For a caller that is not root: makes the calling process root of a user namespace of its own.
Result<> become_root_of_own_namespace();

// Makes `host_id` root in the user namespace that `child` has just entered.
Result<> map_root_of(pid_t child, std::uint32_t host_id);

// Becomes the mapped root, and gives up what is left: groups, capabilities (now and over any exec),
// further user namespaces, the session's keys, core dumps that the node would handle. No way back.
Result<> drop_privilege();

}  // namespace vs::ctl
