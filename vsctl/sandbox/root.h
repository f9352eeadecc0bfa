// The root directory of this process's mount namespace.
//
// For processes with privilege over their mount namespace. Errors say what was being done.
#pragma once

#include "base/result.h"

namespace vs::ctl {

// Takes every mount out of the node's view: what is mounted from here on is seen by nobody else.
//
// After a chroot, what this process sees as its root becomes the root of its mount namespace: a
// process in a chroot may neither change the mounts there nor make a user namespace
// (user_namespaces(7), EPERM).
Result<> separate_root();

}  // namespace vs::ctl
