#include "dataplane/services/pubsub/queue.h"

#include <cstring>
#include <utility>

namespace vs::pubsub {
namespace {

std::size_t write_gap(std::span<std::byte> into, std::uint64_t lost) {
  const vs_event gap{.bytes = sizeof(vs_event), .flags = VS_EVENT_GAP, .sequence = lost};
  std::memcpy(into.data(), &gap, sizeof gap);
  return sizeof gap;
}

void mark_retained(std::span<std::byte> event) {
  vs_event header;
  std::memcpy(&header, event.data(), sizeof header);
  header.flags |= VS_EVENT_RETAINED;
  std::memcpy(event.data(), &header, sizeof header);
}

}  // namespace

std::string SubscriptionQueue::conflation_key(const Event& event) {
  return std::string(event.parts().channel) + '\0' + std::string(event.parts().key);
}

void SubscriptionQueue::set_level(std::uint32_t level) {
  level_ = level;
  if (conflates()) return;
  for (Lane& lane : lanes_) lane.by_key.clear();
}

QueueStock SubscriptionQueue::take_stock() {
  stock_.lost = counts_.lost - std::exchange(lost_told_, counts_.lost);
  return std::exchange(stock_, {});
}

void SubscriptionQueue::note_taken(const Entry& entry) {
  ++counts_.taken;
  ++stock_.events;
  const std::uint64_t published_ns = entry.event->parts().header.published_ns;
  if (!entry.retained && (stock_.oldest_published_ns == 0 || published_ns < stock_.oldest_published_ns))
    stock_.oldest_published_ns = published_ns;
}

SubscriptionQueue::Put SubscriptionQueue::put(std::shared_ptr<const Event> event, bool retained) {
  const std::size_t bytes = event->bytes().size();
  const std::size_t priority = event->parts().header.priority;
  if (lanes_.size() <= priority) lanes_.resize(priority + 1);
  Lane& lane = lanes_[priority];
  if (adaptation_.fewer && priority < level_) {
    ++lane.lost_at_end;
    ++counts_.spared;
    return Put::queued;
  }
  std::string key;
  if (conflates()) {
    key = conflation_key(*event);
    if (const auto done = conflate(lane, key, event, retained)) return *done;
  }
  const bool gives_way = overflow_ == Overflow::drop_oldest || conflates();
  while (gives_way && !has_room(bytes) && give_way(priority)) {
  }
  if (!has_room(bytes)) {
    ++lane.lost_at_end;
    ++counts_.lost;
    return overflow_ == Overflow::disconnect_slow ? Put::ended : Put::lost;
  }
  lane.events.push_back({std::move(event), std::exchange(lane.lost_at_end, 0), retained});
  ++count_;
  bytes_ += bytes;
  ++counts_.queued;
  if (conflates()) lane.by_key.insert_or_assign(std::move(key), lane.first + lane.events.size() - 1);
  return Put::queued;
}

// nullopt: there is none whose place it could take.
std::optional<SubscriptionQueue::Put> SubscriptionQueue::conflate(Lane& lane, const std::string& key,
                                                                  std::shared_ptr<const Event>& event, bool retained) {
  const auto known = lane.by_key.find(key);
  if (known == lane.by_key.end() || event->bytes().size() > limits_.bytes_max) return std::nullopt;
  const std::size_t priority = event->parts().header.priority;
  const std::uint64_t number = known->second;
  Entry& place = lane.events[number - lane.first];
  bytes_ += event->bytes().size() - place.event->bytes().size();
  place.event = std::move(event);
  place.retained = retained;
  ++counts_.conflated;
  while (bytes_ > limits_.bytes_max) {
    if (priority != 0 && give_way(priority - 1)) continue;
    if (lane.events.size() == 1) {  // what is left is of higher priority
      lose_oldest(lane);
      return Put::lost;
    }
    lane.by_key.at(key) == lane.first ? lose_second(lane) : lose_oldest(lane);
  }
  return Put::queued;
}

bool SubscriptionQueue::give_way(std::size_t priority) {
  for (std::size_t one = 0; one <= priority; ++one) {
    if (lanes_[one].events.empty()) continue;
    lose_oldest(lanes_[one]);
    return true;
  }
  return false;
}

// Its own loss, and those before it, are now before the next.
void SubscriptionQueue::lose_oldest(Lane& lane) {
  const std::uint64_t lost = lane.events.front().lost_before + 1;
  remove_first(lane);
  (lane.events.empty() ? lane.lost_at_end : lane.events.front().lost_before) += lost;
  ++counts_.lost;
}

// Behind the first, which is to stay: it takes the place of the second.
void SubscriptionQueue::lose_second(Lane& lane) {
  const std::uint64_t lost = lane.events[1].lost_before + 1;
  std::swap(lane.events[0], lane.events[1]);
  if (const auto second = lane.by_key.find(conflation_key(*lane.events[0].event)); second != lane.by_key.end() && second->second == lane.first + 1)
    second->second = lane.first;
  lane.by_key[conflation_key(*lane.events[1].event)] = lane.first + 1;
  remove_first(lane);
  (lane.events.size() == 1 ? lane.lost_at_end : lane.events[1].lost_before) += lost;
  ++counts_.lost;
}

void SubscriptionQueue::remove_first(Lane& lane) {
  const Event& first = *lane.events.front().event;
  if (conflates())  // of a key that came before it conflated, another event may be known
    if (const auto known = lane.by_key.find(conflation_key(first)); known != lane.by_key.end() && known->second == lane.first)
      lane.by_key.erase(known);
  bytes_ -= first.bytes().size();
  --count_;
  lane.events.pop_front();
  ++lane.first;
}

void SubscriptionQueue::skip() {
  for (std::size_t one = lanes_.size(); one-- > 0;)
    if (!lanes_[one].events.empty()) return lose_oldest(lanes_[one]);
}

SubscriptionQueue::Front SubscriptionQueue::front(TimePoint now) {
  for (std::size_t one = lanes_.size(); one-- > 0;) {
    Lane& lane = lanes_[one];
    while (!lane.events.empty() && lane.events.front().event->expired(now)) lose_oldest(lane);
    if (lane.empty()) continue;
    if (lane.events.empty()) return {};
    const Entry& first = lane.events.front();
    return {first.event, first.lost_before, first.retained};
  }
  return {};
}

void SubscriptionQueue::take_front() {
  for (std::size_t one = lanes_.size(); one-- > 0;) {
    if (lanes_[one].events.empty()) continue;
    note_taken(lanes_[one].events.front());
    return remove_first(lanes_[one]);
  }
}

std::size_t SubscriptionQueue::take(std::span<std::byte> into, TimePoint now, bool copies_all) {
  std::size_t used = 0;
  for (std::size_t one = lanes_.size(); one-- > 0;)
    if (!take_lane(lanes_[one], into, used, now, copies_all)) break;
  return used;
}

bool SubscriptionQueue::take_lane(Lane& lane, std::span<std::byte> into, std::size_t& used, TimePoint now, bool copies_all) {
  while (!lane.events.empty()) {
    Entry& front = lane.events.front();
    if (front.event->expired(now)) {
      lose_oldest(lane);
      continue;
    }
    if (!copies_all && front.event->in_frame()) return false;
    if (front.lost_before != 0) {
      if (into.size() - used < sizeof(vs_event)) return false;
      used += write_gap(into.subspan(used), std::exchange(front.lost_before, 0));
    }
    const auto bytes = front.event->bytes();
    if (into.size() - used < bytes.size()) return false;
    std::memcpy(into.data() + used, bytes.data(), bytes.size());
    if (front.retained) mark_retained(into.subspan(used));
    used += bytes.size();
    note_taken(front);
    remove_first(lane);
  }
  if (lane.lost_at_end == 0) return true;
  if (into.size() - used < sizeof(vs_event)) return false;
  used += write_gap(into.subspan(used), std::exchange(lane.lost_at_end, 0));
  return true;
}

const SubscriptionQueue::Lane* SubscriptionQueue::next_lane() const {
  for (std::size_t one = lanes_.size(); one-- > 0;)
    if (!lanes_[one].empty()) return &lanes_[one];
  return nullptr;
}

std::size_t SubscriptionQueue::next_bytes() const {
  const Lane* lane = next_lane();
  if (lane == nullptr) return 0;
  const bool gap = lane->events.empty() || lane->events.front().lost_before != 0;
  return gap ? sizeof(vs_event) : lane->events.front().event->bytes().size();
}

}  // namespace vs::pubsub
