#include "vsctl/sandbox/trees.h"

#include <fcntl.h>
#include <sys/mount.h>

#include <cerrno>
#include <string>

#include <fmt/format.h>

namespace vs::ctl {

Result<UniqueFd> take_tree(const std::filesystem::path& path) {
  UniqueFd tree(::open_tree(AT_FDCWD, path.c_str(), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC));
  if (!tree) return fail_errno(errno, fmt::format("take {} into the sandbox", path.native()));
  return tree;
}

Result<> restrict_tree(const UniqueFd& tree, std::uint64_t attributes) {
  mount_attr change{};
  change.attr_set = attributes;
  if (::mount_setattr(tree.get(), "", AT_EMPTY_PATH, &change, sizeof change) != 0)
    return fail_errno(errno, "restrict a mount of the sandbox");
  return {};
}

Result<> restrict_mount(const std::filesystem::path& path, std::uint64_t attributes,
                        bool recursive) {
  mount_attr change{};
  change.attr_set = attributes;
  const unsigned flags = recursive ? AT_RECURSIVE : 0;
  if (::mount_setattr(AT_FDCWD, path.c_str(), flags, &change, sizeof change) != 0)
    return fail_errno(errno, fmt::format("restrict the mount {}", path.native()));
  return {};
}

Result<> attach_tree(const UniqueFd& tree, const std::filesystem::path& target) {
  if (::move_mount(tree.get(), "", AT_FDCWD, target.c_str(),
                   MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_SYMLINKS) != 0)
    return fail_errno(errno, fmt::format("mount on {}", target.native()));
  return {};
}

Result<> mount_new(const char* type, const std::filesystem::path& target, unsigned long flags,
                   std::string_view data) {
  if (::mount(type, target.c_str(), type, flags, std::string(data).c_str()) != 0)
    return fail_errno(errno, fmt::format("mount {} on {}", type, target.native()));
  return {};
}

}  // namespace vs::ctl
