// Bindings that go to other nodes and come from them, in a backend of several loops.
#include <optional>
#include <thread>

#include <nlohmann/json.hpp>

#include "dataplane/backend/shards.h"
#include "node.h"

namespace vs::test {
namespace {

using nlohmann::json;

// Keeps a text for each domain, which goes along with it.
class KeepingService final : public Service {
 public:
  explicit KeepingService(Guarded<std::map<std::string, json>>& kept) : kept_(kept) {}
  std::vector<std::pair<std::string, Error>> configure(const std::vector<Named>&) override { return {}; }
  void handle(const Request& request, Reply reply) override {
    if (request.type == kNever) waiting_.push_back(std::move(reply));
    else std::move(reply).send(request.payload);
  }
  json soft_state(const SessionGuest& guest, std::size_t) override { return {{"of", guest.domain}}; }
  TakenOver take_over(const SessionGuest& guest, const json& state) override {
    kept_.with([&](auto& kept) { kept[std::string(guest.domain)] = state; });
    return {.entries = 1};
  }
  std::vector<Sample> samples() const override { return {}; }

 private:
  Guarded<std::map<std::string, json>>& kept_;
  std::vector<Reply> waiting_;
};

class HandoffsTest : public testing::Test {
 protected:
  HandoffsTest() {
    shards_ = std::make_unique<Shards>(
        control_, "echo", 3, [this](EventLoop&) { return std::make_unique<KeepingService>(kept_); },
        [this] { return std::make_unique<LocalTransport>(directory_.path()); });
  }
  ~HandoffsTest() override { shards_.reset(); }

  static control::BindingConfig binding(int domain, std::uint64_t epoch = 1) {
    const std::string name = "d" + std::to_string(domain);
    control::BindingConfig one{name + "-echo", name, "echo", "echo", true};
    one.epoch = epoch;
    return one;
  }
  static control::Configure configuration(std::vector<control::BindingConfig> bindings) {
    return {.number = 1, .services = {{"echo", json::object()}}, .bindings = std::move(bindings)};
  }
  control::Applied configure(std::vector<control::BindingConfig> bindings) {
    return answer_of<control::Applied>(control_, [&](auto done) { shards_->configure(configuration(std::move(bindings)), done); });
  }
  control::Frozen freeze(std::vector<std::string> bindings, std::uint32_t drain_ms = 0, std::uint32_t thaw_ms = 30'000) {
    return answer_of<control::Frozen>(control_, [&](auto done) { shards_->freeze({1, std::move(bindings), drain_ms, thaw_ms}, done); });
  }
  std::vector<std::string> thaw(std::vector<std::string> bindings) {
    return answer_of<control::Thawed>(control_, [&](auto done) { shards_->thaw({1, std::move(bindings)}, done); }).bindings;
  }
  std::string stage(int domain, std::uint64_t epoch, json state) {
    const std::string name = "d" + std::to_string(domain) + "-echo";
    return answer_of<std::string>(control_, [&](auto done) { shards_->stage({1, name, "", epoch, 60'000, std::move(state)}, done); });
  }
  bool frozen(int domain) {
    return answer_of<json>(control_, [&](auto done) { shards_->describe("d" + std::to_string(domain) + "-echo", done); })["handoff"]["frozen"];
  }
  double sample(const std::string& name) {
    double sum = 0;
    for (const Sample& one : answer_of<std::vector<Sample>>(control_, [&](auto done) { shards_->report(done); }))
      if (one.name == name) sum += one.value;
    return sum;
  }
  std::string home(int domain) { return (directory_.path() / ("d" + std::to_string(domain))).string(); }

  EventLoop control_;
  TemporaryDirectory directory_;
  Guarded<std::map<std::string, json>> kept_;
  std::unique_ptr<Shards> shards_;
};

TEST_F(HandoffsTest, AreFrozenWhereverTheyAreServed) {
  configure({binding(0), binding(1), binding(2), binding(3)});
  const auto told = freeze({"d3-echo", "none", "d0-echo", "d1-echo", "d3-echo"});
  ASSERT_EQ(told.bindings.size(), 4u) << "each once";
  EXPECT_EQ(told.bindings[0], (control::FrozenBinding{"d3-echo", "", true, 0, {{"of", "d3"}}}));
  EXPECT_EQ(told.bindings[1].problem, "binding none: not served here");
  EXPECT_EQ(told.bindings[2].state, (json{{"of", "d0"}}));
  EXPECT_TRUE(frozen(0) && frozen(1) && frozen(3));
  EXPECT_FALSE(frozen(2));
  EXPECT_EQ(sample("vservices_frozen_bindings"), 3);
  EXPECT_EQ(thaw({"d3-echo", "d0-echo", "d2-echo"}).size(), 2u);
  EXPECT_TRUE(frozen(1));
  EXPECT_FALSE(frozen(0) || frozen(3));
  EXPECT_EQ(sample("vservices_frozen_bindings"), 1);
}

TEST_F(HandoffsTest, StayFrozenOnAnotherLoop) {
  configure({binding(0)});
  Guest guest(home(0));
  ASSERT_EQ(guest.echo("x"), "x");
  freeze({"d0-echo"});
  auto configured = configuration({binding(0)});
  configured.bindings[0].loop = 9;
  configured.loops.push_back({.number = 9, .cpus = {0}});
  answer_of<control::Applied>(control_, [&](auto done) { shards_->configure(configured, done); });
  EXPECT_TRUE(frozen(0));
  EXPECT_EQ(guest.call(kEcho, "y", 20), std::to_string(-ETIMEDOUT));
  EXPECT_EQ(thaw({"d0-echo"}).size(), 1u);
  EXPECT_EQ(guest.echo("z"), "z");
  EXPECT_EQ(guest.stats().reconnects, 0u);
}

// Between two loops nobody knows a domain: who freezes it waits until it has arrived.
TEST_F(HandoffsTest, AreFrozenInTheirOrderWithMoves) {
  configure({binding(0)});
  std::optional<control::Frozen> told;
  auto configured = configuration({binding(0)});
  for (std::uint32_t loop : {9u, 1u, 8u}) {
    configured.bindings[0].loop = loop;
    configured.loops = {{.number = loop, .cpus = {0}}};
    shards_->configure(configured, [](const control::Applied&) {});
  }
  shards_->freeze({1, {"d0-echo"}, 0, 30'000}, [&](control::Frozen frozen) { told = std::move(frozen); });
  while (!told) control_.run_once(std::chrono::seconds(10));
  EXPECT_EQ(told->bindings.at(0).problem, "");
  EXPECT_TRUE(frozen(0));
}

TEST_F(HandoffsTest, ThawByThemselvesWhenNobodySaysWhatBecameOfThem) {
  configure({binding(0)});
  Guest guest(home(0));
  ASSERT_EQ(guest.echo("x"), "x");
  freeze({"d0-echo"}, 0, 5);
  while (frozen(0)) control_.run_once(std::chrono::milliseconds(10));
  EXPECT_EQ(guest.echo("y"), "y");
  EXPECT_EQ(sample("vservices_thawed_late_total"), 1);
}

TEST_F(HandoffsTest, CountAnewWhenTheyAreFrozenOnceMore) {
  configure({binding(0)});
  freeze({"d0-echo"}, 0, 1);
  freeze({"d0-echo"}, 0, 30'000);
  // The first one's time is over when this timer comes.
  bool over = false;
  control_.after(std::chrono::milliseconds(20), [&] { over = true; });
  while (!over) control_.run_once(std::chrono::seconds(1));
  EXPECT_TRUE(frozen(0));
}

TEST_F(HandoffsTest, ThawingDoesNotWaitForWhatDrains) {
  configure({binding(0)});
  Guest guest(home(0));
  std::thread asking([&] { guest.call(kNever, "x", 300); });
  while (answer_of<json>(control_, [&](auto done) { shards_->describe("d0-echo", done); })["requests"] != 1) {}
  std::optional<control::Frozen> told;
  shards_->freeze({1, {"d0-echo"}, control::kDrainMsMax, 30'000}, [&](control::Frozen frozen) { told = std::move(frozen); });
  EXPECT_EQ(thaw({"d0-echo"}).size(), 1u);
  ASSERT_TRUE(told) << "what came first is answered first";
  EXPECT_EQ(told->bindings.at(0).unanswered, 1u);
  EXPECT_FALSE(frozen(0));
  asking.join();
}

TEST_F(HandoffsTest, TakenOutTheyAreForgottenAndAreNotFrozenWhenTheyComeBack) {
  configure({binding(0, 1)});
  freeze({"d0-echo"});
  configure({});
  EXPECT_EQ(sample("vservices_frozen_bindings"), 0);
  configure({binding(0, 3)});
  EXPECT_FALSE(frozen(0));
  Guest guest(home(0));
  EXPECT_EQ(guest.echo("x"), "x");
}

TEST_F(HandoffsTest, AreNotServedForAnOwnerBefore) {
  EXPECT_TRUE(configure({binding(0, 4), binding(1, 1)}).problems.empty());
  Guest guest(home(0));
  ASSERT_EQ(guest.echo("x"), "x");
  const auto applied = configure({binding(0, 3), binding(1, 1)});
  ASSERT_EQ(applied.problems.size(), 1u);
  EXPECT_EQ(applied.problems[0].binding, "d0-echo");
  EXPECT_EQ(guest.call(kEcho, "y", 50), std::to_string(-ENODEV)) << "its device is gone";
  EXPECT_EQ(sample("vservices_stale_epochs_total"), 1);
  EXPECT_TRUE(configure({binding(0, 5), binding(1, 1)}).problems.empty());
  EXPECT_EQ(guest.echo("z"), "z");
}

TEST_F(HandoffsTest, AnotherEpochOnTheSameNodeIsNotSeenByGuests) {
  configure({binding(0, 1)});
  Guest guest(home(0));
  ASSERT_EQ(guest.echo("x"), "x");
  configure({binding(0, 2)});
  EXPECT_EQ(guest.echo("y"), "y");
  EXPECT_EQ(guest.stats().reconnects, 0u);
}

TEST_F(HandoffsTest, StateIsUsedOnTheLoopThatServesTheBinding) {
  EXPECT_EQ(stage(0, 2, {{"of", "elsewhere"}}), "");
  EXPECT_EQ(stage(1, 2, {{"of", "elsewhere"}}), "");
  configure({binding(0, 2), binding(1, 1)});
  EXPECT_EQ(kept_.with([](auto& kept) { return kept; }), (std::map<std::string, json>{{"d0", {{"of", "elsewhere"}}}}));
  EXPECT_EQ(sample("vservices_staged_bindings"), 1);
  EXPECT_EQ(sample("vservices_state_entries_total"), 1);
  EXPECT_EQ(stage(0, 2, {{"of", "late"}}), "epoch 2: it has had epoch 2 here");
}

TEST_F(HandoffsTest, TooManyAtOnceAreRefusedInWords) {
  configure({binding(0)});
  std::size_t told = 0, refused = 0;
  const std::size_t count = kConfiguresMax + kHandoffsWaitingMax + 10;
  for (std::size_t i = 0; i < count; ++i)
    shards_->freeze({1, {"d0-echo"}, 0, 30'000}, [&](const control::Frozen& frozen) {
      ++told;
      refused += frozen.bindings.at(0).problem.empty() ? 0 : 1;
    });
  while (told < count) control_.run_once(std::chrono::seconds(1));
  EXPECT_EQ(refused, 10u);
  EXPECT_EQ(sample("vservices_handoffs_refused_total"), 10);
  EXPECT_EQ(thaw({"d0-echo"}).size(), 1u) << "who wants it served is always heard";
}

}  // namespace
}  // namespace vs::test
