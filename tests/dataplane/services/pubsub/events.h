// Events as a publisher would write them, and what a reader finds.
#pragma once

#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "dataplane/abi/pubsub.h"
#include "dataplane/services/pubsub/event.h"

namespace vs::pubsub::test {

struct Written {
  std::string channel = "news";
  std::string payload;
  std::string key;
  std::string content_type;
  std::uint32_t expires_ms = 0;
  std::uint8_t priority = 0;
  std::vector<std::pair<std::string, std::string>> texts;       // attributes
  std::vector<std::pair<std::string, std::int64_t>> integers;
};

template <class T>
void append(std::vector<std::byte>& bytes, const T& value) {
  const auto raw = std::as_bytes(std::span(&value, 1));
  bytes.insert(bytes.end(), raw.begin(), raw.end());
}
inline void append(std::vector<std::byte>& bytes, const std::string& text) {
  const auto raw = std::as_bytes(std::span(text));
  bytes.insert(bytes.end(), raw.begin(), raw.end());
}

inline std::vector<std::byte> write(const Written& event) {
  std::vector<std::byte> bytes;
  vs_event header{};
  header.attribute_count = static_cast<std::uint16_t>(event.texts.size() + event.integers.size());
  header.expires_ms = event.expires_ms;
  header.priority = event.priority;
  header.payload_bytes = static_cast<std::uint32_t>(event.payload.size());
  header.channel_bytes = static_cast<std::uint16_t>(event.channel.size());
  header.key_bytes = static_cast<std::uint16_t>(event.key.size());
  header.content_type_bytes = static_cast<std::uint16_t>(event.content_type.size());
  append(bytes, header);
  append(bytes, event.channel);
  append(bytes, event.key);
  append(bytes, event.content_type);
  const auto attribute = [&](const std::string& name, vs_event_type type, std::size_t value_bytes) {
    append(bytes, vs_event_attribute{.type = static_cast<std::uint8_t>(type),
                                     .name_bytes = static_cast<std::uint8_t>(name.size()),
                                     .value_bytes = static_cast<std::uint16_t>(value_bytes)});
    append(bytes, name);
  };
  for (const auto& [name, value] : event.texts) {
    attribute(name, VS_EVENT_STRING, value.size());
    append(bytes, value);
  }
  for (const auto& [name, value] : event.integers) {
    attribute(name, VS_EVENT_INT, sizeof value);
    append(bytes, value);
  }
  append(bytes, event.payload);
  bytes.resize((bytes.size() + VS_EVENT_ALIGN - 1) / VS_EVENT_ALIGN * VS_EVENT_ALIGN);
  header.bytes = static_cast<std::uint32_t>(bytes.size());
  std::memcpy(bytes.data(), &header, sizeof header);
  return bytes;
}

// As "payload", "payload(retained)" or "lost 3"; one for each, with blanks between.
inline std::string read_all(std::span<const std::byte> bytes) {
  std::string out;
  while (!bytes.empty()) {
    vs_event header;
    std::memcpy(&header, bytes.data(), sizeof header);
    if (!out.empty()) out += ' ';
    if ((header.flags & VS_EVENT_GAP) != 0) {
      out += "lost:" + std::to_string(header.sequence);
    } else {
      std::string text(reinterpret_cast<const char*>(bytes.data()), header.bytes);
      const std::size_t names = sizeof header + header.channel_bytes + header.key_bytes + header.content_type_bytes;
      out += text.substr(names, header.payload_bytes);  // of events without attributes
      if ((header.flags & VS_EVENT_RETAINED) != 0) out += "(retained)";
    }
    bytes = bytes.subspan(header.bytes);
  }
  return out;
}

inline std::shared_ptr<const Event> event_of(const std::vector<std::byte>& bytes, std::uint64_t sequence, std::uint64_t published_ns,
                                             Event::TimePoint now) {
  return Event::make(*read_event(bytes), bytes, sequence, published_ns, now);
}

}  // namespace vs::pubsub::test
