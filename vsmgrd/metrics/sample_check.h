// What a sample must be to stand in an exposition that Prometheus takes whole: one bad line would
// lose it all.
//
// Pure, thread-safe.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/sample.h"

namespace vs {

inline constexpr std::size_t kSampleLabelsMax = 16;
inline constexpr std::size_t kSampleTextBytesMax = 512;  // of a help text, a label's name or value
inline constexpr std::size_t kSampleBucketsMax = 64;

// Names as Prometheus has them, no label twice, none that a histogram makes itself; texts UTF-8,
// help on one line; counters finite and not below zero; buckets in order and no larger than the
// count.
bool acceptable(const Sample& sample);

// Equal for two samples exactly when they are of one series: same name, same labels in any order.
std::string series_of(const Sample& sample);

// The names that stand before a value of it: for a histogram NAME_bucket, NAME_sum and NAME_count
// too.
std::vector<std::string> names_of(const Sample& sample);

bool valid_utf8(std::string_view text);

}  // namespace vs
