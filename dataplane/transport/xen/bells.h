// The event channels of one loop, over one descriptor that was opened while there was the privilege to.
//
// A channel rings once, then is masked until it is let ring again: a guest cannot ring faster than its loop comes round.
// bind(), unbind() and ring() are thread-safe; the rest is owned by the loop's thread.
// Errors: unavailable, when there is no such channel to bind to; exhausted.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <unordered_map>

#include "base/event_loop.h"
#include "base/result.h"

struct xenevtchn_handle;

namespace vs {

class Bells {
 public:
  using OnRing = std::function<void()>;

  static Result<std::unique_ptr<Bells>> open();
  ~Bells();
  Bells(const Bells&) = delete;
  Bells& operator=(const Bells&) = delete;

  // Begins to listen, on `loop`, until detach().
  Result<> attach(EventLoop& loop);
  void detach();

  // Binds to a channel that a domain offers; what rings before listen() is kept. Returns our port.
  Result<std::uint32_t> bind(std::uint32_t domid, std::uint32_t remote_port);
  void unbind(std::uint32_t port);
  void ring(std::uint32_t port);

  // Calls `on_ring` when the port rings, from now on; at once, if it did. It stays masked until let_ring().
  void listen(std::uint32_t port, OnRing on_ring);
  void ignore(std::uint32_t port);
  void let_ring(std::uint32_t port);

 private:
  explicit Bells(xenevtchn_handle* handle) : handle_(handle) {}
  void take();

  xenevtchn_handle* handle_;
  EventLoop* loop_ = nullptr;
  std::unordered_map<std::uint32_t, std::shared_ptr<OnRing>> listeners_;
};

}  // namespace vs
