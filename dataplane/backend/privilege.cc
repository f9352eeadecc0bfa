#include "dataplane/backend/privilege.h"

#include <grp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>

#include "base/sanitizers.h"

namespace vs {
namespace {

std::optional<std::uint32_t> parse_number(std::string_view text) {
  std::uint32_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

}  // namespace

Result<UserIds> parse_user_ids(std::string_view text) {
  const auto colon = text.find(':');
  const auto uid = parse_number(text.substr(0, colon));
  const auto gid = colon == std::string_view::npos ? std::nullopt : parse_number(text.substr(colon + 1));
  if (!uid || !gid) return fail(ErrorCode::invalid, "user \"" + std::string(text) + "\": write UID:GID in numbers");
  return UserIds{*uid, *gid};
}

Result<> drop_privilege(std::optional<UserIds> ids) {
  if (ids && ::geteuid() == 0) {
    if (::setgroups(0, nullptr) != 0) return fail_errno(errno, "drop groups");
    if (::setresgid(ids->gid, ids->gid, ids->gid) != 0) return fail_errno(errno, "become group");
    if (::setresuid(ids->uid, ids->uid, ids->uid) != 0) return fail_errno(errno, "become user");
    if (ids->uid != 0 && ::setuid(0) == 0) return fail(ErrorCode::internal, "still able to become root");
  }
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return fail_errno(errno, "no_new_privs");
#if VS_ADDRESS_SANITIZER
  ::prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);  // the leak check at exit reads the process as a debugger would
#endif
  return {};
}

void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace vs
