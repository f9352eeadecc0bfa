// The frames that large events were written into: each once, for all who read it.
//
// An event is written when the first reader takes it, not when it is published: what waits in a queue, and what is kept for those who
// subscribe later, takes no frame from the others. A frame goes when newer ones need it, and with the last one who wanted its event.
//
// Owned by the loop's thread.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>

#include "dataplane/services/pubsub/event.h"
#include "dataplane/services/service.h"

namespace vs::pubsub {

inline constexpr std::uint32_t kFramesMax = 64;   // of a service and loop, those with guests among them
inline constexpr std::size_t kFramesKeptMax = 32;  // whose events may be read again

class FrameShelf {
 public:
  struct Counts {
    std::uint64_t written = 0;
    std::uint64_t missing = 0;  // times that no frame was free
  };

  // `source` may be nullptr: there are never any.
  FrameShelf(FrameSource* source, std::string service) : source_(source), service_(std::move(service)) {}

  // The frame that the event's bytes are in; nullptr: none is free now. Valid until the next call.
  const Frame* frame_of(const std::shared_ptr<const Event>& event);
  // Another one with the same bytes, for a reader that has this one.
  const Frame* another_frame_of(const std::shared_ptr<const Event>& event);
  // Gives back the frames of events that nobody has any more: whenever one was taken, and when a reader went.
  void sweep();
  // Writes each event anew.
  void clear() { places_.clear(); }

  [[nodiscard]] const Counts& counts() const { return counts_; }

 private:
  struct Place {
    const Event* event;
    std::weak_ptr<const Event> life;  // of the event: another one may get its address
    Frame frame;
  };

  std::optional<Frame> free_frame(std::size_t bytes);

  FrameSource* source_;
  std::string service_;
  std::deque<Place> places_;  // the oldest first
  Counts counts_;
};

}  // namespace vs::pubsub
