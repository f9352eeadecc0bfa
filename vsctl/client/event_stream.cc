#include "vsctl/client/event_stream.h"

#include <utility>

namespace vs::ctl {

void EventStream::feed(std::string_view piece) {
  for (const char c : piece) {
    if (broken_) return;
    const bool second_half = c == '\n' && after_return_;
    after_return_ = c == '\r';
    if (second_half) continue;
    if (c == '\n' || c == '\r') {
      take_line(line_);
      line_.clear();
      continue;
    }
    line_ += c;
    broken_ = line_.size() + event_.data.size() > kServerEventBytesMax;
  }
}

void EventStream::take_line(std::string_view line) {
  if (line.empty()) {
    if (has_data_) {
      if (event_.type.empty()) event_.type = "message";
      ready_.push_back(std::move(event_));
    }
    event_ = {};
    has_data_ = false;
    return;
  }
  const auto colon = line.find(':');
  if (colon == 0) return;  // a comment
  const std::string_view name = line.substr(0, colon);
  std::string_view value = colon == std::string_view::npos ? "" : line.substr(colon + 1);
  if (value.starts_with(' ')) value.remove_prefix(1);
  if (name == "id") {
    event_.id = value;
  } else if (name == "event") {
    event_.type = value;
  } else if (name == "data") {
    if (has_data_) event_.data += '\n';
    event_.data += value;
    has_data_ = true;
  }
}

std::optional<ServerEvent> EventStream::next() {
  if (ready_.empty()) return std::nullopt;
  ServerEvent event = std::move(ready_.front());
  ready_.pop_front();
  return event;
}

}  // namespace vs::ctl
