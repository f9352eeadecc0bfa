#include "dataplane/backend/counters.h"

#include <algorithm>
#include <bit>

namespace vs {

void DurationHistogram::record(std::chrono::nanoseconds duration) {
  const auto us = static_cast<std::uint64_t>(std::max<std::int64_t>(duration.count(), 0)) / 1000;
  // Bucket i holds durations up to 2^i us.
  const std::size_t bucket = us <= 1 ? 0 : static_cast<std::size_t>(std::bit_width(us - 1));
  ++counts_[std::min(bucket, kBuckets - 1)];
  ++count_;
  sum_ += duration;
}

Sample DurationHistogram::sample(std::string name, std::string help) const {
  Sample sample{.name = std::move(name), .help = std::move(help), .type = Sample::Type::histogram};
  std::uint64_t below = 0;
  for (std::size_t i = 0; i + 1 < kBuckets; ++i) {
    below += counts_[i];
    sample.buckets.emplace_back(static_cast<double>(std::uint64_t{1} << i) * 1e-6, below);
  }
  sample.count = count_;
  sample.sum = std::chrono::duration<double>(sum_).count();
  return sample;
}

std::string_view name_of(vs_status status) {
  switch (status) {
    case VS_STATUS_OK: return "ok";
    case VS_STATUS_INVALID: return "invalid";
    case VS_STATUS_DENIED: return "denied";
    case VS_STATUS_NOT_FOUND: return "not_found";
    case VS_STATUS_CONFLICT: return "conflict";
    case VS_STATUS_EXHAUSTED: return "exhausted";
    case VS_STATUS_UNAVAILABLE: return "unavailable";
    case VS_STATUS_INTERNAL: return "internal";
    case VS_STATUS_TOO_LARGE: return "too_large";
  }
  __builtin_unreachable();
}

std::string_view name_of(vs_broken why) {
  switch (why) {
    case VS_BROKEN_NOT: return "not";
    case VS_BROKEN_LENGTH: return "length";
    case VS_BROKEN_TYPE: return "type";
    case VS_BROKEN_INDEX: return "index";
    case VS_BROKEN_COOKIE: return "cookie";
    case VS_BROKEN_CREDIT: return "credit";
    case VS_BROKEN_PAYLOAD: return "payload";
  }
  __builtin_unreachable();
}

void append_samples(std::vector<Sample>& to, const LoopCounts& counts,
                    const std::vector<std::pair<std::string, std::string>>& labels) {
  const auto add = [&](const char* name, const char* help, std::uint64_t value) {
    to.push_back({.name = name,
                  .help = help,
                  .type = Sample::Type::counter,
                  .labels = labels,
                  .value = static_cast<double>(value)});
  };
  add("vservices_loop_sleeps_total", "Times the backend's loop had nothing to do and slept.", counts.sleeps);
  add("vservices_loop_spins_won_total", "Times it looked instead, and something came.", counts.spins_won);
  add("vservices_loop_spins_lost_total", "Times it looked in vain before it slept.", counts.spins_lost);
}

void append_samples(std::vector<Sample>& to, const BindingCounters& counters,
                    const std::vector<std::pair<std::string, std::string>>& labels) {
  const auto add = [&](const char* name, const char* help, Sample::Type type, std::uint64_t value) -> Sample& {
    return to.emplace_back(
        Sample{.name = name, .help = help, .type = type, .labels = labels, .value = static_cast<double>(value)});
  };
  using Type = Sample::Type;
  add("vservices_sessions", "Live sessions.", Type::gauge, counters.sessions_live);
  add("vservices_sessions_opened_total", "Sessions opened.", Type::counter, counters.sessions_opened);
  add("vservices_sessions_exhausted_total", "Opens refused because a session limit was reached.", Type::counter,
      counters.sessions_exhausted);
  add("vservices_opens_refused_total", "Opens refused by policy.", Type::counter, counters.opens_refused);
  add("vservices_hellos_bad_total", "Connections that did not speak the protocol.", Type::counter, counters.hellos_bad);
  add("vservices_requests_total", "Requests taken from guests' rings.", Type::counter, counters.requests);
  add("vservices_requests_held_total", "Times a session reached its limit of unanswered requests.", Type::counter,
      counters.requests_held);
  add("vservices_doorbells_received_total", "Wake-ups by guests.", Type::counter, counters.doorbells_received);
  add("vservices_doorbells_sent_total", "Wake-ups of guests.", Type::counter, counters.doorbells_sent);
  add("vservices_doorbells_suppressed_total", "Wake-ups of guests that were not needed.", Type::counter,
      counters.doorbells_suppressed);
  for (std::size_t i = 0; i < counters.answers.size(); ++i)
    add("vservices_answers_total", "Answers given, by status.", Type::counter, counters.answers[i])
        .labels.emplace_back("status", name_of(static_cast<vs_status>(i)));
  for (std::size_t i = 1; i < counters.broken.size(); ++i)
    add("vservices_sessions_broken_total", "Sessions ended because the guest broke the ring, by what it broke.",
        Type::counter, counters.broken[i])
        .labels.emplace_back("why", name_of(static_cast<vs_broken>(i)));
  Sample& duration = to.emplace_back(counters.duration.sample(
      "vservices_request_duration_seconds", "From taking a request off the ring to putting its answer there."));
  duration.labels = labels;
}

}  // namespace vs
