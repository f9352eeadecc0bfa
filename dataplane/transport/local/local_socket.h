// The sockets of the local transport: where guests connect, and the handshake.
//
// Nothing here blocks.
// Owned by one thread. Errors: invalid, when the guest says something else than the protocol (abi/local.h);
// unavailable, when it is gone.
#pragma once

#include <sys/socket.h>

#include <filesystem>
#include <optional>
#include <string>

#include "base/result.h"
#include "base/unique_fd.h"
#include "dataplane/abi/local.h"
#include "dataplane/abi/ring.h"
#include "dataplane/transport/transport.h"

namespace vs {

// A listening socket for one device of one domain; the path is the guest's identity.
class LocalListener {
 public:
  // Puts the socket at `path` in one step: a guest that connects meets the old socket or the new one, never none. The old one may be
  // another node's.
  static Result<LocalListener> open(const std::filesystem::path& path, int socket_type = SOCK_SEQPACKET);
  LocalListener(LocalListener&&) noexcept = default;
  LocalListener& operator=(LocalListener&&) = delete;
  // Takes the socket away, unless it is another one by then.
  ~LocalListener();

  // What is at the path.
  struct File {
    dev_t device;
    ino_t inode;
  };

  [[nodiscard]] int fd() const { return socket_.get(); }
  // The path stays when it ends: a guest that connects is refused, and tries again, until there is another one.
  void leave_path() { leaves_path_ = true; }
  // The next waiting connection; nullopt when there is none. exhausted, when descriptors run out.
  Result<std::optional<UniqueFd>> accept();

 private:
  LocalListener(UniqueFd socket, std::filesystem::path path, File file)
      : socket_(std::move(socket)), path_(std::move(path)), file_(file) {}

  UniqueFd socket_;
  std::filesystem::path path_;
  File file_;
  bool leaves_path_ = false;
};

// Reads the hello; nullopt when it has not come yet. Of one that is none, `reason` says what was wrong with it.
Result<std::optional<Hello>> receive_hello(int socket, vs_refusal& reason);

// What a frontend is given.
struct LocalGifts {
  int memory;
  int bell_of_frontend;  // that it rings
  int bell_of_backend;
  SharedMemory shared;
};

// Answers it: with VS_STATUS_OK and the gifts, or with a refusal.
Result<> send_welcome(int socket, std::uint32_t region_bytes, const LocalGifts& gifts);
Result<> send_refusal(int socket, vs_status status, vs_refusal reason);

}  // namespace vs
