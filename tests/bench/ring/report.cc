#include "tests/bench/ring/report.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <ctime>

namespace vs::bench {
namespace {

std::uint64_t cpu_ns() {
  timespec used{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
  return static_cast<std::uint64_t>(used.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(used.tv_nsec);
}

}  // namespace

void Report::begin() {
  sample_count = 0;
  cpu_ns = bench::cpu_ns();
  begun = ticks();
}

void Report::end(std::uint64_t messages_measured) {
  ended = ticks();
  cpu_ns = bench::cpu_ns() - cpu_ns;
  messages = messages_measured;
}

void print(const Options& options, const TickScale& scale, Report& timed, const Report& other) {
  if (timed.messages == 0 || timed.sample_count == 0) die("nothing was measured");
  auto* const end = timed.samples.begin() + timed.sample_count;
  std::sort(timed.samples.begin(), end);
  const auto percentile = [&](double part) {  // nearest rank, as common/results.py
    const double rank = std::ceil(part * static_cast<double>(timed.sample_count));
    return scale.ns(timed.samples[std::max<std::size_t>(1, static_cast<std::size_t>(rank)) - 1]) / 1000;
  };
  const double seconds = scale.ns(timed.ended - timed.begun) / 1e9;
  const auto messages = static_cast<double>(timed.messages);
  std::printf("{\"p50\": %.4f, \"p99\": %.4f, \"max\": %.4f, \"cpu_us\": %.5f, \"messages\": %.0f, "
              "\"messages_per_s\": %.0f, \"bytes_per_s\": %.0f}\n",
              percentile(0.50), percentile(0.99), percentile(1),
              static_cast<double>(timed.cpu_ns + other.cpu_ns) / messages / 1000, messages, messages / seconds,
              messages / seconds * static_cast<double>(options.payload_bytes));
}

}  // namespace vs::bench
