// How long fetches from the nameservers took, to draw one that nobody can tell from a real one.
//
// Latencies are drawn from those of the same magnitude as the one that the answer's own fetch had, for some names are always slow. Over all
// names the drawn are distributed as the recorded ones are. Owned by one thread.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace vs::dns {

inline constexpr std::size_t kLatenciesMax = 512;  // remembered of each magnitude: the latest

class Latencies {
 public:
  void record(std::chrono::nanoseconds latency);
  // `random` chooses. Where nothing of that magnitude is known, `like` itself.
  [[nodiscard]] std::chrono::nanoseconds draw(std::chrono::nanoseconds like, std::uint64_t random) const;

 private:
  struct Magnitude {
    std::vector<std::chrono::nanoseconds> latest;
    std::size_t next = 0;
  };
  static std::size_t magnitude_of(std::chrono::nanoseconds latency);

  std::array<Magnitude, 32> magnitudes_;  // powers of 4
};

}  // namespace vs::dns
