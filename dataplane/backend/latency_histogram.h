// How long things took: counts in buckets of equal relative width, as HdrHistogram keeps them.
//
// Durations from 64 ns to 137 s; a bucket is a sixteenth of its power of two wide, so a quantile is right within 6.25 %. Shorter
// ones count as 64 ns, longer ones as 137 s; the maximum is exact. 4 KiB once something was recorded, nothing before.
// Owned by one thread.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "base/sample.h"

namespace vs {

class LatencyHistogram {
 public:
  void record(std::chrono::nanoseconds duration);

  [[nodiscard]] std::uint64_t count() const { return count_; }
  [[nodiscard]] std::chrono::nanoseconds sum() const { return sum_; }
  [[nodiscard]] std::chrono::nanoseconds max() const { return max_; }
  // The smallest duration that at least `part` (0 .. 1) of all are not above; 0 when there are none.
  [[nodiscard]] std::chrono::nanoseconds quantile(double part) const;

  // For /metrics, with fewer buckets: powers of four from 1 us to 4 s.
  [[nodiscard]] Sample sample(std::string name, std::string help) const;

 private:
  static constexpr int kSubBucketBits = 4;
  static constexpr int kLowestBits = 6;  // 2^6 ns
  static constexpr int kOctaves = 31;    // to 2^37 ns
  static constexpr std::size_t kBuckets = std::size_t{kOctaves} << kSubBucketBits;
  using Counts = std::array<std::uint64_t, kBuckets>;

  static std::size_t bucket_of(std::uint64_t ns);
  static std::uint64_t upper_ns(std::size_t bucket);  // exclusive

  std::unique_ptr<Counts> counts_;
  std::uint64_t count_ = 0;
  std::chrono::nanoseconds sum_{};
  std::chrono::nanoseconds max_{};
};

}  // namespace vs
