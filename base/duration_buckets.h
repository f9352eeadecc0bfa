// How long things took, in fixed buckets from 100 us to 10 s, as Prometheus wants a histogram.
//
// Owned by one thread at a time. For what is measured per request and finely, see LatencyHistogram of the data plane.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <string>
#include <utility>

#include "base/sample.h"

namespace vs {

class DurationBuckets {
 public:
  void record(std::chrono::nanoseconds duration) {
    for (std::size_t i = 0; i < kBounds.size(); ++i)
      if (duration <= kBounds[i]) {
        ++counts_[i];
        break;
      }
    ++count_;
    sum_ += duration;
  }

  [[nodiscard]] Sample sample(std::string name, std::string help) const {
    Sample sample{.name = std::move(name), .help = std::move(help), .type = Sample::Type::histogram};
    std::uint64_t below = 0;
    for (std::size_t i = 0; i < kBounds.size(); ++i)
      sample.buckets.emplace_back(std::chrono::duration<double>(kBounds[i]).count(), below += counts_[i]);
    sample.count = count_;
    sample.sum = std::chrono::duration<double>(sum_).count();
    return sample;
  }

 private:
  static constexpr std::array<std::chrono::microseconds, 16> kBounds = [] {
    std::array<std::chrono::microseconds, 16> bounds{};
    std::int64_t us = 100;
    for (std::size_t i = 0; i < bounds.size(); i += 3, us *= 10) {
      const std::int64_t steps[] = {us, us * 5 / 2, us * 5};
      for (std::size_t k = 0; k < 3 && i + k < bounds.size(); ++k) bounds[i + k] = std::chrono::microseconds(steps[k]);
    }
    return bounds;
  }();

  std::array<std::uint64_t, kBounds.size()> counts_{};
  std::uint64_t count_ = 0;
  std::chrono::nanoseconds sum_{};
};

}  // namespace vs
