// Where the guests of one binding come in: its socket, and the connections that have not said hello yet.
//
// Owned by the loop's thread.
#pragma once

#include <chrono>
#include <filesystem>
#include <memory>
#include <unordered_map>

#include "base/event_loop.h"
#include "dataplane/transport/local/local_socket.h"
#include "dataplane/transport/transport.h"

namespace vs {

inline constexpr std::size_t kHandshakesPerBindingMax = 64;  // connections that have not said hello
inline constexpr int kAcceptsPerEventMax = 16;
inline constexpr std::chrono::milliseconds kHandshakeTimeout{2000};
inline constexpr std::chrono::milliseconds kAcceptPause{100};  // when descriptors have run out

class LocalEntrance final : public Entrance {
 public:
  // Listens at `path`.
  static Result<std::unique_ptr<LocalEntrance>> open(EventLoop& loop, const std::filesystem::path& path,
                                                     Callbacks callbacks);
  ~LocalEntrance() override;
  LocalEntrance(const LocalEntrance&) = delete;
  LocalEntrance& operator=(const LocalEntrance&) = delete;

  void end_handshakes() override;
  void reopens() override { listener_.leave_path(); }

 private:
  struct Handshake {
    UniqueFd socket;
    TimerId timer;
  };

  LocalEntrance(EventLoop& loop, LocalListener listener, Callbacks callbacks);
  void accept();
  void begin_handshake(UniqueFd socket);
  void continue_handshake(int fd);
  UniqueFd end_handshake(int fd);
  void refuse(int socket);

  EventLoop& loop_;
  LocalListener listener_;
  Callbacks callbacks_;
  std::unordered_map<int, Handshake> handshakes_;  // by socket
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace vs
