// Receiving: what waits in a queue goes into the answers that wait for it, copied, or in a frame that all its readers share.
#include <algorithm>
#include <cstring>
#include <utility>

#include "base/ids.h"
#include "dataplane/abi/ring.h"
#include "dataplane/services/pubsub/space.h"

namespace vs::pubsub {
namespace {

void answer_outcome(Reply reply, vs_status result, std::uint64_t value) {
  const vs_pubsub_outcome outcome{.result = static_cast<std::uint32_t>(result), .text_bytes = 0, .value = value};
  std::move(reply).send(std::as_bytes(std::span(&outcome, 1)));
}

void tell_delivery(const Reply& reply, SubscriptionQueue& queue) {
  const QueueStock stock = queue.take_stock();
  if (stock.events + stock.lost == 0) return;
  Delivery delivery{.events = stock.events, .lost = stock.lost, .oldest = {}};
  if (stock.oldest_published_ns != 0)
    delivery.oldest = std::chrono::nanoseconds(
        static_cast<std::int64_t>(std::max(wall_clock_ns(), stock.oldest_published_ns) - stock.oldest_published_ns));
  reply.delivers(delivery);
}

}  // namespace

void PubsubService::Space::share_with(Audience audience) {
  audience_ = std::move(audience);
  const auto sharing = [this](std::string_view channel) { return audience_.sharing(channel); };
  for (const auto& [name, channel] : broker_.all())
    if (sharing(name) < channel.sharing) {
      ++edition_;
      shelf_.clear();
      break;
    }
  broker_.share_by(sharing);
}

// With what waits, which may be nothing.
bool PubsubService::Space::serve_one(SubscriptionId id, Reply& reply, std::size_t room) {
  SubscriptionQueue& queue = *broker_.queue(id);
  auto front = queue.front(std::chrono::steady_clock::now());
  if (front.event != nullptr && front.event->in_frame()) return serve_frame(queue, std::move(front), reply, room);
  serve_copies(queue, std::move(reply), room, false);
  return true;
}

bool PubsubService::Space::serve_frame(SubscriptionQueue& queue, SubscriptionQueue::Front front, Reply& reply,
                                       std::size_t room) {
  const Frame* frame = shelf_.frame_of(front.event);
  if (frame != nullptr && reply.lending(*frame) == Lending::held) frame = shelf_.another_frame_of(front.event);
  const Lending lending = frame != nullptr ? reply.lending(*frame) : Lending::copied;
  const bool fits = sizeof(vs_pubsub_outcome) + front.event->bytes().size() <= room;
  if (frame == nullptr && !fits) {
    serve_later();
    return false;
  }
  if (lending == Lending::copied) {
    serve_copies(queue, std::move(reply), room, true);
    return true;
  }
  if (lending == Lending::refused) {
    ++counts_.held;
    answer_outcome(std::move(reply), VS_STATUS_EXHAUSTED, queue.events());
    return true;
  }
  struct {
    vs_pubsub_outcome outcome;
    vs_pubsub_frame frame;
  } words{.outcome = {.result = VS_STATUS_OK, .text_bytes = 0, .value = queue.events() - 1},
          .frame = {.missed = front.lost_before,
                    .head_bytes = static_cast<std::uint32_t>(front.event->head_bytes()),
                    .flags = static_cast<std::uint16_t>(front.retained ? VS_EVENT_RETAINED : 0),
                    .reserved = 0}};
  queue.take_front();
  tell_delivery(reply, queue);
  std::move(reply).send(*frame, std::as_bytes(std::span(&words, 1)));
  ++counts_.framed;
  front.event.reset();
  shelf_.sweep();
  return true;
}

void PubsubService::Space::serve_copies(SubscriptionQueue& queue, Reply reply, std::size_t room, bool copies_all) {
  vs_pubsub_outcome outcome{};
  batch_.resize(std::max({batch_.size(), room, sizeof outcome}));
  const std::span<std::byte> into = std::span(batch_).first(std::max(room, sizeof outcome)).subspan(sizeof outcome);
  const std::size_t taken = queue.take(into, std::chrono::steady_clock::now(), copies_all);
  const std::size_t next = queue.next_bytes();
  if (taken == 0 && next != 0) return answer_outcome(std::move(reply), VS_STATUS_TOO_LARGE, sizeof outcome + next);
  tell_delivery(reply, queue);
  outcome.value = queue.events();
  std::memcpy(batch_.data(), &outcome, sizeof outcome);
  std::move(reply).send(std::span<const std::byte>(batch_).first(sizeof outcome + taken));
}

void PubsubService::Space::serve(SubscriptionId id) {
  const auto found = subscribers_.find(id);
  if (found == subscribers_.end()) return;
  auto& receives = found->second.receives;
  while (!receives.empty() && !broker_.queue(id)->empty()) {
    Receive& one = receives.front();
    if (!serve_one(id, one.reply, one.room)) return;
    loop_.cancel(one.deadline);
    receives.pop_front();
  }
}

// No frame is free, and leases end by themselves.
void PubsubService::Space::serve_later() {
  if (later_) return;
  later_ = loop_.after(kFramePause, [this] {
    later_.reset();
    std::vector<SubscriptionId> waiting;
    for (const auto& [id, subscriber] : subscribers_)
      if (!subscriber.receives.empty() && !broker_.queue(id)->empty()) waiting.push_back(id);
    for (const SubscriptionId id : waiting) serve(id);
    retry_blocked();
  });
}

void PubsubService::Space::serve_ready() {
  for (const SubscriptionId id : std::exchange(ready_, {})) serve(id);
  if (!woken_.empty()) wake_looking();
}

}  // namespace vs::pubsub
