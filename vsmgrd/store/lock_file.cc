#include "vsmgrd/store/lock_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string>

#include <fmt/format.h>

namespace vs {
namespace {

// The holder wrote its process id, for people; the lock itself is the kernel's.
std::string holder_of(int fd) {
  std::array<char, 16> text{};
  const ssize_t bytes = ::pread(fd, text.data(), text.size(), 0);
  std::string pid(text.data(), bytes > 0 ? static_cast<std::size_t>(bytes) : 0);
  pid.erase(pid.find_last_not_of('\n') + 1);
  return pid.empty() ? "another process" : "process " + pid;
}

void write_holder(int fd) {
  const std::string pid = std::to_string(::getpid()) + '\n';
  // A full disk must not keep us from locking.
  if (::ftruncate(fd, 0) == 0) [[maybe_unused]]
    const auto written = ::pwrite(fd, pid.data(), pid.size(), 0);
}

}  // namespace

Result<LockFile> LockFile::acquire(const std::filesystem::path& path) {
  LockFile lock{.fd = UniqueFd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600))};
  const bool read_only = !lock.fd && errno == EROFS;
  if (read_only) {
    lock.fd.reset(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!lock.fd && errno == ENOENT) return lock;
  }
  if (!lock.fd) return fail_errno(errno, path.string());
  if (::flock(lock.fd.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return fail_errno(errno, "lock " + path.string());
    return fail(ErrorCode::conflict, fmt::format("{} is held by {}: a database has one vsmgrd",
                                                 path.string(), holder_of(lock.fd.get())));
  }
  if (!read_only) write_holder(lock.fd.get());
  return lock;
}

}  // namespace vs
