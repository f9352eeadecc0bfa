// How long fetches from the nameservers took, to draw one that nobody can tell from a real one.
//
// Latencies are drawn from those of the same magnitude as the one that the answer's own fetch had, for some names are always slow. Over all
// names the drawn are distributed as the recorded ones are. Who asks is given none of its own: a guest with a nameserver of its own could
// have those be what it likes, and know them again. Owned by one thread.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace vs::dns {

inline constexpr std::size_t kLatenciesMax = 512;  // remembered of each magnitude: the latest

class Latencies {
 public:
  // `domain` asked for that fetch.
  void record(std::chrono::nanoseconds latency, std::string_view domain);
  // `random` chooses among those of other domains. Where none of that magnitude is known, `like` itself.
  [[nodiscard]] std::chrono::nanoseconds draw(std::chrono::nanoseconds like, std::uint64_t random, std::string_view domain) const;

 private:
  struct Recorded {
    std::chrono::nanoseconds latency;
    std::size_t domain;  // its hash
  };
  struct Magnitude {
    std::vector<Recorded> latest;
    std::size_t next = 0;
  };
  static std::size_t magnitude_of(std::chrono::nanoseconds latency);

  std::array<Magnitude, 32> magnitudes_;  // powers of 4
};

}  // namespace vs::dns
