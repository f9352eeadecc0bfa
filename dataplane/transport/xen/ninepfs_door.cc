#include "dataplane/transport/xen/ninepfs_door.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "base/log.h"

namespace vs {
namespace {

inline constexpr const char* kGoneToken = "gone";

// xenbus' states (xen/io/xenbus.h).
inline constexpr std::uint32_t kInitialised = 3;
inline constexpr std::uint32_t kClosing = 5;
inline constexpr const char* kInitialising = "1";
inline constexpr const char* kInitWait = "2";
inline constexpr const char* kConnected = "4";
inline constexpr const char* kClosed = "6";

}  // namespace

Result<std::unique_ptr<NinePfsDoor>> NinePfsDoor::prepare() {
  auto store = Xenstore::open();
  if (!store) return fail(std::move(store.error()));
  auto mapper = GrantMapper::open();
  if (!mapper) return fail(std::move(mapper.error()));
  auto bells = Bells::open();
  if (!bells) return fail(std::move(bells.error()));
  return std::unique_ptr<NinePfsDoor>(new NinePfsDoor(std::move(*store), std::move(*mapper), std::move(*bells)));
}

NinePfsDoor::~NinePfsDoor() {
  while (!devices_.empty()) withdraw(devices_.begin()->first);
  if (loop_ == nullptr) return;
  loop_->unwatch(store_.fd());
  bells_->detach();
}

Result<> NinePfsDoor::start(EventLoop& loop) {
  if (const auto own = store_.read_number("domid", kPortMax); own && *own) own_domid_ = **own;
  if (auto watched = store_.watch("@releaseDomain", kGoneToken); !watched) return watched;
  if (auto watched = loop.watch(store_.fd(), EPOLLIN, [this](std::uint32_t) { take_events(); }); !watched) return watched;
  loop_ = &loop;
  return bells_->attach(loop);
}

std::string NinePfsDoor::frontend(const Device& device) const {
  return guest_home(device.offer.domid) + "/device/9pfs/" + std::to_string(device.id);
}

std::string NinePfsDoor::backend(const Device& device) const {
  return guest_home(own_domid_) + "/backend/9pfs/" + std::to_string(device.offer.domid) + "/" + std::to_string(device.id);
}

std::uint64_t NinePfsDoor::offer(Offer offer) {
  const std::uint64_t number = next_number_++;
  devices_.emplace(number, Device{.offer = std::move(offer)});
  announce(number);
  return number;
}

// A number that the guest has not seen: one that it has is to it the old device. What a process before us offered goes.
Result<std::uint32_t> NinePfsDoor::next_id(std::uint32_t domid) {
  const std::string home = guest_home(own_domid_) + "/backend/9pfs/" + std::to_string(domid);
  const auto names = store_.list(home);
  if (!names) return fail(names.error());
  std::uint32_t next = std::max(kNinePfsDeviceFirst, next_ids_[domid]);
  for (const std::string& name : *names) {
    const auto id = decimal(name, UINT32_MAX - 1);
    if (!id || *id < kNinePfsDeviceFirst) continue;
    next = std::max(next, *id + 1);
    const bool ours = std::any_of(devices_.begin(), devices_.end(), [&](const auto& known) {
      return known.second.offered && known.second.offer.domid == domid && known.second.id == *id;
    });
    if (ours) continue;
    for (const std::string& stale : {guest_home(domid) + "/device/9pfs/" + name, home + "/" + name})
      if (auto gone = store_.remove(stale); !gone) return fail(gone.error());
  }
  next_ids_[domid] = next + 1;
  return next;
}

void NinePfsDoor::announce(std::uint64_t number) {
  Device& device = devices_.at(number);
  if (!store_.domain_lives(device.offer.domid)) return;  // it will come back as another one, by configuration
  auto id = next_id(device.offer.domid);
  if (id) device.id = *id;
  Result<> written = id ? write_nodes(device) : Result<>(fail(id.error()));
  if (written) written = store_.watch(frontend(device) + "/state", std::to_string(number));
  if (!written) {
    log::warn("files.not_announced", {{"domid", device.offer.domid}, {"error", written.error()}});
    return;
  }
  device.offered = true;
}

// The guest's driver looks at the device when its state comes: it is written last.
Result<> NinePfsDoor::write_nodes(Device& device) {
  const std::uint32_t domid = device.offer.domid;
  const std::string front = frontend(device);
  const std::string back = backend(device);
  if (auto done = store_.make(back, own_domid_, domid); !done) return done;
  if (auto done = store_.make(front, domid, own_domid_); !done) return done;
  const std::array<std::pair<std::string, std::string>, 12> keys{{
      {back + "/frontend", front},
      {back + "/frontend-id", std::to_string(domid)},
      {back + "/online", "1"},
      {back + "/tag", device.offer.tag},
      {back + "/versions", "1"},
      {back + "/max-rings", std::to_string(kNinePfsRingsMax)},
      {back + "/max-ring-page-order", std::to_string(kNinePfsOrderMax)},
      {back + "/state", kInitWait},
      {front + "/backend", back},
      {front + "/backend-id", std::to_string(own_domid_)},
      {front + "/tag", device.offer.tag},
      {front + "/state", kInitialising},
  }};
  for (const auto& [path, value] : keys)
    if (auto done = store_.write(path, value); !done) return done;
  return {};
}

void NinePfsDoor::withdraw(std::uint64_t number) {
  auto node = devices_.extract(number);
  if (node.empty()) return;
  Device& device = node.mapped();
  disconnect(device);
  if (!device.offered) return;
  store_.unwatch(frontend(device) + "/state", std::to_string(number));
  (void)store_.remove(frontend(device));
  (void)store_.remove(backend(device));
}

void NinePfsDoor::take_events() {
  for (int taken = 0; taken < kNinePfsMessagesPerTurnMax; ++taken) {
    const auto event = store_.next_event();
    if (!event) return;
    if (event->token == kGoneToken) {
      // While a page of a domain that is dying is mapped, it cannot go.
      for (auto& [number, device] : devices_)
        if (!store_.domain_lives(device.offer.domid)) disconnect(device);
      continue;
    }
    std::uint64_t number = 0;
    std::from_chars(event->token.data(), event->token.data() + event->token.size(), number);
    look(number);
  }
  loop_->post([this, here = std::weak_ptr(alive_)] {
    if (!here.expired()) take_events();
  });
}

void NinePfsDoor::look(std::uint64_t number) {
  const auto found = devices_.find(number);
  if (found == devices_.end() || !found->second.offered) return;
  Device& device = found->second;
  const auto state = store_.read_number(frontend(device) + "/state", 99);
  if (!state) {
    if (state.error().code == ErrorCode::invalid) refuse(number, device, "state: not a number");
    return;
  }
  if (*state == kInitialised && !device.connected) {
    if (auto connected = connect(number, device); !connected) refuse(number, device, connected.error().message);
    return;
  }
  if (*state && **state < kClosing) return;
  if (*state && !device.connected && **state == kClosing) return;  // on its way to closed
  // The guest has let go of it, or has taken it away: it is there for the next who wants it.
  if (device.connected || !*state) {
    disconnect(device);
    (void)store_.write(backend(device) + "/state", kClosed);
    offer_again(number);
  }
}

Result<> NinePfsDoor::connect(std::uint64_t number, Device& device) {
  const std::string front = frontend(device);
  const auto read = [&](const std::string& key, std::uint32_t max) -> Result<std::uint32_t> {
    const auto value = store_.read_number(front + "/" + key, max);
    if (!value) return fail(ErrorCode::invalid, key + ": not a number, or out of range");
    if (!*value) return fail(ErrorCode::invalid, key + ": missing");
    return **value;
  };
  const auto version = read("version", 99);
  if (!version) return fail(version.error());
  if (*version != 1) return fail(ErrorCode::invalid, "version " + std::to_string(*version) + ": not 1");
  const auto rings = read("num-rings", 99);
  if (!rings) return fail(rings.error());
  if (*rings < 1 || *rings > kNinePfsRingsMax)
    return fail(ErrorCode::invalid, "num-rings " + std::to_string(*rings) + ": not from 1 to " + std::to_string(kNinePfsRingsMax));
  std::uint32_t message_bytes_max = UINT32_MAX;
  for (std::uint32_t i = 0; i < *rings; ++i) {
    const auto ref = read("ring-ref" + std::to_string(i), UINT32_MAX);
    if (!ref) return fail(ref.error());
    const auto remote = read("event-channel-" + std::to_string(i), kPortMax);
    if (!remote) return fail(remote.error());
    auto ring = NinePfsRing::map(mapper_, device.offer.domid, *ref);
    if (!ring) return fail(std::move(ring.error()).within("ring-ref" + std::to_string(i)));
    const auto port = bells_->bind(device.offer.domid, *remote);
    if (!port) return fail(port.error());
    message_bytes_max = std::min(message_bytes_max, static_cast<std::uint32_t>(ring->message_bytes_max()));
    device.rings.push_back(std::make_shared<Ring>(std::move(*ring), *port));
  }
  device.receive = device.offer.connect(message_bytes_max);
  device.connected = true;
  if (auto said = store_.write(backend(device) + "/state", kConnected); !said) return said;
  for (const auto& ring : device.rings)
    bells_->listen(ring->port, [this, number, weak = std::weak_ptr(ring)] {
      if (const auto rung = weak.lock()) serve(number, rung);
    });
  log::info("files.connected", {{"domid", device.offer.domid}, {"tag", device.offer.tag}, {"rings", *rings}});
  return {};
}

void NinePfsDoor::serve(std::uint64_t number, const std::shared_ptr<Ring>& ring) {
  const auto found = devices_.find(number);
  if (found == devices_.end() || !found->second.connected) return;
  bells_->let_ring(ring->port);  // before looking: what comes later rings again
  if (auto served = serve_messages(number, found->second, ring); !served) refuse(number, found->second, served.error().message);
}

Result<> NinePfsDoor::serve_messages(std::uint64_t number, Device& device, const std::shared_ptr<Ring>& ring) {
  const auto send = [this, here = std::weak_ptr(alive_), number, weak = std::weak_ptr(ring)](std::span<const std::byte> message) {
    const auto to = weak.lock();
    if (here.expired() || !to) return;
    to->ring.put(message);
    // Of a guest that breaks the ring, the next look at it tells.
    if (to->ring.flush()) bells_->ring(to->port);
  };
  if (auto flushed = ring->ring.flush(); !flushed) return flushed;
  bool took = false;
  for (int taken = 0; taken < kNinePfsMessagesPerTurnMax && ring->ring.kept() < kNinePfsKeptMax; ++taken) {
    auto message = ring->ring.take(ring->ring.message_bytes_max());
    if (!message) return fail(std::move(message.error()));
    if (!*message) {
      if (took) bells_->ring(ring->port);  // there is room
      return {};
    }
    took = true;
    if (auto done = device.receive(**message, send); !done) return done;
    ring->ring.publish_taken();
  }
  bells_->ring(ring->port);
  if (ring->ring.kept() >= kNinePfsKeptMax) return {};  // it rings when it has read
  loop_->post([this, here = std::weak_ptr(alive_), number, weak = std::weak_ptr(ring)] {
    const auto again = weak.lock();
    if (!here.expired() && again) serve(number, again);
  });
  return {};
}

void NinePfsDoor::refuse(std::uint64_t number, Device& device, const std::string& why) {
  disconnect(device);
  (void)store_.write(backend(device) + "/error", why);
  (void)store_.write(backend(device) + "/state", kClosed);
  log::warn("files.frontend_refused", {{"domid", device.offer.domid}, {"error", why}});
  device.offer.on_refused(why);
  offer_again(number);
}

void NinePfsDoor::disconnect(Device& device) {
  for (const auto& ring : device.rings) {
    bells_->ignore(ring->port);
    bells_->unbind(ring->port);
  }
  device.rings.clear();
  device.receive = nullptr;
  device.connected = false;
}

void NinePfsDoor::offer_again(std::uint64_t number) {
  Device& device = devices_.at(number);
  device.offered = false;  // its nodes go with the next offer: until then they say why
  store_.unwatch(frontend(device) + "/state", std::to_string(number));
  loop_->after(kNinePfsOfferPause, [this, here = std::weak_ptr(alive_), number] {
    if (!here.expired() && devices_.contains(number)) announce(number);
  });
}

}  // namespace vs
