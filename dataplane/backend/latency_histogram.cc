#include "dataplane/backend/latency_histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <utility>

namespace vs {

void LatencyHistogram::record(std::chrono::nanoseconds duration) {
  if (!counts_) counts_ = std::make_unique<Counts>();
  duration = std::max(duration, std::chrono::nanoseconds(0));
  ++(*counts_)[bucket_of(static_cast<std::uint64_t>(duration.count()))];
  ++count_;
  sum_ += duration;
  max_ = std::max(max_, duration);
}

std::chrono::nanoseconds LatencyHistogram::quantile(double part) const {
  if (count_ == 0) return {};
  const auto rank = std::max<std::uint64_t>(1, static_cast<std::uint64_t>(std::ceil(part * static_cast<double>(count_))));
  std::uint64_t below = 0;
  for (std::size_t bucket = 0; bucket < kBuckets; ++bucket) {
    below += (*counts_)[bucket];
    if (below >= rank)
      return std::min(max_, std::chrono::nanoseconds(static_cast<std::int64_t>(upper_ns(bucket) - 1)));
  }
  return max_;
}

Sample LatencyHistogram::sample(std::string name, std::string help) const {
  Sample sample{.name = std::move(name), .help = std::move(help), .type = Sample::Type::histogram};
  std::uint64_t below = 0;
  std::size_t bucket = 0;
  for (std::uint64_t us = 1; us <= 4'194'304; us *= 4) {  // 4^11 us
    // The last bucket that lies wholly within this bound: at most one sixteenth short of it.
    for (; counts_ && bucket < kBuckets && upper_ns(bucket) <= us * 1000; ++bucket) below += (*counts_)[bucket];
    sample.buckets.emplace_back(static_cast<double>(us) * 1e-6, below);
  }
  sample.count = count_;
  sample.sum = std::chrono::duration<double>(sum_).count();
  return sample;
}

// The power of two says which octave; the next kSubBucketBits bits say where in it.
std::size_t LatencyHistogram::bucket_of(std::uint64_t ns) {
  ns = std::clamp<std::uint64_t>(ns, std::uint64_t{1} << kLowestBits, (std::uint64_t{1} << (kLowestBits + kOctaves)) - 1);
  const int bits = std::bit_width(ns) - 1;
  const auto octave = static_cast<std::size_t>(bits - kLowestBits);
  const auto part = static_cast<std::size_t>(ns >> (bits - kSubBucketBits)) & ((1u << kSubBucketBits) - 1);
  return (octave << kSubBucketBits) + part;
}

std::uint64_t LatencyHistogram::upper_ns(std::size_t bucket) {
  const std::size_t octave = bucket >> kSubBucketBits;
  const std::uint64_t part = (bucket & ((1u << kSubBucketBits) - 1)) + 1;
  const std::size_t bits = octave + kLowestBits;
  return (std::uint64_t{1} << bits) + (part << (bits - kSubBucketBits));
}

}  // namespace vs
