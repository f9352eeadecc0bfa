// What a channel is called on an engine: PREFIX.room.north is a subject of NATS, PREFIX/room/north a topic of MQTT (prefix a.b: a/b/...).
//
// Patterns the same: `*` and `>` are those of NATS; MQTT has `+` and `#`. Note that "a/#" also matches "a", which "a.>" does not: whoever
// asks for it looks at what comes. Pure; thread-safe.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace vs::pubsub {

inline constexpr std::size_t kPrefixBytesMax = 128;

class Subjects {
 public:
  enum class Style : std::uint8_t { nats, mqtt };

  // `prefix` is judged. Whether a text is one: a name of channels, of at most kPrefixBytesMax bytes.
  static Result<> judge_prefix(std::string_view prefix);
  Subjects(std::string_view prefix, Style style);

  [[nodiscard]] std::string of(std::string_view channel_or_pattern) const;
  // nullopt: under another prefix, or what follows it is no channel's name.
  [[nodiscard]] std::optional<std::string> channel(std::string_view subject) const;

 private:
  Style style_;
  std::string begin_;
};

}  // namespace vs::pubsub
