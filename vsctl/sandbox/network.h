// What little a guest has of a network: a loopback interface that stays down.
//
// For a process with privilege over a network namespace of its own. Errors name the system call.
#pragma once

#include "base/result.h"

namespace vs::ctl {

// Gives the loopback interface, which stays down, an address of each family that leads nowhere (RFC
// 7600, RFC 9780). Nothing can be sent from it; but a host without any address is told by
// getaddrinfo with AI_ADDRCONFIG that no name exists, without the VService being asked.
Result<> name_loopback();

}  // namespace vs::ctl
