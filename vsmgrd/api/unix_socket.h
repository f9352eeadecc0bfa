// The daemon's listening unix socket: made safely, removed when it goes.
//
// Owned by one thread. A socket file left by a dead process is replaced; one that somebody listens
// on, or a file that is not a socket, never is. Errors: invalid (path too long), conflict (somebody
// listens there; not a socket), otherwise by errno.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <optional>

#include "base/result.h"
#include "base/unique_fd.h"

namespace vs::http {

class UnixSocket {
 public:
  // Binds and listens. The file is never reachable with more than `mode`, not even for a moment.
  static Result<UnixSocket> listen(const std::filesystem::path& path, mode_t mode,
                                   std::optional<gid_t> group);
  UnixSocket(UnixSocket&& other) noexcept;
  UnixSocket& operator=(UnixSocket&&) = delete;
  ~UnixSocket();  // removes the file, if it is still the one made here

  [[nodiscard]] int release_fd() {
    return fd_.release();
  }  // to whoever accepts; the file stays ours

 private:
  UnixSocket(UniqueFd fd, std::filesystem::path path, dev_t device, ino_t inode);

  UniqueFd fd_;
  std::filesystem::path path_;
  dev_t device_;
  ino_t inode_;
};

}  // namespace vs::http
