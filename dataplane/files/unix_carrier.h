// 9P over a unix stream socket: for `mount -t 9p -o trans=unix PATH DIRECTORY`, and for programs that speak it themselves.
//
// Owned by the loop's thread. What a client does not read is kept for it up to a limit; then it is not listened to until it does.
#pragma once

#include <filesystem>
#include <map>
#include <memory>

#include "base/event_loop.h"
#include "dataplane/files/carrier.h"
#include "dataplane/transport/local/local_socket.h"

namespace vs::files {

inline constexpr std::size_t kUnixClientsMax = 16;              // of one mount; more are hung up on
inline constexpr std::size_t kUnixUnreadMax = 256 << 10;        // bytes of answers, of one client

class UnixCarrier final : public Carrier {
 public:
  // Listens at `path`. `on_crowd`: somebody was hung up on.
  static Result<std::unique_ptr<UnixCarrier>> open(EventLoop& loop, const std::filesystem::path& path, Connect connect,
                                                   std::function<void()> on_crowd);
  ~UnixCarrier() override;

 private:
  class Client;
  UnixCarrier(EventLoop& loop, LocalListener listener, Connect connect, std::function<void()> on_crowd);
  void accept();

  EventLoop& loop_;
  LocalListener listener_;
  Connect connect_;
  std::function<void()> on_crowd_;
  std::map<int, std::shared_ptr<Client>> clients_;  // by descriptor
};

}  // namespace vs::files
