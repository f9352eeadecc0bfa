// Two nodes that hand domains to each other in one process: real stores, reconcilers and movers; backends that serve what they are given,
// and peers that hear each other unless they are cut off.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "tests/vsmgrd/store/objects.h"
#include "tests/vsmgrd/store/temp_directory.h"
#include "vsmgrd/handoffs/mover.h"
#include "vsmgrd/reconciler/reconciler.h"

namespace vs::test {

inline constexpr std::chrono::seconds kPatience{60};

// What happens anywhere: who waits for something looks at it again then.
class Bell {
 public:
  void ring() {
    const std::lock_guard lock(mutex_);
    ++rung_;
    changed_.notify_all();
  }
  // Whether `holds` comes to hold. Looks after each ring, and now and then: some things ring nobody.
  bool wait(const std::function<bool()>& holds) {
    const auto until = std::chrono::steady_clock::now() + kPatience;
    while (!holds()) {
      std::unique_lock lock(mutex_);
      if (std::chrono::steady_clock::now() > until) return false;
      changed_.wait_for(lock, std::chrono::milliseconds{5}, [this, seen = rung_] { return rung_ != seen; });
    }
    return true;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::uint64_t rung_ = 0;
};

// By binding: the nodes whose backends were given it to serve.
class Served {
 public:
  void set(const std::string& node, const std::string& kind, const BackendConfig& config) {
    const std::lock_guard lock(mutex_);
    auto& mine = given_[node + '/' + kind];
    mine.clear();
    for (const auto& binding : config.bindings)
      if (binding.granted) mine.insert(binding.name);
    for (const auto& [other, theirs] : given_)
      for (const std::string& binding : mine)
        if (other.substr(0, other.find('/')) != node && theirs.contains(binding)) twice_.insert(binding);
  }
  [[nodiscard]] std::set<std::string> twice() const {
    const std::lock_guard lock(mutex_);
    return twice_;
  }

 private:
  mutable std::mutex mutex_;
  std::map<std::string, std::set<std::string>> given_;
  std::set<std::string> twice_;
};

// Serve at once what they are given. Thread-safe.
class ServingBackends final : public Backends {
 public:
  ServingBackends(std::string node, Served& served) : node_(std::move(node)), served_(served) {}

  std::function<void()> on_change;

  void start(const std::string& kind) override {
    const std::lock_guard lock(mutex_);
    states_[kind].wanted = states_[kind].up = true;
  }
  void stop(const std::string& kind) override {
    const std::lock_guard lock(mutex_);
    served_.set(node_, kind, {});
    states_.erase(kind);
  }
  void configure(const std::string& kind, std::uint64_t number, BackendConfig config) override {
    {
      const std::lock_guard lock(mutex_);
      served_.set(node_, kind, config);
      BackendStatus& state = states_[kind];
      state.number_sent = state.number_applied = number;
      for (const auto& binding : config.bindings)
        if (problems.contains(binding.name)) state.problems[binding.name] = problems.at(binding.name);
      state.config = std::move(config);
    }
    on_change();
  }
  void locate() override {}
  std::map<std::string, BackendStatus> status() const override {
    const std::lock_guard lock(mutex_);
    return states_;
  }
  std::map<std::string, std::string> keep_homes(const Devices& devices) override {
    std::map<std::string, std::string> homes;
    for (const auto& [domain, names] : devices) homes[domain] = "/homes/" + domain;
    return homes;
  }
  void order(const std::string&, control::Command order, const HandoffOrders::Done& done) {
    std::optional<control::Event> answer;
    {
      const std::lock_guard lock(mutex_);
      if (const auto* freeze = std::get_if<control::Freeze>(&order)) {
        control::Frozen frozen;
        for (const std::string& binding : freeze->bindings)
          frozen.bindings.push_back({.binding = binding, .drained = true, .state = {{"of", binding}}});
        answer = frozen;
        ++frozen_;
      } else if (std::holds_alternative<control::Thaw>(order)) {
        answer = control::Thawed{};
        ++thawed_;
      } else if (const auto* stage = std::get_if<control::Stage>(&order)) {
        staged_[stage->binding] = {stage->epoch, stage->state};
        answer = control::Staged{};
      }
    }
    done(answer);
  }
  [[nodiscard]] std::map<std::string, std::pair<std::uint64_t, nlohmann::json>> staged() const {
    const std::lock_guard lock(mutex_);
    return staged_;
  }
  [[nodiscard]] int thawed() const {
    const std::lock_guard lock(mutex_);
    return thawed_;
  }
  std::map<std::string, std::string> problems;  // set before anything runs

 private:
  const std::string node_;
  Served& served_;
  mutable std::mutex mutex_;
  std::map<std::string, BackendStatus> states_;
  std::map<std::string, std::pair<std::uint64_t, nlohmann::json>> staged_;
  int frozen_ = 0;
  int thawed_ = 0;
};

// A clock that may go wrong by some time.
class WrongClock final : public Clock {
 public:
  std::chrono::steady_clock::time_point now() const override { return real_.now(); }
  std::chrono::system_clock::time_point wall() const override { return real_.wall() + wrong_by; }
  std::chrono::milliseconds wrong_by{};

 private:
  SystemClock real_;
};

struct MovingNode {
  MovingNode(std::string called, Served& served, Bell& bell, const handoff::Limits& limits)
      : name(std::move(called)), backends(name, served), bell_(bell), limits_(limits) {
    backends.on_change = [this] {
      wake.ring();
      if (mover) mover->look();
      bell_.ring();
    };
    store = open_store(directory.database(), clock);
    store->on_commit([this] { wake.ring(); });
  }
  ~MovingNode() { stop(); }
  void start(std::function<void(const std::string&, handoff::Message)> send, std::vector<std::string> known) {
    mover = std::make_unique<Mover>(
        name, *store, clock,
        HandoffHooks{.send = std::move(send),
                     .order = [this](const auto& kind, auto order, auto done) { backends.order(kind, std::move(order), done); },
                     .backends = [this] { return backends.status(); },
                     .wake = [this] {
                       if (on_wake) on_wake();
                       wake.ring();
                       bell_.ring();
                     },
                     .may_go = [this](const Desired&, const Parcel&, const std::string& node) {
                       return forbidden.contains(node) ? "rule p/r denies it on node " + node : std::string();
                     },
                     .promises = [this] { return promises; },
                     .take_promises = [this](const auto& taken) { promises_taken = taken; },
                     .peers = [known] {
                       std::vector<handoff::PeerView> peers;
                       for (const auto& one : known) peers.push_back({.name = one, .address = "192.0.2.1:1", .heard = true, .trouble = {}});
                       return peers;
                     }},
        limits_);
    const auto opened = mover->open();
    VS_CHECK(opened);
    reconciler = std::make_unique<Reconciler>(*store, backends, clock, wake);
    reconciler->own_by([this] { return mover->owners(); }, [this] { mover->told(); });
    mover->start();
    reconciler->start();
    wake.ring();
  }
  void stop() {
    if (reconciler) reconciler->stop();
    if (mover) mover->stop();
  }
  void declare(std::vector<Resource> resources) {
    const auto applied = store->apply(std::move(resources), {});
    ASSERT_TRUE(applied) << applied.error().error.message;
  }
  [[nodiscard]] bool declares(Kind kind, const std::string& of) const { return store->get(kind, of).has_value(); }
  [[nodiscard]] bool serves(const std::string& binding) const {
    const auto view = store->get(Kind::binding, binding);
    return view && view->observed && view->observed->state == State::bound;
  }

  const std::string name;
  TempDirectory directory;
  WrongClock clock;
  std::unique_ptr<Store> store;
  ServingBackends backends;
  Wake wake;
  std::set<std::string> forbidden;               // nodes; set before start()
  std::function<void()> on_wake;                 // by the mover; set before start()
  std::map<std::string, std::string> promises;   // the same
  std::map<std::string, std::string> promises_taken;  // read when the handoff is over
  std::unique_ptr<Mover> mover;
  std::unique_ptr<Reconciler> reconciler;

 private:
  Bell& bell_;
  const handoff::Limits limits_;
};

}  // namespace vs::test
