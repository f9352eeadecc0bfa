#include "vsmgrd/metrics/metrics.h"

#include <atomic>
#include <set>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace vs {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using namespace std::chrono_literals;

Sample counter(const std::string& name, double value, const std::string& label = {}) {
  Sample sample{.name = name, .help = "Help.", .value = value};
  if (!label.empty()) sample.labels = {{"label", label}};
  return sample;
}

std::vector<std::string> lines_of(const std::string& text) {
  std::istringstream stream(text);
  std::vector<std::string> lines;
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

TEST(Metrics, SayWhichVersionRuns) {
  const Metrics metrics("1.2.3");
  EXPECT_EQ(metrics.text(),
            "# HELP vservices_build_info 1; the version is in the label.\n"
            "# TYPE vservices_build_info gauge\n"
            "vservices_build_info{version=\"1.2.3\"} 1\n");
}

TEST(Metrics, CountRequestsByMethodRouteAndCode) {
  Metrics metrics("1");
  metrics.count_request("GET", "/v1/domains/{name}", 200, 2ms);
  metrics.count_request("GET", "/v1/domains/{name}", 200, 30ms);
  metrics.count_request("GET", "/v1/domains/{name}", 404, 1ms);
  const std::string text = metrics.text();
  const std::string route = "method=\"GET\",route=\"/v1/domains/{name}\"";
  EXPECT_THAT(text, HasSubstr("vservices_http_requests_total{code=\"200\"," + route + "} 2\n"));
  EXPECT_THAT(text, HasSubstr("vservices_http_requests_total{code=\"404\"," + route + "} 1\n"));
  const std::string duration = "vservices_http_request_duration_seconds";
  EXPECT_THAT(text, HasSubstr(duration + "_count{" + route + "} 3\n"));
  EXPECT_THAT(text, HasSubstr(duration + "_bucket{" + route + ",le=\"0.0025\"} 2\n"));
  EXPECT_THAT(text, HasSubstr(duration + "_bucket{" + route + ",le=\"+Inf\"} 3\n"));
  EXPECT_THAT(text, HasSubstr(duration + "_sum{" + route + "} 0.033\n"));
}

TEST(Metrics, ShowSamplesOfEveryType) {
  Metrics metrics("1");
  Sample histogram{.name = "wait_seconds", .help = "Waits.", .type = Sample::Type::histogram};
  histogram.buckets = {{0.1, 1}, {0.5, 4}};
  histogram.count = 5;
  histogram.sum = 2.5;
  metrics.set_samples("a", {counter("hits_total", 3, "x"),
                            {.name = "depth", .type = Sample::Type::gauge, .value = -1.5},
                            histogram});
  const std::string text = metrics.text();
  EXPECT_THAT(text, HasSubstr("# HELP hits_total Help.\n# TYPE hits_total counter\n"
                              "hits_total{label=\"x\"} 3\n"));
  EXPECT_THAT(text, HasSubstr("# TYPE depth gauge\ndepth -1.5\n"));
  EXPECT_THAT(text, HasSubstr("# TYPE wait_seconds histogram\n"
                              "wait_seconds_count 5\nwait_seconds_sum 2.5\n"
                              "wait_seconds_bucket{le=\"0.1\"} 1\n"
                              "wait_seconds_bucket{le=\"0.5\"} 4\n"
                              "wait_seconds_bucket{le=\"+Inf\"} 5\n"));
}

TEST(Metrics, ReplaceAllSamplesOfASourceAndNoOthers) {
  Metrics metrics("1");
  metrics.set_samples("a", {counter("one_total", 1), counter("two_total", 2)});
  metrics.set_samples("b", {counter("three_total", 3)});
  metrics.set_samples("a", {counter("two_total", 20)});
  EXPECT_THAT(metrics.text(), Not(HasSubstr("one_total")));
  EXPECT_THAT(metrics.text(), HasSubstr("two_total 20\n"));
  EXPECT_THAT(metrics.text(), HasSubstr("three_total 3\n"));
  metrics.set_samples("b", {});
  EXPECT_THAT(metrics.text(), Not(HasSubstr("three_total")));
}

TEST(Metrics, MergeSamplesOfOneNameFromSeveralSources) {
  Metrics metrics("1");
  metrics.set_samples("backend:dns", {counter("hits_total", 1, "dns")});
  metrics.set_samples("backend:ldap", {counter("hits_total", 2, "ldap")});
  EXPECT_THAT(metrics.text(), HasSubstr("# TYPE hits_total counter\n"
                                        "hits_total{label=\"dns\"} 1\n"
                                        "hits_total{label=\"ldap\"} 2\n"));
}

TEST(Metrics, RefuseWhatWouldSpoilTheExposition) {
  Metrics metrics("1");
  metrics.set_samples("good", {counter("hits_total", 1, "x")});
  Sample gauge{.name = "hits_total", .type = Sample::Type::gauge};
  metrics.set_samples(
      "bad", {counter("bad-name", 1), counter("hits_total", 9, "x"),  // the same series
              gauge,                                                  // another type
              counter("vservices_build_info", 1),                     // ours
              counter("vservices_http_request_duration_seconds_sum", 1), counter("fine_total", 5),
              counter("fine_total", 6)});
  const std::string text = metrics.text();
  EXPECT_THAT(text, HasSubstr("vservices_samples_refused_total{source=\"bad\"} 6\n"));
  EXPECT_THAT(text, HasSubstr("fine_total 5\n"));
  EXPECT_THAT(text, HasSubstr("hits_total{label=\"x\"} 1\n"));
  std::set<std::string> seen;
  for (const std::string& line : lines_of(text))
    EXPECT_TRUE(seen.insert(line.substr(0, line.rfind(' '))).second) << line << ": twice";
}

TEST(Metrics, RefuseANameThatAHistogramMakes) {
  Metrics metrics("1");
  metrics.set_samples("a", {{.name = "wait", .type = Sample::Type::histogram}});
  metrics.set_samples("b", {counter("wait_count", 1)});
  EXPECT_THAT(metrics.text(), HasSubstr("vservices_samples_refused_total{source=\"b\"} 1\n"));
}

TEST(Metrics, KeepARefusedNameFreeForItsNextUser) {
  Metrics metrics("1");
  metrics.set_samples("a", {counter("x_total", 1)});
  metrics.set_samples("a", {});
  metrics.set_samples("b", {{.name = "x_total", .type = Sample::Type::gauge, .value = 2}});
  EXPECT_THAT(metrics.text(), HasSubstr("# TYPE x_total gauge\nx_total 2\n"));
}

TEST(Metrics, KeepNoMoreThanTheLimitOfASource) {
  constexpr int kLimit = 100'000;
  Metrics metrics("1");
  std::vector<Sample> samples;
  for (int i = 0; i < kLimit + 3; ++i) samples.push_back(counter("n_total", i, std::to_string(i)));
  metrics.set_samples("a", samples);
  const std::string text = metrics.text();
  EXPECT_NE(text.find("n_total{label=\"99999\"} 99999\n"), std::string::npos);
  EXPECT_EQ(text.find("n_total{label=\"100000\"}"), std::string::npos);
  EXPECT_NE(text.find("vservices_samples_refused_total{source=\"a\"} 3\n"), std::string::npos);
}

TEST(Metrics, EscapeLabelValues) {
  Metrics metrics("1");
  metrics.set_samples("a", {counter("x_total", 1, "a\"b\\c\nd 1\nforged 2")});
  EXPECT_THAT(metrics.text(), HasSubstr("x_total{label=\"a\\\"b\\\\c\\nd 1\\nforged 2\"} 1\n"));
  EXPECT_THAT(metrics.text(), Not(HasSubstr("\nforged")));
}

TEST(Metrics, MayBeUsedByManyThreads) {
  Metrics metrics("1");
  std::atomic<bool> done{false};
  std::thread reader([&] {
    while (!done) EXPECT_THAT(metrics.text(), HasSubstr("vservices_build_info"));
  });
  std::vector<std::thread> writers;
  for (int i = 0; i < 4; ++i) {
    writers.emplace_back([&, source = std::to_string(i)] {
      for (int j = 0; j < 200; ++j) {
        metrics.set_samples(source, {counter("x_total", j, source), counter("bad name", 1)});
        metrics.count_request("GET", "/v1", 200, 1ms);
      }
    });
  }
  for (std::thread& writer : writers) writer.join();
  done = true;
  reader.join();
  const std::string text = metrics.text();
  EXPECT_THAT(text, HasSubstr("{code=\"200\",method=\"GET\",route=\"/v1\"} 800\n"));
  for (int i = 0; i < 4; ++i) {
    const std::string source = std::to_string(i);
    EXPECT_THAT(text, HasSubstr("x_total{label=\"" + source + "\"} 199\n"));
    EXPECT_THAT(text,
                HasSubstr("vservices_samples_refused_total{source=\"" + source + "\"} 200\n"));
  }
}

}  // namespace
}  // namespace vs
