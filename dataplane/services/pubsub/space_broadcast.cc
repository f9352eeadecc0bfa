// Broadcasts: an event of a channel that all share as equals is written once, and only who sleeps is told.
#include <algorithm>
#include <cstring>
#include <utility>

#include "base/channel_name.h"
#include "dataplane/abi/ring.h"
#include "dataplane/services/pubsub/space.h"

namespace vs::pubsub {

bool PubsubService::Space::broadcast(const Event& event) {
  Broadcast* ring = broadcast_ring();
  if (ring == nullptr || event.bytes().size() > ring->payload_bytes_max()) return false;
  ring->write(event.bytes());
  ++counts_.broadcast;
  std::erase_if(looking_, [&](SubscriptionId id) {
    const auto found = subscribers_.find(id);
    if (found == subscribers_.end()) return true;
    if (!found->second.listens || !matches(found->second.pattern, event.parts().channel)) return false;
    found->second.looks = false;
    woken_.push_back(id);
    return true;
  });
  return true;
}

Result<bool> PubsubService::Space::looks(const Request& request) const {
  vs_pubsub_receive asked;
  if (request.payload.size() < sizeof asked) return fail(ErrorCode::invalid, "receive: too short");
  std::memcpy(&asked, request.payload.data(), sizeof asked);
  const auto rest = request.payload.subspan(sizeof asked);
  if ((asked.flags & ~std::uint32_t{VS_PUBSUB_SKIP | VS_PUBSUB_LOOKS}) != 0)
    return fail(ErrorCode::invalid, "receive: bits that there are not");
  const bool looks = (asked.flags & VS_PUBSUB_LOOKS) != 0;
  std::uint64_t next = 0;
  if (rest.size() != (looks ? sizeof next : 0)) return fail(ErrorCode::invalid, "receive: of another length");
  if (!looks) return false;
  std::memcpy(&next, rest.data(), sizeof next);
  const Broadcast* ring = broadcast_ring();
  return ring == nullptr || ring->next_sequence() <= next;
}

// With nothing: what there is they find in the ring.
void PubsubService::Space::wake_looking() {
  for (const SubscriptionId id : std::exchange(woken_, {})) {
    const auto found = subscribers_.find(id);
    if (found == subscribers_.end()) continue;
    auto& receives = found->second.receives;
    for (auto one = receives.begin(); one != receives.end();) {
      if (!one->looks) {
        ++one;
        continue;
      }
      loop_.cancel(one->deadline);
      const vs_pubsub_outcome outcome{.result = VS_STATUS_OK, .text_bytes = 0, .value = broker_.queue(id)->events()};
      std::move(one->reply).send(std::as_bytes(std::span(&outcome, 1)));
      one = receives.erase(one);
    }
  }
}

}  // namespace vs::pubsub
