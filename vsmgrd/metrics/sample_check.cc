#include "vsmgrd/metrics/sample_check.h"

#include <algorithm>
#include <cmath>
#include <set>

#include <prometheus/check_names.h>

namespace vs {
namespace {

bool good_label(const Sample& sample, const std::string& name, const std::string& value) {
  if (name.size() > kSampleTextBytesMax || !prometheus::CheckLabelName(name)) return false;
  if (sample.type == Sample::Type::histogram && name == "le") return false;
  return value.size() <= kSampleTextBytesMax && valid_utf8(value);
}

bool good_labels(const Sample& sample) {
  if (sample.labels.size() > kSampleLabelsMax) return false;
  std::set<std::string_view> names;
  return std::all_of(sample.labels.begin(), sample.labels.end(), [&](const auto& label) {
    return good_label(sample, label.first, label.second) && names.insert(label.first).second;
  });
}

bool good_help(std::string_view help) {
  const auto control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
  return help.size() <= kSampleTextBytesMax && valid_utf8(help) &&
         std::none_of(help.begin(), help.end(), control);
}

bool good_histogram(const Sample& sample) {
  if (sample.buckets.size() > kSampleBucketsMax || !std::isfinite(sample.sum)) return false;
  double bound_before = -INFINITY;
  std::uint64_t count_before = 0;
  for (const auto& [bound, count] : sample.buckets) {
    if (!std::isfinite(bound) || bound <= bound_before || count < count_before) return false;
    bound_before = bound;
    count_before = count;
  }
  return count_before <= sample.count;
}

bool good_value(const Sample& sample) {
  switch (sample.type) {
    case Sample::Type::counter: return std::isfinite(sample.value) && sample.value >= 0;
    case Sample::Type::gauge: return true;
    case Sample::Type::histogram: return good_histogram(sample);
  }
  return false;  // a number that is no type: it came over a wire
}

void append_part(std::string& series, std::string_view part) {
  series.append(std::to_string(part.size())).append(":").append(part);
}

// How many bytes follow the first one of a character; -1 when it cannot be a first one.
int bytes_after(unsigned char first) {
  if (first < 0x80) return 0;
  if (first >= 0xc2 && first < 0xe0) return 1;
  if (first >= 0xe0 && first < 0xf0) return 2;
  if (first >= 0xf0 && first < 0xf5) return 3;
  return -1;
}

}  // namespace

// RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF.
bool valid_utf8(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto first = static_cast<unsigned char>(text[i]);
    const int after = bytes_after(first);
    if (after < 0 || i + static_cast<std::size_t>(after) >= text.size()) return false;
    for (int k = 1; k <= after; ++k) {
      const auto next = static_cast<unsigned char>(text[++i]);
      unsigned char least = 0x80;
      unsigned char most = 0xbf;
      if (k == 1 && first == 0xe0) least = 0xa0;
      if (k == 1 && first == 0xed) most = 0x9f;
      if (k == 1 && first == 0xf0) least = 0x90;
      if (k == 1 && first == 0xf4) most = 0x8f;
      if (next < least || next > most) return false;
    }
  }
  return true;
}

bool acceptable(const Sample& sample) {
  return sample.name.size() <= kSampleTextBytesMax && prometheus::CheckMetricName(sample.name) &&
         good_help(sample.help) && good_labels(sample) && good_value(sample);
}

std::string series_of(const Sample& sample) {
  auto labels = sample.labels;
  std::sort(labels.begin(), labels.end());
  std::string series;
  append_part(series, sample.name);
  for (const auto& [name, value] : labels) {
    append_part(series, name);
    append_part(series, value);
  }
  return series;
}

std::vector<std::string> names_of(const Sample& sample) {
  if (sample.type != Sample::Type::histogram) return {sample.name};
  return {sample.name, sample.name + "_bucket", sample.name + "_sum", sample.name + "_count"};
}

}  // namespace vs
