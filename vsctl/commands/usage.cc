#include "vsctl/commands/usage.h"

#include <algorithm>
#include <cmath>
#include <tuple>

#include <nlohmann/json.hpp>

#include "vsctl/client/fields.h"

namespace vs::ctl {
namespace {

using nlohmann::json;

constexpr double kMicroseconds = 1e6;

double since(double before, double now) { return now >= before ? now - before : now; }

double value_in(const json& sample) {
  const json& value = field(sample, "value");
  return value.is_number() ? value.get<double>() : 0;
}

double bound_of(const json& labels) {
  const std::string bound = text(labels, "le");
  return bound == "+Inf" ? INFINITY : std::strtod(bound.c_str(), nullptr);
}

void take(Reading& reading, const std::string& name, const json& labels, double value) {
  if (name == "vservices_requests_total") reading.requests += value;
  if (name == "vservices_answers_total" && text(labels, "status") != "ok") reading.answers_failed += value;
  if (name == "vservices_opens_refused_total") reading.refused += value;
  if (name == "vservices_sessions") reading.sessions += value;
  if (name == "vservices_ring_waiting_bytes") reading.waiting_bytes += value;
  if (name == "vservices_sla_budget_remaining_ratio") reading.budget = std::min(reading.budget.value_or(value), value);
  if (name == "vservices_request_duration_seconds_bucket") reading.latency[bound_of(labels)] += value;
}

// The upper bound of the bucket in which that part of all ends, in microseconds.
double quantile_us(const std::map<double, double>& before, const std::map<double, double>& after, double part) {
  std::map<double, double> counts;
  for (const auto& [bound, count] : after) {
    const auto old = before.find(bound);
    counts[bound] = since(old == before.end() ? 0 : old->second, count);
  }
  if (counts.empty() || counts.rbegin()->second <= 0) return 0;
  const double wanted = part * counts.rbegin()->second;
  double last = 0;
  for (const auto& [bound, count] : counts) {
    if (std::isfinite(bound)) last = bound;
    if (count >= wanted) break;
  }
  return last * kMicroseconds;
}

}  // namespace

Readings read_usage(const json& samples) {
  Readings readings;
  for (const json& sample : samples) {
    const json& labels = field(sample, "labels");
    const std::string domain = text(labels, "domain");
    const std::string service = text(labels, "service");
    if (domain.empty() || service.empty()) continue;
    Reading& reading = readings[domain + "/" + service];
    reading.domain = domain;
    reading.service = service;
    take(reading, text(sample, "name"), labels, value_in(sample));
  }
  return readings;
}

std::vector<Usage> usage_between(const Readings& before, const Readings& after, double seconds) {
  std::vector<Usage> all;
  const Reading none;
  for (const auto& [key, now] : after) {
    const auto found = before.find(key);
    const Reading& old = found == before.end() ? none : found->second;
    all.push_back({.domain = now.domain,
                   .service = now.service,
                   .rate = since(old.requests, now.requests) / seconds,
                   .p50_us = quantile_us(old.latency, now.latency, 0.50),
                   .p99_us = quantile_us(old.latency, now.latency, 0.99),
                   .failed = since(old.answers_failed, now.answers_failed) / seconds,
                   .refused = now.refused,
                   .sessions = now.sessions,
                   .waiting_bytes = now.waiting_bytes,
                   .budget = now.budget});
  }
  return all;
}

void sort_usage(std::vector<Usage>& usage, const std::string& by) {
  const auto key = [&](const Usage& one) {
    return by == "rate" ? one.rate : by == "p99" ? one.p99_us : by == "sessions" ? one.sessions : 0.0;
  };
  std::sort(usage.begin(), usage.end(), [&](const Usage& one, const Usage& other) {
    return std::tuple(-key(one), one.domain, one.service) < std::tuple(-key(other), other.domain, other.service);
  });
}

json usage_document(const std::vector<Usage>& usage) {
  json items = json::array();
  for (const Usage& one : usage)
    items.push_back({{"domain", one.domain},
                     {"service", one.service},
                     {"requestsPerSecond", one.rate},
                     {"p50Us", one.p50_us},
                     {"p99Us", one.p99_us},
                     {"failedPerSecond", one.failed},
                     {"refusedOpens", one.refused},
                     {"sessions", one.sessions},
                     {"ringWaitingBytes", one.waiting_bytes},
                     {"slaBudgetLeft", one.budget ? json(*one.budget) : json()}});
  return {{"items", std::move(items)}};
}

}  // namespace vs::ctl
