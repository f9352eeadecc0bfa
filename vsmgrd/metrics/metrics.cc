#include "vsmgrd/metrics/metrics.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include "base/log.h"
#include "vsmgrd/metrics/sample_table.h"

namespace vs {
namespace {

inline constexpr char kRequests[] = "vservices_http_requests_total";
inline constexpr char kDuration[] = "vservices_http_request_duration_seconds";
inline constexpr char kRefused[] = "vservices_samples_refused_total";
inline constexpr char kBuildInfo[] = "vservices_build_info";

// From what a read from memory takes to what no client waits for.
const prometheus::Histogram::BucketBoundaries kDurationBounds{
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10};

std::set<std::string> own_names() {
  const std::string duration = kDuration;
  return {kRequests, duration,  duration + "_bucket", duration + "_sum", duration + "_count",
          kRefused,  kBuildInfo};
}

}  // namespace

struct Metrics::Impl {
  prometheus::Registry registry;
  prometheus::Family<prometheus::Counter>& requests =
      prometheus::BuildCounter()
          .Name(kRequests)
          .Help("Requests answered, by method, route and status code.")
          .Register(registry);
  prometheus::Family<prometheus::Histogram>& durations =
      prometheus::BuildHistogram()
          .Name(kDuration)
          .Help("Time from a request's arrival to its answer, by method and route.")
          .Register(registry);
  prometheus::Family<prometheus::Counter>& refused =
      prometheus::BuildCounter()
          .Name(kRefused)
          .Help("Samples left out because they were malformed, clashed or were too many.")
          .Register(registry);
  prometheus::Family<prometheus::Gauge>& build_info = prometheus::BuildGauge()
                                                          .Name(kBuildInfo)
                                                          .Help("1; the version is in the label.")
                                                          .Register(registry);
  SampleTable samples{own_names()};
};

Metrics::Metrics(std::string_view version) : impl_(std::make_unique<Impl>()) {
  impl_->build_info.Add({{"version", std::string(version)}}).Set(1);
}

Metrics::~Metrics() = default;

void Metrics::count_request(std::string_view method, std::string_view route, int status,
                            std::chrono::nanoseconds duration) {
  const prometheus::Labels labels{{"method", std::string(method)}, {"route", std::string(route)}};
  prometheus::Labels with_code = labels;
  with_code["code"] = std::to_string(status);
  impl_->requests.Add(with_code).Increment();
  impl_->durations.Add(labels, kDurationBounds)
      .Observe(std::chrono::duration<double>(duration).count());
}

void Metrics::set_samples(const std::string& source, std::vector<Sample> samples) {
  const std::size_t refused = impl_->samples.replace(source, std::move(samples));
  impl_->refused.Add({{"source", source}}).Increment(static_cast<double>(refused));
  if (refused == 0) return;
  log::debug("samples.refused", {{"source", source}, {"count", refused}});
}

std::string Metrics::text() const {
  auto families = impl_->registry.Collect();
  auto sampled = impl_->samples.Collect();
  std::move(sampled.begin(), sampled.end(), std::back_inserter(families));
  std::erase_if(families, [](const auto& family) { return family.metric.empty(); });
  std::sort(families.begin(), families.end(),
            [](const auto& a, const auto& b) { return a.name < b.name; });
  return prometheus::TextSerializer{}.Serialize(families);
}

}  // namespace vs
