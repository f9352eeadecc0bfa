// What a loop tells of itself and of its bindings.
#include <sched.h>
#include <time.h>

#include <nlohmann/json.hpp>

#include "dataplane/backend/backend.h"

namespace vs {
namespace {

using nlohmann::json;
using Labels = std::vector<std::pair<std::string, std::string>>;

double microseconds(std::chrono::nanoseconds duration) { return static_cast<double>(duration.count()) / 1000; }

json latency_of(const LatencyHistogram& histogram) {
  return {{"count", histogram.count()},
          {"p50Us", microseconds(histogram.quantile(0.5))},
          {"p90Us", microseconds(histogram.quantile(0.9))},
          {"p99Us", microseconds(histogram.quantile(0.99))},
          {"p999Us", microseconds(histogram.quantile(0.999))},
          {"maxUs", microseconds(histogram.max())}};
}

// Only those that are not 0.
template <class Value, std::size_t count>
json by_name(const std::array<std::uint64_t, count>& counts) {
  json named = json::object();
  for (std::size_t i = 0; i < count; ++i)
    if (counts[i] != 0) named[std::string(name_of(static_cast<Value>(i)))] = counts[i];
  return named;
}

// Of the loop's thread, which this is called on.
void append_thread(std::vector<Sample>& to, const std::string& kind) {
  timespec used{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
  to.push_back({.name = "vservices_loop_cpu_seconds_total",
                .help = "Processor time of the backend's loop, looking for work included.",
                .type = Sample::Type::counter,
                .labels = {{"kind", kind}},
                .value = static_cast<double>(used.tv_sec) + static_cast<double>(used.tv_nsec) * 1e-9});
  to.push_back({.name = "vservices_loop_last_cpu",
                .help = "Number of the CPU that the backend's loop ran on when it was asked.",
                .type = Sample::Type::gauge,
                .labels = {{"kind", kind}},
                .value = static_cast<double>(::sched_getcpu())});
}

}  // namespace

std::unordered_map<const Backend::Binding*, Backend::Occupancy> Backend::occupancy() const {
  std::unordered_map<const Binding*, Occupancy> all;
  for (const auto& [id, live] : sessions_) {
    Occupancy& of = all[&live->binding];
    of.request_bytes += live->session.request_bytes_waiting();
    of.response_bytes += live->session.response_bytes_waiting();
    of.throttled += live->throttled ? 1 : 0;
  }
  return all;
}

std::vector<Sample> Backend::samples() const {
  std::vector<Sample> samples = service_->samples();
  append_samples(samples, loop_.counts(), {{"kind", kind_}});
  append_thread(samples, kind_);
  for (Sample& sample : frames_.samples()) samples.push_back(std::move(sample));
  auto filled = occupancy();
  for (const auto& [name, binding] : bindings_) {
    if (!binding->counters.used()) continue;  // zeros of 10,000 would be more than one message holds
    const Labels labels{{"binding", name}, {"domain", binding->config.domain}, {"service", binding->config.service}};
    append_samples(samples, binding->counters, labels);
    const auto add = [&](const char* ring, std::uint64_t bytes) {
      samples.push_back({.name = "vservices_ring_waiting_bytes",
                         .help = "Bytes that wait in the rings of live sessions.",
                         .type = Sample::Type::gauge,
                         .labels = labels,
                         .value = static_cast<double>(bytes)});
      samples.back().labels.emplace_back("ring", ring);
    };
    add("request", filled[binding.get()].request_bytes);
    add("response", filled[binding.get()].response_bytes);
    if (!binding->classes) continue;
    for (const ClassMeter& meter : binding->classes->meters()) append_samples(samples, meter, labels);
    samples.push_back({.name = "vservices_sla_level",
                       .help = "At which level the binding is served, as its guest is told: 0 as promised, 3 the worst.",
                       .type = Sample::Type::gauge,
                       .labels = labels,
                       .value = static_cast<double>(binding->quality.level())});
    samples.push_back({.name = "vservices_sla_expression_errors_total",
                       .help = "Content class expressions that could not be computed for a request.",
                       .type = Sample::Type::counter,
                       .labels = labels,
                       .value = static_cast<double>(binding->classes->errors())});
  }
  for (const bool taken : {true, false})
    samples.push_back({.name = "vservices_state_entries_total",
                       .help = "Of what came with bindings from other nodes, by whether it was of use.",
                       .type = Sample::Type::counter,
                       .labels = {{"kind", kind_}, {"result", taken ? "taken" : "refused"}},
                       .value = static_cast<double>(taken ? taken_over_.entries : taken_over_.refused)});
  for (const auto& [name, domain] : domains_)
    samples.push_back({.name = "vservices_domain_memory_bytes",
                       .help = "Memory of a domain's sessions.",
                       .type = Sample::Type::gauge,
                       .labels = {{"kind", kind_}, {"domain", name}},
                       .value = static_cast<double>(domain->memory_bytes)});
  return samples;
}

nlohmann::json Backend::describe(const std::string& name) const {
  const auto found = bindings_.find(name);
  if (found == bindings_.end()) return nullptr;
  const Binding& binding = *found->second;
  const BindingCounters& counters = binding.counters;
  const auto [request_bytes, response_bytes, throttled] = occupancy()[&binding];
  json broken{{"byReason", by_name<vs_broken>(counters.broken)}};
  if (binding.broken_last != VS_BROKEN_NOT) {
    const std::chrono::duration<double> ago = std::chrono::steady_clock::now() - binding.broken_at;
    broken["last"] = {{"reason", name_of(binding.broken_last)}, {"secondsAgo", ago.count()}};
  }
  json live{{"sessions", {{"live", counters.sessions_live}, {"opened", counters.sessions_opened}, {"throttled", throttled}}},
          {"requests", counters.requests},
          {"answers", by_name<vs_status>(counters.answers)},
          {"latency",
           {{"queue", latency_of(counters.queue)},
            {"service", latency_of(counters.service)},
            {"total", latency_of(counters.total)}}},
          {"rings",
           {{"requestBytesWaiting", request_bytes},
            {"responseBytesWaiting", response_bytes},
            {"requestBytes", counters.sessions_live * binding.terms.request_bytes},
            {"responseBytes", counters.sessions_live * binding.terms.response_bytes}}},
          {"doorbells",
           {{"received", counters.doorbells_received},
            {"inVain", counters.doorbells_in_vain},
            {"pauses", counters.doorbell_pauses},
            {"sent", counters.doorbells_sent},
            {"suppressed", counters.doorbells_suppressed}}},
          {"refusals",
           {{"policy", counters.opens_refused},
            {"limit", counters.sessions_exhausted},
            {"memory", counters.memory_exhausted},
            {"handshake", counters.hellos_bad}}},
          {"requestsHeld", counters.requests_held},
          {"requestsThrottled", counters.requests_throttled},
          {"domainMemoryBytes", binding.domain->memory_bytes},
          {"cpuMs", static_cast<double>(binding.flow().used()) / 1e6},
          {"broken", broken},
          {"handoff",
           {{"epoch", binding.config.epoch},
            {"frozen", binding.frozen},
            {"freezes", counters.freezes},
            {"drained", counters.requests_drained},
            {"undrained", counters.requests_undrained}}}};
  live["costUs"] = counters.requests == 0 ? 0 : static_cast<double>(binding.flow().used()) / 1e3 / static_cast<double>(counters.requests);
  if (binding.classes) {
    live["level"] = binding.quality.level();
    live["classes"] = json::array();
    for (const ClassMeter& meter : binding.classes->meters())
      live["classes"].push_back({{"name", meter.name()},
                                 {"requests", meter.requests()},
                                 {"failed", meter.failed()},
                                 {"shed", meter.sheds()},
                                 {"events", meter.events()},
                                 {"eventsLost", meter.events_lost()},
                                 {"latency", latency_of(meter.total())},
                                 {"age", latency_of(meter.age())}});
  }
  if (const control::Terms& terms = binding.terms; terms.tune != control::Tune::off)
    live["auto"] = {{"for", control::name_of(terms.tune)},
                    {"wait", control::name_of(terms.wait)},
                    {"requestBytes", terms.request_bytes},
                    {"responseBytes", terms.response_bytes},
                    {"changes", binding.tuner.changes()},
                    {"why", binding.tuner.why()}};
  if (const json more = service_->describe(binding.config.service); more.is_object()) live.update(more);
  return live;
}

}  // namespace vs
