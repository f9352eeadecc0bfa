// Offers 9P mounts to domUs, as Xen's own 9pfs devices: a stock guest mounts one with nothing but its kernel's 9pnet_xen.
//
// A device is announced in xenstore under device/9pfs of the guest; what the guest answers, grants and writes into its rings is judged
// here. A guest that does it wrong is closed, in words (`error` beside the state), and offered its device anew after a pause.
// Owned by the loop's thread, which xenstore keeps waiting: so it is to be a loop that serves no rings.
// Errors: unavailable, when this is no Xen or there was no right to the device nodes.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/event_loop.h"
#include "dataplane/transport/xen/bells.h"
#include "dataplane/transport/xen/ninepfs_ring.h"
#include "dataplane/transport/xen/xenstore.h"

namespace vs {

inline constexpr std::uint32_t kNinePfsRingsMax = 2;                 // of one device; Linux wants two
inline constexpr std::uint32_t kNinePfsDeviceFirst = 512;            // devices of lower numbers are the toolstack's
inline constexpr std::chrono::seconds kNinePfsOfferPause{1};         // before a device is offered again
inline constexpr int kNinePfsMessagesPerTurnMax = 64;                // of one ring; then the loop looks around
inline constexpr std::size_t kNinePfsKeptMax = 256 << 10;            // bytes of answers that a guest does not read; then it is not heard

class NinePfsDoor {
 public:
  using Send = std::function<void(std::span<const std::byte> message)>;
  using Receive = std::function<Result<>(std::span<const std::byte> message, const Send& send)>;
  struct Offer {
    std::uint32_t domid = 0;
    std::string tag;                                               // what the guest mounts
    std::function<Receive(std::uint32_t message_bytes_max)> connect;  // the guest has connected
    std::function<void(const std::string& why)> on_refused;           // it did something wrong, and was closed
  };

  // Opens the device nodes and xenstore: before privilege is dropped.
  static Result<std::unique_ptr<NinePfsDoor>> prepare();
  ~NinePfsDoor();
  NinePfsDoor(const NinePfsDoor&) = delete;
  NinePfsDoor& operator=(const NinePfsDoor&) = delete;

  Result<> start(EventLoop& loop);
  // Offers it until withdraw(). Returns a number for that.
  std::uint64_t offer(Offer offer);
  void withdraw(std::uint64_t number);

 private:
  struct Ring {
    Ring(NinePfsRing ring, std::uint32_t port) : ring(std::move(ring)), port(port) {}
    NinePfsRing ring;
    std::uint32_t port;
  };
  struct Device {
    Offer offer;
    std::uint32_t id = 0;  // in xenstore
    std::vector<std::shared_ptr<Ring>> rings;
    Receive receive;
    bool connected = false;
    bool offered = false;
  };

  NinePfsDoor(Xenstore store, std::shared_ptr<GrantMapper> mapper, std::unique_ptr<Bells> bells)
      : store_(std::move(store)), mapper_(std::move(mapper)), bells_(std::move(bells)) {}

  void take_events();
  void announce(std::uint64_t number);
  Result<std::uint32_t> next_id(std::uint32_t domid);
  Result<> write_nodes(Device& device);
  void look(std::uint64_t number);
  Result<> connect(std::uint64_t number, Device& device);
  void serve(std::uint64_t number, const std::shared_ptr<Ring>& ring);
  Result<> serve_messages(std::uint64_t number, Device& device, const std::shared_ptr<Ring>& ring);
  void refuse(std::uint64_t number, Device& device, const std::string& why);
  void disconnect(Device& device);
  void offer_again(std::uint64_t number);
  [[nodiscard]] std::string frontend(const Device& device) const;
  [[nodiscard]] std::string backend(const Device& device) const;

  Xenstore store_;
  std::shared_ptr<GrantMapper> mapper_;
  std::unique_ptr<Bells> bells_;
  EventLoop* loop_ = nullptr;
  std::uint32_t own_domid_ = 0;
  std::uint64_t next_number_ = 1;
  std::map<std::uint64_t, Device> devices_;
  std::map<std::uint32_t, std::uint32_t> next_ids_;  // by domid
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace vs
