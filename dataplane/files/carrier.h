// How the messages of a mount come and go. A carrier makes a connection for each client and hands its messages to it, whole.
//
// Owned by the loop's thread.
#pragma once

#include <cstdint>
#include <functional>
#include <span>

#include "base/result.h"

namespace vs::files {

// To the client that asked. Does nothing once that is gone.
using Send = std::function<void(std::span<const std::byte> message)>;
// Takes one message; when it fails, the connection is to be ended. Destroyed with the connection.
using Receive = std::function<Result<>(std::span<const std::byte> message, const Send& send)>;
// A client has come; so large may its messages be.
using Connect = std::function<Receive(std::uint32_t message_bytes_max)>;

class Carrier {
 public:
  virtual ~Carrier() = default;
};

}  // namespace vs::files
