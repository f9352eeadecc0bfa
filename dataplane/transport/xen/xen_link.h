// A domU's connected end: the region that it granted, and an event channel.
//
// All pages are the guest's, which can write them at any time: what is ours of them is written only, and read nowhere.
// Owned by the loop's thread.
#pragma once

#include <memory>
#include <unordered_map>

#include "dataplane/transport/link.h"
#include "dataplane/transport/xen/door.h"

namespace vs {

class XenLink;
using XenLinks = std::unordered_map<std::uint64_t, XenLink*>;  // of one entrance, by open

class XenLink final : public Link {
 public:
  XenLink(XenDoor& door, Bells& bells, std::shared_ptr<XenLinks> links, XenArrival arrival, const vs_region_header& header, OnSign on_sign);
  ~XenLink() override;

  // Writes the header where the guest looks for it, and says so.
  void welcome();
  // The guest has gone, as xenstore says.
  void gone() { on_sign_(Sign::end); }

  void ring() override;
  void hear(bool doorbells) override;
  bool move_to(EventLoop&, OnSign) override { return false; }  // its bells are its loop's: the guest opens it again
  void silence() override {}
  void hang_up() override;

 private:
  void on_ring();
  // Its kernel clears a byte when the guest's process is gone, and rings.
  [[nodiscard]] bool guest_alive() const;
  [[nodiscard]] vs_xen_directory* directory() const;

  XenDoor& door_;
  Bells& bells_;
  std::shared_ptr<XenLinks> links_;
  XenArrival arrival_;
  OnSign on_sign_;
  bool hears_ = true;
};

}  // namespace vs
