// The sockets of the local transport: where guests connect, the handshake, and the doorbell on the connected socket.
//
// Nothing here blocks: a guest that does not read, or sends too much, costs only itself.
// Owned by one thread. Errors: invalid, when the guest says something else than the protocol (abi/local.h);
// unavailable, when it is gone.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "base/result.h"
#include "base/unique_fd.h"
#include "dataplane/abi/local.h"
#include "dataplane/abi/ring.h"

namespace vs {

// A listening socket for one device of one domain; the path is the guest's identity.
class LocalListener {
 public:
  // Puts the socket at `path` in one step: a guest that connects meets the old socket or the new one, never none.
  static Result<LocalListener> open(const std::filesystem::path& path);
  LocalListener(LocalListener&&) noexcept = default;
  LocalListener& operator=(LocalListener&&) = delete;
  ~LocalListener();

  [[nodiscard]] int fd() const { return socket_.get(); }
  // The next waiting connection; nullopt when there is none. exhausted, when descriptors run out.
  Result<std::optional<UniqueFd>> accept();

 private:
  LocalListener(UniqueFd socket, std::filesystem::path path) : socket_(std::move(socket)), path_(std::move(path)) {}

  UniqueFd socket_;
  std::filesystem::path path_;
};

// What a frontend asked for, checked.
struct LocalHello {
  std::uint64_t features;
  std::uint32_t generation;
  std::uint32_t takes;  // vs_local_takes
  std::string service;
  std::string device;
};

// Reads the hello; nullopt when it has not come yet. Of one that is none, `reason` says what was wrong with it.
Result<std::optional<LocalHello>> receive_hello(int socket, vs_local_reason& reason);

// Answers it: with VS_STATUS_OK, the region's descriptor and, unless it is -1, the pool's; or with a refusal.
Result<> send_welcome(int socket, std::uint32_t region_bytes, int memory, int pool = -1);
Result<> send_refusal(int socket, vs_status status, vs_local_reason reason);

// Wakes the frontend. False when it is gone.
bool ring_doorbell(int socket);

// Takes waiting doorbells off the socket, all of them: what stays would add up until the socket is full, and a full socket
// wakes nobody. False when the frontend is gone. The limit is more than a socket of the usual size holds.
inline constexpr int kDoorbellsPerDrainMax = 1024;
bool drain_doorbells(int socket);

}  // namespace vs
