#include "vsmgrd/api/unix_socket.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace vs::http {
namespace {

inline constexpr int kBacklog = 128;

sockaddr_un address_of(const std::filesystem::path& path) {
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
  std::memcpy(address.sun_path, path.c_str(), path.native().size());
  return address;
}

// Removes a socket file that nobody listens on.
Result<> remove_stale(const std::filesystem::path& path, const sockaddr_un& address) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0)
    return errno == ENOENT ? Result<>{} : Result<>{fail_errno(errno, path.native())};
  if (!S_ISSOCK(status.st_mode))
    return fail(ErrorCode::conflict, path.native() + ": is there and is not a socket");

  const UniqueFd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!probe) return fail_errno(errno, "socket");
  // EAGAIN is a full queue: somebody listens, and is busy.
  if (::connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 ||
      errno == EAGAIN)
    return fail(ErrorCode::conflict, path.native() + ": another process listens there");
  if (errno != ECONNREFUSED) return fail_errno(errno, path.native());
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) return fail_errno(errno, path.native());
  return {};
}

}  // namespace

UnixSocket::UnixSocket(UniqueFd fd, std::filesystem::path path, dev_t device, ino_t inode)
    : fd_(std::move(fd)), path_(std::move(path)), device_(device), inode_(inode) {}

UnixSocket::UnixSocket(UnixSocket&& other) noexcept
    : fd_(std::move(other.fd_)),
      path_(std::exchange(other.path_, {})),  // empty: nothing to remove
      device_(other.device_),
      inode_(other.inode_) {}

Result<UnixSocket> UnixSocket::listen(const std::filesystem::path& path, mode_t mode,
                                      std::optional<gid_t> group) {
  if (path.native().size() >= sizeof(sockaddr_un::sun_path))
    return fail(ErrorCode::invalid, path.native() + ": too long for a unix socket");
  const sockaddr_un address = address_of(path);
  if (auto removed = remove_stale(path, address); !removed) return fail(std::move(removed.error()));

  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) return fail_errno(errno, "socket");
  // bind() gives the file the socket's own mode less the umask: narrow it first, and widen it only
  // when the group is right.
  if (::fchmod(fd.get(), S_IRUSR | S_IWUSR) != 0) return fail_errno(errno, "socket mode");
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return fail_errno(errno, path.native());

  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0) return fail_errno(errno, path.native());
  UnixSocket made(std::move(fd), path, status.st_dev,
                  status.st_ino);  // from here on, failure removes the file
  if (group && ::lchown(path.c_str(), static_cast<uid_t>(-1), *group) != 0)
    return fail_errno(errno, path.native() + ": group");
  if (::chmod(path.c_str(), mode) != 0) return fail_errno(errno, path.native() + ": mode");
  if (::listen(made.fd_.get(), kBacklog) != 0) return fail_errno(errno, path.native());
  return made;
}

UnixSocket::~UnixSocket() {
  if (path_.empty()) return;
  struct stat status {};
  if (::lstat(path_.c_str(), &status) == 0 && status.st_dev == device_ && status.st_ino == inode_)
    ::unlink(path_.c_str());
}

}  // namespace vs::http
