// Where the guests of one binding come in: its socket, and the connections that have not said hello yet.
//
// Owned by the loop's thread. `on_hello` must not destroy the entrance.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <unordered_map>

#include "base/event_loop.h"
#include "dataplane/backend/counters.h"
#include "dataplane/transport/local/local_socket.h"

namespace vs {

inline constexpr std::size_t kHandshakesPerBindingMax = 64;  // connections that have not said hello
inline constexpr int kAcceptsPerEventMax = 16;
inline constexpr std::chrono::milliseconds kHandshakeTimeout{2000};
inline constexpr std::chrono::milliseconds kAcceptPause{100};  // when descriptors have run out

class Entrance {
 public:
  using OnHello = std::function<void(UniqueFd socket, const LocalHello& hello)>;

  // Listens at `path`. What goes wrong is counted in `counters`, which outlive it.
  static Result<std::unique_ptr<Entrance>> open(EventLoop& loop, const std::filesystem::path& path,
                                                BindingCounters& counters, OnHello on_hello);
  ~Entrance();
  Entrance(const Entrance&) = delete;
  Entrance& operator=(const Entrance&) = delete;

  // Hangs up on all that have not said hello.
  void end_handshakes();

 private:
  struct Handshake {
    UniqueFd socket;
    TimerId timer;
  };

  Entrance(EventLoop& loop, LocalListener listener, BindingCounters& counters, OnHello on_hello);
  void accept();
  void begin_handshake(UniqueFd socket);
  void continue_handshake(int fd);
  UniqueFd end_handshake(int fd);
  void refuse(int socket);

  EventLoop& loop_;
  LocalListener listener_;
  BindingCounters& counters_;
  OnHello on_hello_;
  std::unordered_map<int, Handshake> handshakes_;  // by socket
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace vs
