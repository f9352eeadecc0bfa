#include "vsctl/sandbox/root.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "base/unique_fd.h"

namespace vs::ctl {
namespace {

constexpr int kDepthMax = 4096;  // directories above a chroot: more fit into no path

using Place = std::pair<std::uint64_t, std::uint64_t>;  // of a directory: its mount, its inode

Result<Place> place_of(const char* path) {
  struct statx status {};
  if (::statx(AT_FDCWD, path, AT_NO_AUTOMOUNT, STATX_INO | STATX_MNT_ID, &status) != 0)
    return fail_errno(errno, "look for the root of the mounts");
  return Place{status.stx_mnt_id, status.stx_ino};
}

// Makes the root of the mount namespace this process's root. True when it was another before.
Result<bool> climb_to_the_top() {
  const UniqueFd here(::open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
  // A process whose working directory lies outside its root is not held by it: chroot(2), NOTES.
  if (!here || ::chroot("/usr") != 0 || ::fchdir(here.get()) != 0)
    return fail_errno(errno, "leave the chroot");
  const auto begun = place_of(".");
  if (!begun) return fail(begun.error());
  Place place = *begun;
  for (int depth = 0; depth < kDepthMax; ++depth) {
    if (::chdir("..") != 0) return fail_errno(errno, "leave the chroot");
    const auto above = place_of(".");
    if (!above) return fail(above.error());
    if (*above == place) {
      if (::chroot(".") != 0) return fail_errno(errno, "leave the chroot");
      return place != *begun;
    }
    place = *above;
  }
  return fail(ErrorCode::exhausted, "leave the chroot: it lies too deep");
}

Result<> make_private() {
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
    return fail_errno(errno, "take the mounts out of the node's view");
  return {};
}

}  // namespace

Result<> separate_root() {
  const UniqueFd seen(
      ::open_tree(AT_FDCWD, "/", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE));
  if (!seen) return fail_errno(errno, "take the root into the sandbox");
  const auto climbed = climb_to_the_top();
  if (!climbed) return fail(climbed.error());
  if (auto done = make_private(); !done || !*climbed) return done;
  // On top of the namespace's root, and then the root itself: as switch_root(8) does it.
  if (::move_mount(seen.get(), "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH) != 0 ||
      ::fchdir(seen.get()) != 0 || ::chroot(".") != 0)
    return fail_errno(errno, "make the chroot the root of the sandbox's mounts");
  return make_private();
}

}  // namespace vs::ctl
