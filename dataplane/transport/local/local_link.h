// A guest behind a connected socket, whose end is the session's: the region in a sealed memfd, and a doorbell each way.
// Three descriptors.
//
// Owned by the loop's thread.
#pragma once

#include <memory>

#include "base/event_loop.h"
#include "base/unique_fd.h"
#include "dataplane/transport/link.h"
#include "dataplane/transport/local/local_bell.h"
#include "dataplane/transport/local/local_region.h"
#include "dataplane/transport/transport.h"

namespace vs {

class LocalLink final : public Link {
 public:
  // Makes the region and the doorbells, and has the loop watch. Takes the socket unless it fails. Errors: exhausted, when memory or descriptors run out.
  static Result<std::unique_ptr<LocalLink>> make(EventLoop& loop, UniqueFd& socket, const RegionShape& shape,
                                                 std::uint32_t generation, OnSign on_sign);
  ~LocalLink() override;

  // Hands the region over. unavailable, when the guest is gone.
  Result<> welcome(const SharedMemory& memory);

  void ring() override;
  void hear(bool doorbells) override;
  bool move_to(EventLoop& loop, OnSign on_sign) override;
  void silence() override;
  [[nodiscard]] pid_t peer() const override;
  void hang_up() override;

 private:
  LocalLink(EventLoop& loop, UniqueFd socket, LocalRegion memory, LocalBell in, LocalBell out, OnSign on_sign);
  Result<> listen();
  void listen_no_more();

  EventLoop* loop_;  // nullptr: silent, between two loops
  UniqueFd socket_;
  LocalRegion memory_;
  LocalBell in_;   // rung by the guest
  LocalBell out_;  // rung by us
  OnSign on_sign_;
};

}  // namespace vs
