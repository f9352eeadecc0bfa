// The reconciler with a real store and backends that are told what to say.
#include "vsmgrd/reconciler/reconciler.h"

#include <gtest/gtest.h>

#include "desired_state.h"
#include "tests/fakes/backends.h"
#include "tests/fakes/clock.h"

namespace vs {
namespace {

using test::make;

std::map<std::string, Decision> allow_all(const Desired& desired, const Affected&) {
  std::map<std::string, Decision> decisions;
  for (const auto& [name, binding] : desired.bindings) decisions[name] = {.allowed = true};
  return decisions;
}

class ReconcilerTest : public testing::Test {
 protected:
  ReconcilerTest() {
    auto opened = Store::open(":memory:", clock_, allow_all);
    EXPECT_TRUE(opened) << opened.error().message;
    store_ = std::move(*opened);
    reconciler_ = std::make_unique<Reconciler>(*store_, backends_, clock_, wake_);
  }
  void apply() {
    const auto applied = store_->apply({make("web1", DomainSpec{}), make("dns", ServiceSpec{.kind = "dns"}),
                                        make("web1-dns", BindingSpec{"web1", "dns", "dns"})},
                                       {});
    ASSERT_TRUE(applied) << applied.error().error.message;
  }
  Observed seen() { return *store_->get(Kind::binding, "web1-dns")->observed; }
  State state() { return store_->get(Kind::binding, "web1-dns")->observed->state; }

  test::ManualClock clock_;
  test::FakeBackends backends_;
  Wake wake_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<Reconciler> reconciler_;
};

TEST_F(ReconcilerTest, TellsTheBackendsAndWritesWhatIs) {
  apply();
  ASSERT_TRUE(reconciler_->pass());
  EXPECT_EQ(backends_.said, (std::vector<std::string>{"start dns", "configure dns"}));
  EXPECT_EQ(state(), State::pending);
  backends_.confirm("dns");
  ASSERT_TRUE(reconciler_->pass());
  EXPECT_EQ(backends_.said.size(), 2u);
  EXPECT_EQ(state(), State::bound);
  EXPECT_EQ(store_->get(Kind::domain, "web1")->observed->socket_directory, "/homes/web1");
}

// A backend that binds in a home which is not given to it yet may not.
TEST_F(ReconcilerTest, GivesADomainItsHomeBeforeABackendIsToldOfIt) {
  apply();
  ASSERT_TRUE(reconciler_->pass());
  ASSERT_EQ(backends_.states.at("dns").config.bindings.size(), 1u);
  EXPECT_EQ(backends_.homeless, std::vector<std::string>());
}

TEST_F(ReconcilerTest, StopsABackendThatNothingNeeds) {
  apply();
  ASSERT_TRUE(reconciler_->pass());
  ASSERT_TRUE(store_->remove(Kind::binding, "web1-dns", {}, {}));
  ASSERT_TRUE(store_->remove(Kind::service, "dns", {}, {}));
  ASSERT_TRUE(reconciler_->pass());
  EXPECT_EQ(backends_.said.back(), "stop dns");
}

TEST_F(ReconcilerTest, ADomainWithoutADirectoryDoesNotBlockTheOthers) {
  backends_.homes_fail = true;
  apply();
  ASSERT_TRUE(reconciler_->pass());
  EXPECT_EQ(store_->get(Kind::domain, "web1")->observed->state, State::failed);
  backends_.homes_fail = false;
  ASSERT_TRUE(reconciler_->pass());
  EXPECT_EQ(store_->get(Kind::domain, "web1")->observed->state, State::ready);
}

TEST_F(ReconcilerTest, SaysSinceWhenAStateHolds) {
  apply();
  ASSERT_TRUE(reconciler_->pass());
  const WallTime first = seen().since;
  EXPECT_EQ(first, clock_.wall());
  clock_.advance(std::chrono::seconds(5));
  ASSERT_TRUE(reconciler_->pass());
  EXPECT_EQ(seen().since, first) << "nothing changed";
  backends_.confirm("dns");
  ASSERT_TRUE(reconciler_->pass());
  EXPECT_EQ(seen().since, clock_.wall());

  const WallTime bound = seen().since;
  clock_.advance(std::chrono::hours(1));
  reconciler_ = std::make_unique<Reconciler>(*store_, backends_, clock_, wake_);
  ASSERT_TRUE(reconciler_->pass());
  EXPECT_EQ(seen().since, bound) << "a restart of the daemon is no change of the object";
}

TEST_F(ReconcilerTest, ARestartChangesNothingThatABackendServesOn) {
  apply();
  ASSERT_TRUE(reconciler_->pass());
  backends_.confirm("dns");
  ASSERT_TRUE(reconciler_->pass());
  ASSERT_EQ(state(), State::bound);
  const std::int64_t events = store_->events().newest();
  test::FakeBackends others;
  reconciler_ = std::make_unique<Reconciler>(*store_, others, clock_, wake_);
  ASSERT_TRUE(reconciler_->pass());
  EXPECT_EQ(state(), State::bound) << "the backend could not have answered yet";
  others.confirm("dns");
  ASSERT_TRUE(reconciler_->pass());
  EXPECT_EQ(store_->events().newest(), events) << "nothing happened to anybody";
}

TEST_F(ReconcilerTest, ABackendThatIsNotHeardAgainAfterARestartIsTold) {
  apply();
  ASSERT_TRUE(reconciler_->pass());
  backends_.confirm("dns");
  ASSERT_TRUE(reconciler_->pass());
  test::FakeBackends others;
  reconciler_ = std::make_unique<Reconciler>(*store_, others, clock_, wake_);
  ASSERT_TRUE(reconciler_->pass());
  clock_.advance(kTakeOverTime);
  ASSERT_TRUE(reconciler_->pass());
  EXPECT_EQ(state(), State::pending);
}

TEST_F(ReconcilerTest, KeepsTheHomesOfWhatIsDeclaredAndNoOthers) {
  apply();
  ASSERT_TRUE(reconciler_->pass());
  ASSERT_TRUE(reconciler_->pass());
  ASSERT_EQ(backends_.homes_kept.size(), 1u) << "only when something changes";
  EXPECT_EQ(backends_.homes_kept.back(), (Backends::Devices{{"web1", {"dns"}}}));
  ASSERT_TRUE(store_->remove(Kind::binding, "web1-dns", {}, {}));
  ASSERT_TRUE(reconciler_->pass());
  EXPECT_EQ(backends_.homes_kept.back(), (Backends::Devices{{"web1", {}}}));
  ASSERT_TRUE(store_->remove(Kind::domain, "web1", {}, {}));
  ASSERT_TRUE(reconciler_->pass());
  EXPECT_TRUE(backends_.homes_kept.back().empty());
}

// Backends that take their time, and look at the reconciler meanwhile.
class SlowBackends final : public test::FakeBackends {
 public:
  void start(const std::string& kind) override {
    FakeBackends::start(kind);
    during();
  }
  std::function<void()> during;
};

TEST_F(ReconcilerTest, IsStuckWhileAPassTakesLongerThanItMay) {
  apply();
  SlowBackends backends;
  Reconciler reconciler(*store_, backends, clock_, wake_);
  bool at_first = true, later = false;
  backends.during = [&] {
    at_first = reconciler.stuck(std::chrono::seconds{10});
    clock_.advance(std::chrono::seconds{11});
    later = reconciler.stuck(std::chrono::seconds{10});
  };
  ASSERT_TRUE(reconciler.pass());
  EXPECT_FALSE(at_first);
  EXPECT_TRUE(later);
  clock_.advance(std::chrono::hours{1});
  EXPECT_FALSE(reconciler.stuck(std::chrono::seconds{10}));  // idle is not stuck
}

TEST_F(ReconcilerTest, PassesWhenRungAndEndsWhenStopped) {
  apply();
  std::vector<Sample> samples;
  std::mutex mutex;
  std::condition_variable passed;
  reconciler_->on_samples([&](std::vector<Sample> now) {
    const std::lock_guard lock(mutex);
    samples = std::move(now);
    passed.notify_one();
  });
  reconciler_->start();
  std::unique_lock lock(mutex);
  passed.wait(lock, [&] { return !samples.empty(); });
  lock.unlock();
  reconciler_->stop();
}

}  // namespace
}  // namespace vs
