// The transport of domUs: a device is announced in xenstore, guests open it by granting memory (abi/xen.h).
//
// One for each loop, over the process's one door. Owned by the loop's thread; the door outlives it.
#pragma once

#include <memory>

#include "dataplane/transport/transport.h"
#include "dataplane/transport/xen/door.h"

namespace vs {

class XenTransport final : public Transport {
 public:
  explicit XenTransport(XenDoor& door) : door_(door), bells_(door.take_bells()) {}
  ~XenTransport() override { bells_->detach(); }
  XenTransport(const XenTransport&) = delete;
  XenTransport& operator=(const XenTransport&) = delete;

  Result<std::unique_ptr<Entrance>> open(EventLoop& loop, const Device& device, Entrance::Callbacks callbacks) override;

 private:
  XenDoor& door_;
  std::shared_ptr<Bells> bells_;
  bool attached_ = false;
};

}  // namespace vs
