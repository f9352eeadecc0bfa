#include "vsmgrd/metrics/sample_table.h"

#include <algorithm>

#include "vsmgrd/metrics/sample_check.h"

namespace vs {
namespace {

prometheus::MetricType type_of(const Sample& sample) {
  switch (sample.type) {
    case Sample::Type::counter: return prometheus::MetricType::Counter;
    case Sample::Type::gauge: return prometheus::MetricType::Gauge;
    case Sample::Type::histogram: return prometheus::MetricType::Histogram;
  }
  __builtin_unreachable();  // acceptable() has refused it
}

prometheus::ClientMetric metric_of(const Sample& sample) {
  prometheus::ClientMetric metric;
  for (const auto& [name, value] : sample.labels) metric.label.push_back({name, value});
  metric.counter.value = sample.value;
  metric.gauge.value = sample.value;
  metric.histogram.sample_count = sample.count;
  metric.histogram.sample_sum = sample.sum;
  for (const auto& [bound, count] : sample.buckets)
    metric.histogram.bucket.push_back({.cumulative_count = count, .upper_bound = bound});
  return metric;
}

}  // namespace

bool SampleTable::fits(const Sources& sources, const Sample& sample,
                       const std::string& series) const {
  const std::vector<std::string> names = names_of(sample);
  for (const std::string& name : names)
    if (reserved_.contains(name)) return false;
  for (const auto& [key, source] : sources) {
    if (source.series.contains(series)) return false;
    for (const std::string& name : names) {
      const auto use = source.uses.find(name);
      if (use != source.uses.end() && use->second != Use{sample.name, sample.type}) return false;
    }
  }
  return true;
}

std::size_t SampleTable::replace(const std::string& source, std::vector<Sample> samples) {
  const std::size_t given = samples.size();
  samples.erase(std::remove_if(samples.begin(), samples.end(),
                               [](const Sample& sample) { return !acceptable(sample); }),
                samples.end());
  const std::size_t kept = sources_.with([&](Sources& sources) {
    Source& fresh = sources[source] = {};
    for (Sample& sample : samples) {
      if (fresh.samples.size() == kSamplesMax) break;
      std::string series = series_of(sample);
      if (!fits(sources, sample, series)) continue;
      for (std::string& name : names_of(sample))
        fresh.uses.emplace(std::move(name), Use{sample.name, sample.type});
      fresh.series.insert(std::move(series));
      fresh.samples.push_back(std::move(sample));
    }
    const std::size_t count = fresh.samples.size();
    if (count == 0) sources.erase(source);
    return count;
  });
  return given - kept;
}

std::vector<prometheus::MetricFamily> SampleTable::Collect() const {
  std::map<std::string, prometheus::MetricFamily> families;
  sources_.with([&](const Sources& sources) {
    for (const auto& [key, source] : sources) {
      for (const Sample& sample : source.samples) {
        prometheus::MetricFamily& family = families[sample.name];
        if (family.help.empty()) family.help = sample.help;
        family.name = sample.name;
        family.type = type_of(sample);
        family.metric.push_back(metric_of(sample));
      }
    }
  });
  std::vector<prometheus::MetricFamily> collected;
  for (auto& [name, family] : families) collected.push_back(std::move(family));
  return collected;
}

}  // namespace vs
