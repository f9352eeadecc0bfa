// 9P over the rings of Xen's 9pfs: for `mount -t 9p -o trans=xen TAG DIRECTORY` in a domU.
//
// Owned by the loop's thread.
#pragma once

#include "dataplane/files/carrier.h"
#include "dataplane/transport/xen/ninepfs_door.h"

namespace vs::files {

class XenCarrier final : public Carrier {
 public:
  // The door outlives it.
  XenCarrier(NinePfsDoor& door, NinePfsDoor::Offer offer) : door_(door), number_(door.offer(std::move(offer))) {}
  ~XenCarrier() override { door_.withdraw(number_); }

 private:
  NinePfsDoor& door_;
  std::uint64_t number_;
};

}  // namespace vs::files
