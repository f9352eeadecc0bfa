#include "dataplane/services/pubsub/frame_shelf.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace vs::pubsub {

const Frame* FrameShelf::frame_of(const std::shared_ptr<const Event>& event) {
  const auto known = std::find_if(places_.rbegin(), places_.rend(), [&](const Place& one) {
    return one.event == event.get() && !one.life.expired() && one.frame.sendable();
  });
  return known != places_.rend() ? &known->frame : another_frame_of(event);
}

const Frame* FrameShelf::another_frame_of(const std::shared_ptr<const Event>& event) {
  sweep();
  if (places_.size() == kFramesKeptMax) places_.pop_front();
  const auto bytes = event->bytes();
  auto frame = free_frame(bytes.size());
  if (!frame) {
    ++counts_.missing;
    return nullptr;
  }
  frame->trim(bytes.size());
  std::memcpy(frame->bytes().data(), bytes.data(), bytes.size());
  ++counts_.written;
  places_.push_back({event.get(), event, std::move(*frame)});
  return &places_.back().frame;
}

void FrameShelf::sweep() {
  std::erase_if(places_, [](const Place& one) { return one.life.expired() || !one.frame.sendable(); });
}

// The oldest ones make room, as far as no guest reads them.
std::optional<Frame> FrameShelf::free_frame(std::size_t bytes) {
  while (source_ != nullptr) {
    auto frame = source_->frame(service_, bytes);
    if (!frame) return std::nullopt;
    if (*frame) return std::move(**frame);
    if (places_.empty()) return std::nullopt;
    places_.pop_front();
  }
  return std::nullopt;
}

}  // namespace vs::pubsub
