// How guests come in: a transport opens an entrance for each bound device, through which callers come that become links.
// There is a folder for each transport beside this file; what a guest sends is judged there.
//
// Owned by the loop's thread. Who a guest is, is known from the entrance it came through, never from what it says (S-22).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/event_loop.h"
#include "base/result.h"
#include "dataplane/ring/region.h"
#include "dataplane/transport/link.h"

namespace vs {

// What a frontend asked for, checked for its form.
struct Hello {
  std::uint32_t generation = 0;
  bool takes_pool = false;  // it can read a pool that the service lends from
  bool takes_broadcast = false;  // and a broadcast ring
  bool takes_answers = false;    // and a table of answers
  bool takes_renewal = false;    // another region while the session goes on
  std::uint64_t ticket = 0;      // of the session whose region is to be renewed; 0: one begins
  std::string service;
  std::string device;
};

// The memory of a service that its guests read: descriptors, -1 for none.
struct SharedMemory {
  int pool = -1;
  int broadcast = -1;  // only beside a pool
  int answers = -1;    // of this guest alone
};

// A guest that has said hello and is to be answered once. Gone, it is hung up on.
class Caller {
 public:
  virtual ~Caller() = default;
  [[nodiscard]] const Hello& hello() const { return hello_; }

  // Makes a region of that shape and hands it over, with the service's memory; `on_sign` is called by the loop from then on. Errors: exhausted, when memory or descriptors run out: nothing was said yet; unavailable, when the
  // guest is gone.
  virtual Result<std::unique_ptr<Link>> welcome(const RegionShape& shape, const SharedMemory& memory, Link::OnSign on_sign) = 0;
  virtual void refuse(vs_status status, vs_refusal reason) = 0;

 protected:
  explicit Caller(Hello hello) : hello_(std::move(hello)) {}

 private:
  Hello hello_;
};

// Where the guests of one binding come in.
class Entrance {
 public:
  // Neither callback may destroy the entrance.
  struct Callbacks {
    std::function<void(Caller&)> on_hello;
    std::function<void(const std::string& why)> on_bad_hello;  // somebody broke the protocol, or (why is empty) left in the middle
    std::function<void()> on_crowd;      // somebody was sent away because too many are at the door
  };

  virtual ~Entrance() = default;
  // Hangs up on all that have not said hello.
  virtual void end_handshakes() = 0;
  // It ends now, and is opened again at once: what guests find stays there, and refuses them meanwhile.
  virtual void reopens() {}
};

// A bound device, as its transport needs to know it.
struct Device {
  std::string domain;  // its name
  std::string name;
  std::string kind;                   // of its service
  std::optional<std::uint32_t> domid; // of a domU
  std::uint32_t region_bytes = 0;     // of each session, for guests that bring the memory
};

class Transport {
 public:
  virtual ~Transport() = default;
  // Errors: invalid, when the names cannot be those of a device here; exhausted and internal, when the system says no;
  // unavailable, when this node has nothing by which such a domain could come.
  virtual Result<std::unique_ptr<Entrance>> open(EventLoop& loop, const Device& device, Entrance::Callbacks callbacks) = 0;
};

}  // namespace vs
