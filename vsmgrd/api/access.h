// Who may do what: looked at before anything else is.
//
// Pure, thread-safe. Root and the daemon's own user may do everything. Any other user who can reach
// the socket (its mode says which group can) may read. A client whose credentials are unknown may
// do nothing.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string_view>

#include "vsmgrd/api/http.h"

namespace vs::http {

// Whether the method is one that only reads.
bool reads_only(std::string_view method);

bool allowed(const std::optional<Peer>& peer, std::string_view method, uid_t owner);

}  // namespace vs::http
