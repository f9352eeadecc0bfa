#include "dataplane/transport/xen/xen_link.h"

#include <atomic>
#include <cstring>
#include <utility>

namespace vs {

XenLink::XenLink(XenDoor& door, Bells& bells, std::shared_ptr<XenLinks> links, XenArrival arrival,
                 const vs_region_header& header, OnSign on_sign)
    : Link(arrival.region.bytes(), header),
      door_(door),
      bells_(bells),
      links_(std::move(links)),
      arrival_(std::move(arrival)),
      on_sign_(std::move(on_sign)) {
  (*links_)[static_cast<std::uint64_t>(arrival_.id)] = this;
}

XenLink::~XenLink() { hang_up(); }

vs_xen_directory* XenLink::directory() const {
  return reinterpret_cast<vs_xen_directory*>(arrival_.directory.bytes().data());
}

void XenLink::welcome() {
  std::memset(region().data(), 0, region().size());  // whatever the guest left there
  std::memcpy(region().data(), &header(), sizeof(vs_region_header));
  std::atomic_ref(directory()->backend_alive).store(1, std::memory_order_release);
  bells_.listen(arrival_.port, [this] { on_ring(); });
  door_.connected(arrival_.id);
}

void XenLink::on_ring() {
  if (!guest_alive()) return on_sign_(Sign::end);
  if (!hears_) return;  // masked until it is heard again: then an end that was rung for meanwhile is heard, too
  bells_.let_ring(arrival_.port);
  on_sign_(Sign::doorbell);
}

void XenLink::ring() { bells_.ring(arrival_.port); }

bool XenLink::guest_alive() const {
  return std::atomic_ref(directory()->frontend_alive).load(std::memory_order_acquire) != 0;
}

void XenLink::hear(bool doorbells) {
  hears_ = doorbells;
  if (doorbells) bells_.let_ring(arrival_.port);
}

void XenLink::hang_up() {
  if (arrival_.directory.bytes().empty()) return;
  links_->erase(static_cast<std::uint64_t>(arrival_.id));
  bells_.ignore(arrival_.port);
  arrival_.directory.unmap();  // clears our byte and rings: the guest sees it at once
  bells_.unbind(arrival_.port);
  door_.closed(arrival_.id);
}

}  // namespace vs
