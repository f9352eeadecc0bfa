// The transport of sandboxes and containers on this node: a socket for each device, in a directory for each domain.
//
// Owned by the loop's thread.
#pragma once

#include <filesystem>
#include <memory>
#include <utility>

#include "dataplane/transport/transport.h"

namespace vs {

class LocalTransport final : public Transport {
 public:
  // `directory` holds one directory a domain, with one socket a device.
  explicit LocalTransport(std::filesystem::path directory) : directory_(std::move(directory)) {}

  Result<std::unique_ptr<Entrance>> open(EventLoop& loop, const Device& device, Entrance::Callbacks callbacks) override;

 private:
  std::filesystem::path directory_;
};

}  // namespace vs
