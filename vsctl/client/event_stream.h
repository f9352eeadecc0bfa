// Server-sent events, put together from the pieces in which they arrive.
//
// https://html.spec.whatwg.org/multipage/server-sent-events.html; comments (heartbeats) are dropped.
// Pure; owned by one thread. An event larger than kServerEventBytesMax breaks the stream.
#pragma once

#include <cstddef>
#include <deque>
#include <optional>
#include <string>
#include <string_view>

namespace vs::ctl {

inline constexpr std::size_t kServerEventBytesMax = std::size_t{1} << 20;

struct ServerEvent {
  std::string id;    // empty: the same as before
  std::string type;  // "message" unless said
  std::string data;
  friend bool operator==(const ServerEvent&, const ServerEvent&) = default;
};

class EventStream {
 public:
  void feed(std::string_view piece);
  std::optional<ServerEvent> next();
  [[nodiscard]] bool broken() const { return broken_; }

 private:
  void take_line(std::string_view line);

  std::string line_;
  ServerEvent event_;
  bool has_data_ = false;
  bool after_return_ = false;  // a line feed that follows belongs to it
  bool broken_ = false;
  std::deque<ServerEvent> ready_;
};

}  // namespace vs::ctl
