// The world of a caching resolver: the loop's time and a resolver's nameservers.
//
// Owned by the loop's thread.
#pragma once

#include <memory>
#include <random>
#include <utility>

#include "base/event_loop.h"
#include "dataplane/services/dns/caching_resolver.h"
#include "dataplane/services/dns/resolver.h"

namespace vs::dns {

class LoopUpstream final : public Upstream {
 public:
  LoopUpstream(EventLoop& loop, std::unique_ptr<Resolver> resolver)
      : loop_(loop), resolver_(std::move(resolver)), random_(std::random_device{}()) {}

  [[nodiscard]] TimePoint now() const override { return std::chrono::steady_clock::now(); }
  TimerId at(TimePoint when, std::function<void()> callback) override { return loop_.at(when, std::move(callback)); }
  void cancel(TimerId timer) override { loop_.cancel(timer); }
  std::uint64_t random() override { return random_(); }
  void fetch(const CacheKey& key, AnswerCallback callback) override {
    resolver_->ask(key.name, key.type, TimePoint::max(), std::move(callback));
  }
  [[nodiscard]] const Resolver& resolver() const { return *resolver_; }

 private:
  EventLoop& loop_;
  std::unique_ptr<Resolver> resolver_;
  std::mt19937_64 random_;
};

}  // namespace vs::dns
