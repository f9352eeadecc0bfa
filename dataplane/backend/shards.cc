#include "dataplane/backend/shards.h"

#include <sched.h>

#include <algorithm>
#include <iterator>
#include <optional>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/check.h"
#include "base/log.h"
#include "dataplane/backend/handover.h"
#include "dataplane/backend/pinning.h"

namespace vs {

std::size_t usable_cores() {
  cpu_set_t cores;
  const int count = ::sched_getaffinity(0, sizeof cores, &cores) == 0 ? CPU_COUNT(&cores) : 1;
  return std::clamp<std::size_t>(static_cast<std::size_t>(count), 1, kLoopsMax);
}

Shards::Shards(EventLoop& control, std::string kind, std::size_t count, const MakeService& make_service,
               const MakeTransport& make_transport)
    : control_(control),
      kind_(std::move(kind)),
      make_service_(make_service),
      make_transport_(make_transport),
      pool_at_start_(affinity_of(0)),
      count_(static_cast<std::uint32_t>(count)) {
  VS_CHECK(count >= 1 && count <= kLoopsMax);
  for (std::uint32_t number = 0; number < count_; ++number) add_shard(number);
  for (const auto& [number, shard] : shards_) start(*shard);
}

void Shards::add_shard(std::uint32_t number) {
  auto shard = std::make_unique<Shard>();
  shard->cpus = pool_at_start_;
  shard->backend =
      std::make_unique<Backend>(shard->loop, kind_, make_service_(shard->loop), make_transport_(), &neighbours_);
  shard->backend->on_refusal([this, alive = std::weak_ptr(alive_)] {
    control_.post([this, alive] {
      if (!alive.expired() && on_refusal_) on_refusal_();
    });
  });
  shards_[number] = std::move(shard);
}

void Shards::start(Shard& shard) {
  shard.thread = std::thread([loop = &shard.loop] { loop->run(); });
}

Shards::~Shards() {
  alive_.reset();
  for (const auto& [number, shard] : shards_) shard->loop.stop();
  for (const auto& [number, shard] : shards_) shard->thread.join();
  for (const auto& [number, shard] : shards_) shard->backend.reset();
}

// New domains go where the fewest are, among the loops that are not placed.
std::uint32_t Shards::shard_of(const std::string& domain) const {
  if (const auto known = shard_of_domain_.find(domain); known != shard_of_domain_.end() && known->second < count_)
    return known->second;
  const auto least = std::min_element(shards_.begin(), shards_.find(count_ - 1), [](const auto& a, const auto& b) {
    return a.second->domains < b.second->domains;
  });
  const auto& last = *shards_.find(count_ - 1);
  return last.second->domains < least->second->domains ? last.first : least->first;
}

void Shards::configure(const control::Configure& configure, std::function<void(control::Applied)> done) {
  Waiting wanted{configure, {}, std::move(done), nullptr};
  wanted.problems = fence_.judge(wanted.configure);
  if (waiting_.size() > kConfiguresMax && !waiting_.back().other) {
    // What nobody saw yet need not be: the newest counts.
    const Waiting passed = std::exchange(waiting_.back(), std::move(wanted));
    return passed.done({.number = passed.configure.number});
  }
  wait_for(std::move(wanted));
}

void Shards::wait_for(Waiting waiting) {
  waiting_.push_back(std::move(waiting));
  if (waiting_.size() == 1) next();
}

void Shards::over() {
  waiting_.pop_front();
  if (!waiting_.empty()) next();
}

void Shards::next() {
  if (waiting_.front().other) return waiting_.front().other();
  const control::Configure& configure = waiting_.front().configure;
  for (const control::LoopConfig& loop : configure.loops) {
    if (shards_.contains(loop.number)) continue;
    add_shard(loop.number);
    start(*shards_[loop.number]);
  }
  for (const auto& [number, shard] : shards_) shard->cpus = configure.pool.empty() ? pool_at_start_ : configure.pool;
  for (const control::LoopConfig& loop : configure.loops) {
    shards_[loop.number]->cpus = loop.cpus;
    shards_[loop.number]->with_guests = loop.with_guests;
  }
  move(assign(configure));
}

// Gives each domain its loop, and says whose is another than it was.
std::vector<Shards::Move> Shards::assign(const control::Configure& configure) {
  std::map<std::string, std::optional<std::uint32_t>> named;
  for (const auto& binding : configure.bindings) named[binding.domain] = binding.loop;
  std::erase_if(shard_of_domain_, [&](const auto& known) {
    const bool gone = !named.contains(known.first);
    if (gone) --shards_[known.second]->domains;
    return gone;
  });
  std::vector<Move> moves;
  for (const auto& [domain, loop] : named) {
    const std::uint32_t to = loop && shards_.contains(*loop) ? *loop : shard_of(domain);
    const auto [known, fresh] = shard_of_domain_.emplace(domain, to);
    if (!fresh && known->second == to) continue;
    if (!fresh) {
      moves.push_back({domain, known->second, to});
      --shards_[known->second]->domains;
      known->second = to;
    }
    ++shards_[to]->domains;
  }
  return moves;
}

// Lets the domains go that move; applies the configuration once all have left.
void Shards::move(std::vector<Move> moves) {
  auto arrivals = std::make_shared<Arrivals>();
  if (moves.empty()) return apply(std::move(arrivals));
  const auto left = std::make_shared<std::size_t>(moves.size());
  for (const Move& one : moves) {
    Shard* const from = shards_[one.from].get();
    const auto arrived = [this, arrivals, left, to = one.to, alive = std::weak_ptr(alive_)](std::unique_ptr<Backend::Departing> departing) {
      // A function must be copied, and what departs cannot be.
      auto shared = std::make_shared<std::unique_ptr<Backend::Departing>>(std::move(departing));
      control_.post([this, arrivals, left, to, alive, shared] {
        if (alive.expired()) return;
        if (*shared != nullptr) (*arrivals)[to].push_back(std::move(*shared));
        if (--*left == 0) apply(arrivals);
      });
    };
    from->loop.post([from, domain = one.domain, arrived] { from->backend->release(domain, arrived); });
  }
}

void Shards::apply(std::shared_ptr<Arrivals> arrivals) {
  const control::Configure& configure = waiting_.front().configure;
  struct Part {
    control::Configure configure;
    control::Cpus cpus;
    bool with_guests = false;
    std::map<std::string, nlohmann::json> states;  // by binding: what came from the node it was on
  };
  auto parts = std::make_shared<std::map<std::uint32_t, Part>>();
  for (const auto& [number, shard] : shards_)
    (*parts)[number] = {{.number = configure.number, .services = configure.services}, shard->cpus, shard->with_guests, {}};
  const auto now = std::chrono::steady_clock::now();
  std::map<std::string, std::uint64_t> frozen_before = std::exchange(frozen_, {});
  for (const auto& binding : configure.bindings) {
    Part& part = parts->at(shard_of_domain_.at(binding.domain));
    part.configure.bindings.push_back(binding);
    part.configure.bindings.back().loop.reset();  // that is said: a binding that only moves stays as it is
    if (auto state = staging_.take(binding, now)) part.states[binding.name] = std::move(*state);
    frozen_.insert(frozen_before.extract(binding.name));
  }
  gather<control::Applied, control::Applied>(
      [parts, arrivals](Backend& backend, std::uint32_t shard) {
        const Part& part = parts->at(shard);
        const auto pinned = pin_this_thread(part.cpus);
        backend.share_core(part.with_guests);
        const auto arriving = arrivals->find(shard);
        auto applied = backend.configure(part.configure, arriving == arrivals->end()
                                                             ? std::vector<std::unique_ptr<Backend::Departing>>()
                                                             : std::move(arriving->second));
        for (const auto& [binding, state] : part.states) backend.take_over(binding, state);
        // It serves all the same, where it can: where that is, locate() tells.
        if (!pinned) log::warn("loop.not_pinned", {{"loop", shard}, {"error", pinned.error()}});
        return applied;
      },
      {.number = configure.number},
      [](control::Applied& all, control::Applied part) {
        std::move(part.problems.begin(), part.problems.end(), std::back_inserter(all.problems));
      },
      [this](control::Applied applied) {
        const Waiting done = std::move(waiting_.front());
        std::copy(done.problems.begin(), done.problems.end(), std::back_inserter(applied.problems));
        config_number_ = applied.number;
        log::info("backend.configured", {{"number", applied.number},
                                         {"services", done.configure.services.size()},
                                         {"bindings", done.configure.bindings.size()},
                                         {"placed", done.configure.loops.size()},
                                         {"problems", applied.problems.size()}});
        done.done(std::move(applied));
        over();
      });
}

void Shards::locate(std::function<void(control::Located)> done) {
  auto wanted = std::make_shared<std::map<std::uint32_t, control::Cpus>>();
  for (const auto& [number, shard] : shards_) (*wanted)[number] = shard->cpus;
  gather<control::Located, control::Located>(
      [wanted](Backend& backend, std::uint32_t shard) {
        control::LoopFound loop{.number = shard, .found = affinity_of(0)};
        loop.now = loop.found;
        loop.cpu_ns = thread_cpu_ns();
        if (loop.found != wanted->at(shard) && pin_this_thread(wanted->at(shard))) loop.now = affinity_of(0);
        return control::Located{.loops = {std::move(loop)}, .guests = backend.guests()};
      },
      {},
      [](control::Located& all, control::Located part) {
        std::move(part.loops.begin(), part.loops.end(), std::back_inserter(all.loops));
        std::move(part.guests.begin(), part.guests.end(), std::back_inserter(all.guests));
      },
      std::move(done));
}

void Shards::report(std::function<void(std::vector<Sample>)> done) {
  using Samples = std::vector<Sample>;
  gather<Samples, Samples>(
      [](Backend& backend, std::uint32_t shard) {
        Samples samples = backend.samples();
        // What is not of one binding is of one loop.
        for (Sample& sample : samples)
          if (std::none_of(sample.labels.begin(), sample.labels.end(), [](const auto& label) { return label.first == "binding"; }))
            sample.labels.emplace_back("loop", std::to_string(shard));
        return samples;
      },
      handoff_samples(), [](Samples& all, Samples part) { std::move(part.begin(), part.end(), std::back_inserter(all)); },
      std::move(done));
}

void Shards::describe(const std::string& binding, std::function<void(nlohmann::json)> done) {
  gather<nlohmann::json, nlohmann::json>(
      [binding](Backend& backend, std::uint32_t shard) {
        nlohmann::json live = backend.describe(binding);
        if (!live.is_null()) live["loop"] = shard;
        return live;
      },
      nullptr,
      [](nlohmann::json& all, nlohmann::json part) {
        if (!part.is_null()) all = std::move(part);
      },
      std::move(done));
}

void Shards::flush(const control::Flush& what, std::function<void(std::uint64_t)> done) {
  gather<std::uint64_t, std::uint64_t>([what](Backend& backend, std::size_t) { return backend.flush(what); }, 0,
                                       [](std::uint64_t& all, std::uint64_t part) { all += part; }, std::move(done));
}

void Shards::take_refusals(std::function<void(std::vector<control::Refused>)> done) {
  using Refusals = std::vector<control::Refused>;
  gather<Refusals, Refusals>([](Backend& backend, std::uint32_t) { return backend.take_refusals(); }, {},
                             [](Refusals& all, Refusals part) {
                               std::move(part.begin(), part.end(), std::back_inserter(all));
                             },
                             std::move(done));
}

void Shards::ping(std::function<void()> done) {
  gather<bool, bool>([](Backend&, std::uint32_t) { return true; }, true, [](bool&, bool) {},
                     [done = std::move(done)](bool) { done(); });
}

}  // namespace vs
