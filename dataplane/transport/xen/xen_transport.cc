#include "dataplane/transport/xen/xen_transport.h"

#include <utility>

#include "dataplane/abi/xen.h"
#include "dataplane/transport/xen/xen_link.h"

namespace vs {
namespace {

// Letters that a path of xenstore may have.
bool safe_in_store(const std::string& name) {
  return !name.empty() && name.size() <= VS_LOCAL_DEVICE_BYTES &&
         name.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") == std::string::npos;
}

const char* words_for(vs_refusal reason) {
  switch (reason) {
    case VS_REFUSAL_SERVICE: return "the device is of another service";
    case VS_REFUSAL_DEVICE: return "the directory names another device";
    case VS_REFUSAL_POLICY: return "refused by policy";
    case VS_REFUSAL_SESSIONS: return "too many sessions";
    case VS_REFUSAL_MEMORY: return "the domain's memory is used up";
    default: return "refused";
  }
}

class XenCaller final : public Caller {
 public:
  XenCaller(XenDoor& door, Bells& bells, std::shared_ptr<XenLinks> links, XenArrival& arrival)
      : Caller(arrival.hello), door_(door), bells_(bells), links_(std::move(links)), arrival_(arrival) {}

  Result<std::unique_ptr<Link>> welcome(const RegionShape& shape, const SharedMemory& /*memory*/, Link::OnSign on_sign) override {
    if (region_bytes(shape) != arrival_.region.bytes().size())
      return fail(ErrorCode::exhausted, "the guest granted a region of another size");
    answered_ = true;
    const vs_region_header header = make_header(shape, hello().generation);
    auto link = std::make_unique<XenLink>(door_, bells_, links_, std::move(arrival_), header, std::move(on_sign));
    link->welcome();
    return std::unique_ptr<Link>(std::move(link));
  }

  void refuse(vs_status status, vs_refusal reason) override {
    if (std::exchange(answered_, true)) return;
    arrival_.directory.unmap();
    bells_.unbind(arrival_.port);
    door_.refused(arrival_.id, status, reason, words_for(reason));
  }

 private:
  XenDoor& door_;
  Bells& bells_;
  std::shared_ptr<XenLinks> links_;
  XenArrival& arrival_;
  bool answered_ = false;
};

class XenEntrance final : public Entrance {
 public:
  XenEntrance(XenDoor& door, const std::shared_ptr<Bells>& bells, EventLoop& loop, const Device& device, Callbacks callbacks)
      : door_(door), bells_(*bells), callbacks_(std::move(callbacks)) {
    const auto here = std::weak_ptr(alive_);
    number_ = door_.open({.domid = *device.domid,
                          .device = device.name,
                          .service = device.kind,
                          .region_bytes = device.region_bytes,
                          .loop = &loop,
                          .bells = bells,
                          .on_arrival =
                              [this, here, &door, bells](XenArrival arrival) {
                                if (!here.expired()) return arrived(arrival);
                                arrival.directory.unmap();  // nobody is here any more
                                bells->unbind(arrival.port);
                                door.closed(arrival.id);
                              },
                          .on_end =
                              [links = links_](XenOpenId id) {
                                const auto found = links->find(static_cast<std::uint64_t>(id));
                                if (found != links->end()) found->second->gone();
                              },
                          .on_bad_hello =
                              [this, here](const std::string& why) {
                                if (!here.expired()) callbacks_.on_bad_hello(why);
                              }});
  }
  ~XenEntrance() override { door_.close(number_); }

  void end_handshakes() override {}  // the door ends those of a device that is withdrawn

 private:
  void arrived(XenArrival& arrival) {
    XenCaller caller(door_, bells_, links_, arrival);
    callbacks_.on_hello(caller);
    caller.refuse(VS_STATUS_UNAVAILABLE, VS_REFUSAL_NONE);  // if nothing was said
  }

  XenDoor& door_;
  Bells& bells_;
  Callbacks callbacks_;
  std::uint64_t number_ = 0;
  std::shared_ptr<XenLinks> links_ = std::make_shared<XenLinks>();
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace

Result<std::unique_ptr<Entrance>> XenTransport::open(EventLoop& loop, const Device& device, Entrance::Callbacks callbacks) {
  if (!device.domid) return fail(ErrorCode::invalid, "domain " + device.domain + ": not a domU");
  if (!safe_in_store(device.name)) return fail(ErrorCode::invalid, "device " + device.name + ": no name for xenstore");
  constexpr std::uint32_t kRegionBytesMax = std::uint32_t{VS_XEN_PAGES_MAX} * VS_PAGE_BYTES;
  if (device.region_bytes > kRegionBytesMax)
    return fail(ErrorCode::invalid, "device " + device.name + ": buffers larger than a domU can grant (" +
                                        std::to_string(kRegionBytesMax) + " bytes in all)");
  if (!attached_) {
    if (auto listens = bells_->attach(loop); !listens) return fail(std::move(listens.error()));
    attached_ = true;
  }
  return std::unique_ptr<Entrance>(std::make_unique<XenEntrance>(door_, bells_, loop, device, std::move(callbacks)));
}

}  // namespace vs
