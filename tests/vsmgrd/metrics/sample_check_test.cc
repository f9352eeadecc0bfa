#include "vsmgrd/metrics/sample_check.h"

#include <cmath>
#include <functional>
#include <limits>
#include <string>

#include <gtest/gtest.h>

namespace vs {
namespace {

using namespace std::string_literals;

Sample good() {
  return {.name = "vservices_requests_total",
          .help = "Requests.",
          .labels = {{"service", "dns"}, {"domain", "web1"}},
          .value = 1};
}

Sample good_histogram() {
  Sample sample = good();
  sample.type = Sample::Type::histogram;
  sample.buckets = {{0.1, 1}, {1, 2}};
  sample.count = 2;
  return sample;
}

struct Fault {
  const char* name;
  std::function<void(Sample&)> make;
  bool in_histogram = false;
};
void PrintTo(const Fault& fault, std::ostream* out) { *out << fault.name; }

class Faulty : public ::testing::TestWithParam<Fault> {};

TEST_P(Faulty, IsNotAcceptable) {
  Sample sample = GetParam().in_histogram ? good_histogram() : good();
  ASSERT_TRUE(acceptable(sample));
  GetParam().make(sample);
  EXPECT_FALSE(acceptable(sample));
}

constexpr double kInfinity = std::numeric_limits<double>::infinity();

INSTANTIATE_TEST_SUITE_P(
    Sample, Faulty,
    ::testing::Values(
        Fault{"empty_name", [](Sample& s) { s.name = ""; }},
        Fault{"name_with_blank", [](Sample& s) { s.name = "a b"; }},
        Fault{"name_with_newline", [](Sample& s) { s.name = "a\nb"; }},
        Fault{"name_begins_with_digit", [](Sample& s) { s.name = "1a"; }},
        Fault{"long_name", [](Sample& s) { s.name = std::string(kSampleTextBytesMax + 1, 'a'); }},
        Fault{"label_with_dash", [](Sample& s) { s.labels[0].first = "a-b"; }},
        Fault{"label_twice", [](Sample& s) { s.labels[1].first = s.labels[0].first; }},
        Fault{"label_value_not_utf8", [](Sample& s) { s.labels[0].second = "\xff"; }},
        Fault{"label_value_long",
              [](Sample& s) { s.labels[0].second = std::string(kSampleTextBytesMax + 1, 'a'); }},
        Fault{"many_labels",
              [](Sample& s) {
                for (std::size_t i = 0; i < kSampleLabelsMax; ++i)
                  s.labels.emplace_back("l" + std::to_string(i), "");
              }},
        Fault{"help_of_two_lines", [](Sample& s) { s.help = "a\nforged 1"; }},
        Fault{"help_not_utf8", [](Sample& s) { s.help = "\xc0\x80"; }},
        Fault{"negative_counter", [](Sample& s) { s.value = -1; }},
        Fault{"counter_not_a_number", [](Sample& s) { s.value = std::nan(""); }},
        Fault{"no_such_type", [](Sample& s) { s.type = static_cast<Sample::Type>(7); }},
        Fault{"le_given", [](Sample& s) { s.labels[0].first = "le"; }, true},
        Fault{"bounds_not_rising", [](Sample& s) { s.buckets[1].first = 0.1; }, true},
        Fault{"bound_infinite", [](Sample& s) { s.buckets[1].first = kInfinity; }, true},
        Fault{"counts_falling", [](Sample& s) { s.buckets[1].second = 0; }, true},
        Fault{"bucket_over_count", [](Sample& s) { s.count = 1; }, true},
        Fault{"sum_not_finite", [](Sample& s) { s.sum = kInfinity; }, true},
        Fault{"many_buckets",
              [](Sample& s) {
                for (std::size_t i = 0; i < kSampleBucketsMax; ++i)
                  s.buckets.emplace_back(2.0 + static_cast<double>(i), 2);
              },
              true}),
    [](const auto& each) { return each.param.name; });

TEST(SampleCheck, GaugesMayBeAnyNumber) {
  Sample sample = good();
  sample.type = Sample::Type::gauge;
  for (const double value : {-1.0, kInfinity, std::nan("")}) {
    sample.value = value;
    EXPECT_TRUE(acceptable(sample)) << value;
  }
}

TEST(SampleCheck, SeriesDoNotDependOnLabelOrder) {
  Sample other = good();
  std::swap(other.labels[0], other.labels[1]);
  EXPECT_EQ(series_of(good()), series_of(other));
}

TEST(SampleCheck, SeriesOfDifferentLabelsDiffer) {
  Sample one{.name = "x", .labels = {{"a", "1"}, {"b", "2"}}};
  Sample two{.name = "x", .labels = {{"a", "11:b1:2"}}};
  EXPECT_NE(series_of(one), series_of(two));
}

TEST(SampleCheck, TellsUtf8) {
  for (const std::string text : {"", "abc", "\xc3\xbc", "\xe2\x82\xac", "\xed\x9f\xbf",
                                 "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf"})
    EXPECT_TRUE(valid_utf8(text)) << text;
  for (const std::string& text :
       {"\x80"s, "\xc1\x81"s, "\xc3"s, "\xe0\x9f\xbf"s, "\xed\xa0\x80"s, "\xf0\x8f\xbf\xbf"s,
        "\xf4\x90\x80\x80"s, "\xf5\x80\x80\x80"s, "\xe2\x82"s, "\xe2\x28\xa1"s})
    EXPECT_FALSE(valid_utf8(text));
}

}  // namespace
}  // namespace vs
