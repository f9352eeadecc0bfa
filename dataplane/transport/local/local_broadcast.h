// The memory of a broadcast ring in a sealed memfd: written here, handed to readers as a descriptor they can only read.
//
// Sealed as a pool is (local_pool.h). Sizes are bytes. Owned by one thread. Errors: exhausted, when memory or descriptors run out.
#pragma once

#include <memory>

#include "base/result.h"
#include "base/unique_fd.h"
#include "dataplane/ring/broadcast.h"

namespace vs {

class LocalBroadcast {
 public:
  static Result<std::unique_ptr<LocalBroadcast>> create(BroadcastShape shape);
  LocalBroadcast(const LocalBroadcast&) = delete;
  LocalBroadcast& operator=(const LocalBroadcast&) = delete;
  ~LocalBroadcast();

  [[nodiscard]] std::span<std::byte> bytes() const { return bytes_; }
  [[nodiscard]] int memory() const { return memory_.get(); }
  [[nodiscard]] BroadcastWriter& writer() { return writer_; }
  [[nodiscard]] const BroadcastWriter& writer() const { return writer_; }

 private:
  LocalBroadcast(UniqueFd memory, std::span<std::byte> bytes, const vs_broadcast_header& header)
      : memory_(std::move(memory)), bytes_(bytes), writer_(bytes, header) {}

  UniqueFd memory_;
  std::span<std::byte> bytes_;
  BroadcastWriter writer_;
};

}  // namespace vs
