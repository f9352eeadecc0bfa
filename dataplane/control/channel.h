// A stream socket that carries whole messages: a 4-byte little-endian length, then that many bytes.
//
// Owned by the thread of its loop. Never blocks: what the peer does not read is kept, up to kSendBytesMax.
// Callbacks run on the loop's thread; after `on_closed` no other callback comes. A callback may destroy the channel.
// Errors: exhausted, when the peer does not read; the channel is closed then.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/event_loop.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace vs::control {

inline constexpr std::size_t kMessageBytesMax = 16 << 20;
inline constexpr std::size_t kSendBytesMax = 32 << 20;

class Channel {
 public:
  struct Callbacks {
    std::function<void(std::string_view message)> on_message;
    std::function<void(const Error& why)> on_closed;
  };

  // `socket` is a connected stream socket, non-blocking.
  Channel(EventLoop& loop, UniqueFd socket, Callbacks callbacks);
  ~Channel();
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  Result<> send(std::string_view message);
  [[nodiscard]] bool open() const { return static_cast<bool>(socket_); }

 private:
  void on_event(std::uint32_t events);
  bool receive();   // false when closed or destroyed by a callback
  bool deliver();
  Result<> flush();
  void close(const Error& why);

  EventLoop& loop_;
  UniqueFd socket_;
  Callbacks callbacks_;
  std::string received_;
  std::string unsent_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

// Connects to, or listens at, a unix stream socket at `path`. not_found or unavailable when nobody listens.
Result<UniqueFd> connect_unix(const std::string& path);
Result<UniqueFd> listen_unix(const std::string& path);

}  // namespace vs::control
