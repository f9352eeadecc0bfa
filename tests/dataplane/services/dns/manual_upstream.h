// Nameservers, time and chance that a test moves by hand: answers come after latencies that the test draws.
#pragma once

#include <functional>
#include <map>
#include <random>
#include <utility>

#include "dataplane/services/dns/caching_resolver.h"

namespace vs::dns::test {

class ManualUpstream final : public Upstream {
 public:
  [[nodiscard]] TimePoint now() const override { return now_; }
  TimerId at(TimePoint when, std::function<void()> callback) override {
    const TimerId id{++timers_made_};
    timers_.emplace(std::pair{when, static_cast<std::uint64_t>(id)}, std::move(callback));
    return id;
  }
  void cancel(TimerId timer) override {
    std::erase_if(timers_, [&](const auto& one) { return one.first.second == static_cast<std::uint64_t>(timer); });
  }
  std::uint64_t random() override { return random_(); }
  void fetch(const CacheKey& key, AnswerCallback callback) override {
    ++fetches;
    at(now_ + latency(key), [this, key, callback = std::move(callback)] { callback(answer(key)); });
  }

  // Runs what is due within so long, each at its time.
  void advance(std::chrono::nanoseconds by) {
    const TimePoint until = now_ + by;
    while (!timers_.empty() && timers_.begin()->first.first <= until) run_next();
    now_ = until;
  }
  void run_next() {
    auto node = timers_.extract(timers_.begin());
    now_ = std::max(now_, node.key().first);
    node.mapped()();
  }
  [[nodiscard]] bool idle() const { return timers_.empty(); }

  std::function<std::chrono::nanoseconds(const CacheKey&)> latency = [](const CacheKey&) { return std::chrono::milliseconds(10); };
  std::function<Answer(const CacheKey&)> answer = [](const CacheKey& key) {
    Answer found{.result = VS_DNS_FOUND, .canonical_name = key.name, .addresses = {{.inet6 = key.type == RecordType::aaaa}}};
    set_ttl(found, 300);
    return found;
  };
  int fetches = 0;

 private:
  TimePoint now_{std::chrono::hours(1)};
  std::map<std::pair<TimePoint, std::uint64_t>, std::function<void()>> timers_;
  std::uint64_t timers_made_ = 0;
  std::mt19937_64 random_{7};
};

}  // namespace vs::dns::test
