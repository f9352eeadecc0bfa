// The transports of a backend as one: each device comes by the one that its domain is reached by.
//
// Owned by the loop's thread.
#pragma once

#include <memory>
#include <utility>

#include "dataplane/transport/transport.h"

namespace vs {

class Transports final : public Transport {
 public:
  // `xen`: nullptr where there is none.
  Transports(std::unique_ptr<Transport> local, std::unique_ptr<Transport> xen)
      : local_(std::move(local)), xen_(std::move(xen)) {}

  // A domU has its home on the node, too: who is let into it there (service files, an operator) is that domain.
  Result<std::unique_ptr<Entrance>> open(EventLoop& loop, const Device& device, Entrance::Callbacks callbacks) override {
    if (!device.domid) return local_->open(loop, device, std::move(callbacks));
    if (!xen_) return fail(ErrorCode::unavailable, "domain " + device.domain + ": this backend was not started on Xen");
    auto far = xen_->open(loop, device, callbacks);
    if (!far) return far;
    auto near = local_->open(loop, device, std::move(callbacks));
    if (!near) return near;
    return std::unique_ptr<Entrance>(std::make_unique<Both>(std::move(*far), std::move(*near)));
  }

 private:
  class Both final : public Entrance {
   public:
    Both(std::unique_ptr<Entrance> far, std::unique_ptr<Entrance> near) : far_(std::move(far)), near_(std::move(near)) {}
    void end_handshakes() override {
      far_->end_handshakes();
      near_->end_handshakes();
    }
    void reopens() override {
      far_->reopens();
      near_->reopens();
    }

   private:
    std::unique_ptr<Entrance> far_;
    std::unique_ptr<Entrance> near_;
  };

  std::unique_ptr<Transport> local_;
  std::unique_ptr<Transport> xen_;
};

}  // namespace vs
