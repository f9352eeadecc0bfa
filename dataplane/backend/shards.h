// The loops of a backend: one a core, each with its thread, its own service and its share of the domains.
//
// A domain belongs to one loop at a time, so its rings have one consumer and its sessions one scheduler. Loops that a configuration
// places on CPUs are made when it names them; a domain that it places goes to that loop with its sessions, between two requests.
// Nothing here waits: what the loops are asked is answered by callbacks on the control loop, when all of them have.
// Owned by the thread of the control loop.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "base/event_loop.h"
#include "dataplane/backend/backend.h"
#include "dataplane/backend/commanded.h"
#include "dataplane/backend/epoch_fence.h"
#include "dataplane/backend/staging.h"

namespace vs {

inline constexpr std::size_t kLoopsMax = 64;         // that are not placed
inline constexpr std::size_t kConfiguresMax = 16;    // that wait for domains on their way; then older ones are passed over
inline constexpr std::size_t kHandoffsWaitingMax = 64;  // commands to freeze that wait as well; more are refused

// As many as there are cores that this process may use, at most kLoopsMax.
std::size_t usable_cores();

class Shards final : public Commanded {
 public:
  using MakeService = std::function<std::unique_ptr<Service>(EventLoop& loop)>;
  using MakeTransport = std::function<std::unique_ptr<Transport>()>;

  // `count`: 1 .. kLoopsMax. The last two are called once for each loop, on this thread.
  Shards(EventLoop& control, std::string kind, std::size_t count, const MakeService& make_service,
         const MakeTransport& make_transport);
  // Ends all sessions and waits for the threads.
  ~Shards() override;
  Shards(const Shards&) = delete;
  Shards& operator=(const Shards&) = delete;

  [[nodiscard]] std::uint64_t config_number() const override { return config_number_; }

  void configure(const control::Configure& configure, std::function<void(control::Applied)> done) override;
  void report(std::function<void(std::vector<Sample>)> done) override;
  void describe(const std::string& binding, std::function<void(nlohmann::json)> done) override;
  void locate(std::function<void(control::Located)> done) override;
  void flush(const control::Flush& what, std::function<void(std::uint64_t)> done) override;
  // In their order with configurations: a domain is never frozen between two loops.
  void freeze(const control::Freeze& freeze, std::function<void(control::Frozen)> done) override;
  void thaw(const control::Thaw& thaw, std::function<void(control::Thawed)> done) override;
  void stage(const control::Stage& stage, std::function<void(std::string)> done) override;
  void take_refusals(std::function<void(std::vector<control::Refused>)> done) override;
  void ping(std::function<void()> done) override;
  void on_refusal(std::function<void()> callback) override { on_refusal_ = std::move(callback); }

 private:
  struct Shard {
    EventLoop loop;
    std::unique_ptr<Backend> backend;
    std::thread thread;
    std::size_t domains = 0;
    control::Cpus cpus;  // where it should run
    bool with_guests = false;
  };
  using ShardMap = std::map<std::uint32_t, std::unique_ptr<Shard>>;  // by number of the loop
  // One command after the other, each when the one before is done.
  struct Waiting {
    control::Configure configure;
    std::vector<control::BindingProblem> problems;  // of those that were taken out of it
    std::function<void(control::Applied)> done;
    std::function<void()> other;  // if it is no configuration: begins it; over() when it is done
  };
  struct Freezing;
  struct Move {
    std::string domain;
    std::uint32_t from;
    std::uint32_t to;
  };
  using Arrivals = std::map<std::uint32_t, std::vector<std::unique_ptr<Backend::Departing>>>;  // by loop
  template <class Part, class All>
  void gather(std::function<Part(Backend&, std::uint32_t shard)> ask, All start, std::function<void(All&, Part)> add,
              std::function<void(All)> done);
  void add_shard(std::uint32_t number);
  void start(Shard& shard);
  std::uint32_t shard_of(const std::string& domain) const;
  std::vector<Move> assign(const control::Configure& configure);
  void wait_for(Waiting waiting);
  void next();
  void over();
  // ---- to other nodes, and from them (handoffs.cc)
  void begin_freeze(const control::Freeze& freeze, std::chrono::steady_clock::time_point asked, std::function<void(control::Frozen)> done);
  void end_freeze(Freezing& freezing);
  void begin_thaw(const std::vector<std::string>& bindings, std::function<void(std::vector<std::string>)> done);
  void thaw_late(std::uint64_t freeze);
  [[nodiscard]] std::vector<Sample> handoff_samples() const;
  void move(std::vector<Move> moves);
  void apply(std::shared_ptr<Arrivals> arrivals);

  EventLoop& control_;
  std::string kind_;
  Neighbours neighbours_;
  MakeService make_service_;
  MakeTransport make_transport_;
  control::Cpus pool_at_start_;
  std::uint32_t count_;  // of those that are not placed: the lowest numbers
  ShardMap shards_;
  std::map<std::string, std::uint32_t> shard_of_domain_;
  std::deque<Waiting> waiting_;  // the first is being applied
  std::uint64_t config_number_ = 0;
  EpochFence fence_;
  Staging staging_;
  std::map<std::string, std::uint64_t> frozen_;  // binding -> number of the freeze that counts
  std::uint64_t freezes_ = 0;
  bool draining_ = false;
  std::uint64_t thawed_by_time_ = 0;
  std::uint64_t handoffs_refused_ = 0;  // too many waited
  std::uint64_t states_cut_ = 0;
  std::function<void()> on_refusal_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

// Asks every loop, on its thread; adds the parts on the control loop, and calls `done` there after the last.
template <class Part, class All>
void Shards::gather(std::function<Part(Backend&, std::uint32_t shard)> ask, All start, std::function<void(All&, Part)> add,
                    std::function<void(All)> done) {
  struct Gathering {
    All all;
    std::size_t left;
    std::function<void(All&, Part)> add;
    std::function<void(All)> done;
  };
  auto gathering = std::make_shared<Gathering>(Gathering{std::move(start), shards_.size(), std::move(add), std::move(done)});
  for (const auto& [number, shard] : shards_) {
    shard->loop.post([this, at = shard.get(), i = number, ask, gathering, alive = std::weak_ptr(alive_)] {
      control_.post([gathering, alive, part = ask(*at->backend, i)]() mutable {
        if (alive.expired()) return;
        gathering->add(gathering->all, std::move(part));
        if (--gathering->left == 0) gathering->done(std::move(gathering->all));
      });
    });
  }
}

}  // namespace vs
