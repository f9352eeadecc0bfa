// One guest's connected end: the region it shares, and the doorbells both ways. All that a session knows of a transport.
//
// Nothing here blocks, whatever the guest does to what it shares. Owned by the loop's thread.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>

#include "base/event_loop.h"
#include "dataplane/abi/region.h"

namespace vs {

class Link {
 public:
  // What is heard from a guest: its doorbell, perhaps for nothing; or that it is gone, which is the last thing.
  enum class Sign : std::uint8_t { doorbell, end };
  using OnSign = std::function<void(Sign)>;

  virtual ~Link() = default;
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  [[nodiscard]] const vs_region_header& header() const { return header_; }  // private copy
  [[nodiscard]] std::span<std::byte> region() const { return region_; }     // the guest's pages are read-only

  // Wakes the guest. Of one that is gone, the end is heard, not seen here.
  virtual void ring() = 0;
  // Whether doorbells are heard from now on; the end always is. Hearing again may begin with one
  // that nobody rang.
  virtual void hear(bool doorbells) = 0;
  // Is heard by another loop from now on; called on that loop's thread, when the one before hears it no more (`silence`). False:
  // it cannot be, and is to be hung up.
  virtual bool move_to(EventLoop& loop, OnSign on_sign) = 0;
  virtual void silence() = 0;
  // The guest's process; 0 when it is not one of this kernel's.
  [[nodiscard]] virtual pid_t peer() const { return 0; }
  // Ends the session: the guest sees it at once, and nothing is heard from it any more.
  virtual void hang_up() = 0;

 protected:
  Link(std::span<std::byte> region, const vs_region_header& header) : region_(region), header_(header) {}

 private:
  std::span<std::byte> region_;
  vs_region_header header_;
};

}  // namespace vs
