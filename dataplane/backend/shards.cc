#include "dataplane/backend/shards.h"

#include <sched.h>

#include <algorithm>
#include <iterator>
#include <set>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/check.h"
#include "base/log.h"

namespace vs {

std::size_t usable_cores() {
  cpu_set_t cores;
  const int count = ::sched_getaffinity(0, sizeof cores, &cores) == 0 ? CPU_COUNT(&cores) : 1;
  return std::clamp<std::size_t>(static_cast<std::size_t>(count), 1, kLoopsMax);
}

Shards::Shards(EventLoop& control, std::string kind, std::size_t count, const MakeService& make_service,
               const MakeTransport& make_transport)
    : control_(control), kind_(std::move(kind)) {
  VS_CHECK(count >= 1 && count <= kLoopsMax);
  for (std::size_t i = 0; i < count; ++i) {
    auto shard = std::make_unique<Shard>();
    shard->backend =
        std::make_unique<Backend>(shard->loop, kind_, make_service(shard->loop), make_transport(), &neighbours_);
    shard->backend->on_refusal([this, alive = std::weak_ptr(alive_)] {
      control_.post([this, alive] {
        if (!alive.expired() && on_refusal_) on_refusal_();
      });
    });
    shards_.push_back(std::move(shard));
  }
  for (const auto& shard : shards_) shard->thread = std::thread([loop = &shard->loop] { loop->run(); });
}

Shards::~Shards() {
  alive_.reset();
  for (const auto& shard : shards_) shard->loop.stop();
  for (const auto& shard : shards_) shard->thread.join();
  for (const auto& shard : shards_) shard->backend.reset();
}

// Asks every loop, on its thread; adds the parts on the control loop, and calls `done` there after the last.
template <class Part, class All>
void Shards::gather(std::function<Part(Backend&, std::size_t shard)> ask, All start, std::function<void(All&, Part)> add,
                    std::function<void(All)> done) {
  struct Gathering {
    All all;
    std::size_t left;
    std::function<void(All&, Part)> add;
    std::function<void(All)> done;
  };
  auto gathering = std::make_shared<Gathering>(Gathering{std::move(start), shards_.size(), std::move(add), std::move(done)});
  for (std::size_t i = 0; i < shards_.size(); ++i) {
    Shard& shard = *shards_[i];
    shard.loop.post([this, &shard, i, ask, gathering, alive = std::weak_ptr(alive_)] {
      control_.post([gathering, alive, part = ask(*shard.backend, i)]() mutable {
        if (alive.expired()) return;
        gathering->add(gathering->all, std::move(part));
        if (--gathering->left == 0) gathering->done(std::move(gathering->all));
      });
    });
  }
}

// New domains go where the fewest are.
std::size_t Shards::shard_of(const std::string& domain) {
  const auto known = shard_of_domain_.find(domain);
  if (known != shard_of_domain_.end()) return known->second;
  const auto least = std::min_element(shards_.begin(), shards_.end(),
                                      [](const auto& a, const auto& b) { return a->domains < b->domains; });
  ++(*least)->domains;
  return shard_of_domain_[domain] = static_cast<std::size_t>(least - shards_.begin());
}

void Shards::configure(const control::Configure& configure, std::function<void(control::Applied)> done) {
  std::set<std::string> named;
  for (const auto& binding : configure.bindings) named.insert(binding.domain);
  std::erase_if(shard_of_domain_, [&](const auto& known) {
    const bool gone = !named.contains(known.first);
    if (gone) --shards_[known.second]->domains;
    return gone;
  });
  auto parts = std::make_shared<std::vector<control::Configure>>(
      shards_.size(), control::Configure{.number = configure.number, .services = configure.services});
  for (const auto& binding : configure.bindings) (*parts)[shard_of(binding.domain)].bindings.push_back(binding);
  gather<control::Applied, control::Applied>(
      [parts](Backend& backend, std::size_t shard) { return backend.configure((*parts)[shard]); },
      {.number = configure.number},
      [](control::Applied& all, control::Applied part) {
        std::move(part.problems.begin(), part.problems.end(), std::back_inserter(all.problems));
      },
      [this, services = configure.services.size(), bindings = configure.bindings.size(),
       done = std::move(done)](control::Applied applied) {
        config_number_ = applied.number;
        log::info("backend.configured", {{"number", applied.number},
                                         {"services", services},
                                         {"bindings", bindings},
                                         {"problems", applied.problems.size()}});
        done(std::move(applied));
      });
}

void Shards::report(std::function<void(std::vector<Sample>)> done) {
  using Samples = std::vector<Sample>;
  gather<Samples, Samples>(
      [](Backend& backend, std::size_t shard) {
        Samples samples = backend.samples();
        // What is not of one binding is of one loop.
        for (Sample& sample : samples)
          if (std::none_of(sample.labels.begin(), sample.labels.end(), [](const auto& label) { return label.first == "binding"; }))
            sample.labels.emplace_back("loop", std::to_string(shard));
        return samples;
      },
      {}, [](Samples& all, Samples part) { std::move(part.begin(), part.end(), std::back_inserter(all)); }, std::move(done));
}

void Shards::describe(const std::string& binding, std::function<void(nlohmann::json)> done) {
  gather<nlohmann::json, nlohmann::json>(
      [binding](Backend& backend, std::size_t shard) {
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

void Shards::take_refusals(std::function<void(std::vector<control::Refused>)> done) {
  using Refusals = std::vector<control::Refused>;
  gather<Refusals, Refusals>([](Backend& backend, std::size_t) { return backend.take_refusals(); }, {},
                             [](Refusals& all, Refusals part) {
                               std::move(part.begin(), part.end(), std::back_inserter(all));
                             },
                             std::move(done));
}

void Shards::ping(std::function<void()> done) {
  gather<bool, bool>([](Backend&, std::size_t) { return true; }, true, [](bool&, bool) {},
                     [done = std::move(done)](bool) { done(); });
}

}  // namespace vs
