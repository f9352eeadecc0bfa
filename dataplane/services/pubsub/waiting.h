// Who waits for room in which channel, and in which order: one queue a channel, so that a stalled subscriber holds up nobody but those who
// publish what it wants.
//
// Waiters are numbers of their own, not 0, each in one queue at most. Owned by one thread.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <unordered_map>

#include "dataplane/services/pubsub/broker.h"

namespace vs::pubsub {

class WaitingQueues {
 public:
  // Whether nobody waits there, or that one is the first.
  [[nodiscard]] bool may_go(const Broker::Channel& channel, std::uint64_t waiter) const {
    const auto queue = queues_.find(&channel);
    return queue == queues_.end() || queue->second.front() == waiter;
  }
  // Behind those who do; where it waits already it keeps its place.
  void wait(const Broker::Channel& channel, std::uint64_t waiter) {
    const auto [place, fresh] = places_.try_emplace(waiter, &channel);
    if (!fresh && place->second == &channel) return;
    if (!fresh) take_out(place->second, waiter);
    place->second = &channel;
    queues_[&channel].push_back(waiter);
  }
  // It may wait nowhere.
  void leave(std::uint64_t waiter) {
    const auto place = places_.extract(waiter);
    if (!place.empty()) take_out(place.mapped(), waiter);
  }

 private:
  void take_out(const Broker::Channel* channel, std::uint64_t waiter) {
    const auto queue = queues_.find(channel);
    std::erase(queue->second, waiter);
    if (queue->second.empty()) queues_.erase(queue);
  }

  std::unordered_map<const Broker::Channel*, std::deque<std::uint64_t>> queues_;  // none is empty
  std::unordered_map<std::uint64_t, const Broker::Channel*> places_;
};

}  // namespace vs::pubsub
