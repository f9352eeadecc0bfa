// One event: what a publisher gave, judged, and as its readers get it.
//
// Made once and shared by all queues it waits in; the bytes are those of abi/pubsub.h. Immutable, thread-safe once made.
// Errors: invalid, when what a guest published is no event.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "dataplane/abi/pubsub.h"
#include "dataplane/filter/value.h"

namespace vs::pubsub {

// Where the parts of an event's bytes lie.
struct EventParts {
  vs_event header{};
  std::string_view channel;
  std::string_view key;
  std::string_view content_type;
  std::vector<std::pair<std::string_view, filter::Value>> attributes;
  std::span<const std::byte> payload;
};

// Takes the event at the front of `bytes` apart, which is private memory: lengths, names, types, and that attributes are told apart by
// their names. Of what is behind it nothing is said; header.bytes is its length.
// `known` is the name of a channel, which need not be judged again.
Result<EventParts> read_event(std::span<const std::byte> bytes, std::string_view known = {});

// Now, for published_ns.
inline std::uint64_t wall_clock_ns() {
  const auto since = std::chrono::system_clock::now().time_since_epoch();
  return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(since).count());
}

// As a publisher would write them: channel, key, content type, attributes, payload, and of the header expires_ms
// and priority. Of what was judged.
std::vector<std::byte> write_event(const EventParts& parts);

class Event {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  // `parts` were read by read_event() at the front of `bytes`, which are private memory. `expires_ms`: unless it says so itself.
  // `in_frame`: it is for its readers to be read in a frame.
  static std::shared_ptr<const Event> make(const EventParts& parts, std::span<const std::byte> bytes, std::uint64_t sequence,
                                           std::uint64_t published_ns, TimePoint now, std::uint32_t expires_ms = 0,
                                           bool in_frame = false);

  // What is no event, and stands among them: a gap of so many, with more flags (abi/pubsub.h).
  static std::shared_ptr<const Event> mark(std::uint16_t flags, std::uint64_t count);

  [[nodiscard]] const EventParts& parts() const { return parts_; }
  [[nodiscard]] std::span<const std::byte> bytes() const { return {bytes_.get(), parts_.header.bytes}; }
  // Of what stands before the payload.
  [[nodiscard]] std::size_t head_bytes() const {
    return static_cast<std::size_t>(parts_.payload.data() - bytes_.get());
  }
  [[nodiscard]] bool in_frame() const { return in_frame_; }
  [[nodiscard]] std::uint64_t sequence() const { return parts_.header.sequence; }
  [[nodiscard]] bool expired(TimePoint now) const { return expires_ && *expires_ <= now; }

 private:
  struct Private {};

 public:
  explicit Event(Private) {}

 private:

  std::unique_ptr<std::byte[]> bytes_;
  EventParts parts_;  // of bytes_
  std::optional<TimePoint> expires_;
  bool in_frame_ = false;
};

}  // namespace vs::pubsub
