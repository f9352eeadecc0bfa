// Mounts before they have a place: a directory or file of the node is taken as a detached tree,
// changed, then attached.
//
// What is taken before the node's directories are covered stays usable afterwards, and needs no
// path that the guest could walk. For processes with privilege over their mount namespace. Errors
// name the path.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string_view>

#include "base/result.h"
#include "base/unique_fd.h"

namespace vs::ctl {

// Takes the mount at `path`, without what is mounted below it. The last symbolic link is followed.
Result<UniqueFd> take_tree(const std::filesystem::path& path);

// Sets MOUNT_ATTR_* on a detached tree.
Result<> restrict_tree(const UniqueFd& tree, std::uint64_t attributes);

// Sets MOUNT_ATTR_* on the mount at `path`; and on all below when `recursive`.
Result<> restrict_mount(const std::filesystem::path& path, std::uint64_t attributes,
                        bool recursive = false);

// Mounts `tree` on `target`, which exists. The last symbolic link is followed.
Result<> attach_tree(const UniqueFd& tree, const std::filesystem::path& target);

// Mounts a new file system of `type` on `target`.
Result<> mount_new(const char* type, const std::filesystem::path& target, unsigned long flags,
                   std::string_view data);

}  // namespace vs::ctl
