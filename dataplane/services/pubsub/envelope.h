// An event as it crosses between nodes: its payload as it is, everything else in headers, which are those of NATS and the user properties
// of MQTT. Who publishes on the engine without headers publishes a plain event.
//
//   Vs-Origin          who published it: NODE/SERVICE/RUN          Vs-Sequence        of that origin, from 1
//   Vs-Published-Ns    since 1970, UTC, by the origin's clock      Vs-Expires-Ms      after that; left out: never
//   Vs-Key             Content-Type      Vs-Priority               Vs-Again           "1": the publisher may have published it before
//   Vs-Attribute-NAME  bool:true, int:-3, double:1.5, string:TEXT, bytes:TEXT
//
// Texts are written as in URLs: what is not a letter, a digit or one of "-_.~/+ " is %XX; so all of it is ASCII. Headers that are not
// here are passed over. What comes is from anybody. Pure; thread-safe. Errors: invalid, naming the header; exhausted, when it is too large.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "dataplane/services/pubsub/event.h"

namespace vs::pubsub {

using Headers = std::vector<std::pair<std::string, std::string>>;

inline constexpr std::size_t kHeadersMax = 128;  // of one event, those that are passed over included

struct Crossing {
  std::string channel;
  Headers headers;
  std::string payload;

  // Roughly; for limits.
  [[nodiscard]] std::size_t bytes() const;
};

struct Origin {
  std::string name;            // empty: a stranger to us
  std::uint64_t sequence = 0;
  bool again = false;
};

struct Arrival {
  Origin origin;
  std::uint64_t published_ns = 0;  // 0: not said
  std::vector<std::byte> event;    // as a guest publishes one: read_event() reads it
};

Crossing wrap(const EventParts& parts, const Origin& origin, std::uint64_t published_ns, std::uint32_t expires_ms);
// `event_bytes_max`: of the event that it makes.
Result<Arrival> unwrap(const Crossing& crossing, std::size_t event_bytes_max);

std::string escaped(std::string_view text);
Result<std::string> unescaped(std::string_view text);

}  // namespace vs::pubsub
