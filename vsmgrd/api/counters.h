// What the transport counts: each limit that bit, what could not be parsed, and what is open now.
//
// Thread-safe. The observer runs on the thread that hit the limit and must not block.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

#include "base/sample.h"

namespace vs::http {

enum class Limit : std::uint8_t {
  header_bytes,  // 431
  body_bytes,    // 413
  header_time,   // 408
  body_time,     // 408
  idle_time,     // closed without a word
  write_time,    // closed: the client does not read its answer
  handler_time,  // 503: no answer came from above
  drain_time,    // closed at stop, with an answer half-way
  requests,      // 503: too many handled at once
  connections,   // the client that kept us waiting longest was closed, or the next one waits
  client_connections,  // as above, of one user or address
  handshake_time,      // closed: TLS was not agreed upon in time
  descriptors,   // as above: the process has no file descriptor left
  streams,       // 503: too many streams at once
  stream_time,   // closed: the client does not read its stream
};
inline constexpr std::size_t kLimits = 15;
std::string_view name_of(Limit limit);

class TransportCounters {
 public:
  using Observer = std::function<void(Limit)>;
  explicit TransportCounters(Observer observer = {}) : observer_(std::move(observer)) {}

  void hit(Limit limit);
  void malformed() { malformed_.fetch_add(1, std::memory_order_relaxed); }
  void handshake_failed() { handshakes_failed_.fetch_add(1, std::memory_order_relaxed); }
  void connections(int change) { connections_.fetch_add(change, std::memory_order_relaxed); }
  void streams(int change) { streams_.fetch_add(change, std::memory_order_relaxed); }
  void requests(int change) { requests_.fetch_add(change, std::memory_order_relaxed); }

  [[nodiscard]] std::uint64_t hits(Limit limit) const;
  [[nodiscard]] std::int64_t stream_count() const { return streams_.load(); }
  [[nodiscard]] std::uint64_t malformed_count() const { return malformed_.load(); }
  [[nodiscard]] std::vector<Sample> samples() const;

 private:
  const Observer observer_;
  std::array<std::atomic<std::uint64_t>, kLimits> hits_{};
  std::atomic<std::uint64_t> malformed_{0};
  std::atomic<std::uint64_t> handshakes_failed_{0};
  std::atomic<std::int64_t> connections_{0};
  std::atomic<std::int64_t> requests_{0};
  std::atomic<std::int64_t> streams_{0};
};

}  // namespace vs::http
