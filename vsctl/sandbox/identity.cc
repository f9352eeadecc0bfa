#include "vsctl/sandbox/identity.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/keyctl.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include <fmt/format.h>

#include "base/unique_fd.h"

namespace vs::ctl {
namespace {

// Kernel files of one line take it in a single write.
Result<> write_line(const std::string& file, const std::string& line) {
  const UniqueFd fd(::open(file.c_str(), O_WRONLY | O_CLOEXEC));
  if (!fd || ::write(fd.get(), line.data(), line.size()) != static_cast<ssize_t>(line.size()))
    return fail_errno(errno, fmt::format("write \"{}\" to {}", line, file));
  return {};
}

// A map of one id. Groups can be dropped only by who may set them, so a map without privilege comes
// with `setgroups` closed.
std::string one_id(std::uint32_t host_id) { return fmt::format("0 {} 1", host_id); }

Result<> drop_capabilities() {
  for (int capability = 0; capability <= CAP_LAST_CAP; ++capability)
    if (::prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0 &&
        errno != EINVAL)  // EINVAL: older than our headers
      return fail_errno(errno, fmt::format("drop capability {}", capability));
  if (::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0)
    return fail_errno(errno, "clear ambient capabilities");
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  const __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {};
  if (::syscall(SYS_capset, &header, none) != 0) return fail_errno(errno, "drop capabilities");
  return {};
}

}  // namespace

std::uint32_t guest_id(std::string_view domain) {
  std::uint32_t hash = 2166136261;  // FNV-1a, folded to 24 bits as its authors do
  for (const char c : domain) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619;
  return kGuestIdBase + ((hash >> 24U) ^ (hash & (kGuestIdCount - 1)));
}

Result<> become_root_of_own_namespace() {
  const uid_t uid = ::geteuid();
  const gid_t gid = ::getegid();
  if (::unshare(CLONE_NEWUSER) != 0)
    return fail_errno(
        errno,
        "make a user namespace (without root this needs kernel.unprivileged_userns_clone = 1)");
  if (auto closed = write_line("/proc/self/setgroups", "deny"); !closed) return closed;
  if (auto mapped = write_line("/proc/self/gid_map", one_id(gid)); !mapped) return mapped;
  return write_line("/proc/self/uid_map", one_id(uid));
}

Result<> map_root_of(pid_t child, std::uint32_t host_id) {
  for (const char* map : {"gid_map", "uid_map"})
    if (auto mapped = write_line(fmt::format("/proc/{}/{}", child, map), one_id(host_id)); !mapped)
      return fail(std::move(mapped.error())
                      .within(fmt::format("give the guest the node's id {}", host_id)));
  return {};
}

Result<> drop_privilege() {
  // EPERM: the caller was not root, and a user without privilege may not drop its groups.
  if (::setgroups(0, nullptr) != 0 && errno != EPERM) return fail_errno(errno, "drop groups");
  if (::setresgid(0, 0, 0) != 0 || ::setresuid(0, 0, 0) != 0)
    return fail_errno(errno, "become the guest's root");
  // With a user namespace comes every capability over what is made in it: a large part of the
  // kernel's attack surface.
  if (auto none = write_line("/proc/sys/user/max_user_namespaces", "0"); !none) return none;
  // ENOSYS: a kernel without keys has none to give away.
  if (::syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, nullptr) < 0 && errno != ENOSYS)
    return fail_errno(errno, "leave the session's keys");
  if (auto dropped = drop_capabilities(); !dropped) return dropped;
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return fail_errno(errno, "set no_new_privs");
  return {};
}

}  // namespace vs::ctl
