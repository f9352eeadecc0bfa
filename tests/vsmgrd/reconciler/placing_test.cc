// Bindings that wish where to be served, with a real store, a machine that tests make, and backends that are told what to say.
#include <gtest/gtest.h>

#include "desired_state.h"
#include "tests/fakes/backends.h"
#include "tests/fakes/clock.h"
#include "tests/vsmgrd/placement/sysfs.h"
#include "vsmgrd/reconciler/reconciler.h"

namespace vs {
namespace {

using test::make;

std::map<std::string, Decision> allow_all(const Desired& desired, const Affected&) {
  std::map<std::string, Decision> decisions;
  for (const auto& [name, binding] : desired.bindings) decisions[name] = {.allowed = true};
  return decisions;
}

class PlacingTest : public testing::Test {
 protected:
  PlacingTest() {
    set_online("0-3");
    store_ = std::move(*Store::open(":memory:", clock_, allow_all));
    start();
  }
  void set_online(const char* cpus) { sysfs_.write("system/cpu/online", cpus); }
  // As vsmgrd does; what was before may have been killed at any point.
  void start() {
    reconciler_.reset();
    Topology topology = *read_topology(sysfs_.path());
    CpuSet allowed = topology.online;
    node_ = std::make_unique<NodePlacement>(MachineFacts{.reserved = CpuSet({0}), .backend_loops = 2}, std::move(topology), allowed);
    store_->refuse_misfits([this](const Desired& before, const Desired& next) { return node_->misfits(before, next); });
    reconciler_ = std::make_unique<Reconciler>(*store_, backends_, clock_, wake_);
    reconciler_->place_by(*node_);
  }
  Checked<ApplyOutcome> apply(std::vector<Resource> resources, bool dry_run = false) {
    resources.push_back(make("web1", DomainSpec{}));
    resources.push_back(make("web2", DomainSpec{}));
    resources.push_back(make("dns", ServiceSpec{.kind = "dns"}));
    WriteOptions options;
    options.dry_run = dry_run;
    return store_->apply(std::move(resources), std::move(options));
  }
  static Resource binding(const std::string& domain, Placement placement) {
    BindingSpec spec{domain, "dns", "dns"};
    spec.placement = std::move(placement);
    Resource resource = make(domain + "-dns", std::move(spec));
    resource.metadata.sources = {{"", {"node.yaml", 1, 1}}, {"/spec/placement/cpus", {"node.yaml", 12, 11}}};
    return resource;
  }
  // Until nothing changes any more, with backends that do as they are told.
  void settle() {
    for (int i = 0; i < 4; ++i) {
      ASSERT_TRUE(reconciler_->pass());
      if (backends_.states.contains("dns")) backends_.confirm("dns");
    }
  }
  PlacementStatus placed(const std::string& name) { return *store_->get(Kind::binding, name)->observed->placement; }
  const BackendConfig& config() { return backends_.states.at("dns").config; }
  std::vector<std::string> warnings(const std::string& type) {
    std::vector<std::string> messages;
    for (const Warning& warning : store_->warnings().list())
      if (warning.type == type && warning.status != Warning::Status::resolved) messages.push_back(warning.name + ": " + warning.message);
    return messages;
  }

  test::Sysfs sysfs_;
  test::ManualClock clock_;
  test::FakeBackends backends_;
  Wake wake_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<NodePlacement> node_;
  std::unique_ptr<Reconciler> reconciler_;
};

TEST_F(PlacingTest, TellsABackendTheLoopOfABindingAndItsCpus) {
  ASSERT_TRUE(apply({binding("web1", {.cpus = "2", .mode = "exclusive"}), binding("web2", {})}));
  settle();
  ASSERT_EQ(config().loops.size(), 1u);
  EXPECT_EQ(config().loops[0].cpus, (control::Cpus{2}));
  EXPECT_EQ(config().pool, (control::Cpus{1, 3}));
  EXPECT_EQ(config().bindings[0].loop, config().loops[0].number);
  EXPECT_EQ(config().bindings[1].loop, std::nullopt);
  EXPECT_EQ(placed("web1-dns").cpus, "2");
  EXPECT_EQ(placed("web1-dns").actual_cpus, "2");
  EXPECT_FALSE(store_->get(Kind::binding, "web2-dns")->observed->placement);
  const auto view = store_->get(Kind::binding, "web1-dns");
  for (const StatusCondition& condition : view->observed->conditions)
    EXPECT_NE(condition.reason, "Unsupported") << condition.message;
}

TEST_F(PlacingTest, RefusesWhatDoesNotFitWithItsPlaceAndWhatWould) {
  ASSERT_TRUE(apply({binding("web1", {.cpus = "2", .mode = "exclusive"})}));
  settle();
  struct Case {
    Placement placement;
    const char* code;
    const char* hint;
  };
  const std::vector<Case> cases{{{.cpus = "0"}, "ReservedOverlap", "any of 1,3 fits"},
                                {{.cpus = "2"}, "Taken", "any of 1,3 fits"},
                                {{.cpus = "9"}, "Absent", "any of 1,3 fits"},
                                {{.count = 3}, "Exhausted", "at most 2 of 1,3 fit"},
                                {{.count = 2, .mode = "exclusive"}, "Exhausted", "at most 1 of 1 fits"}};
  const auto before = store_->resource_version();
  for (const Case& one : cases) {
    const auto refused = apply({binding("web2", one.placement)});
    const auto dry = apply({binding("web2", one.placement)}, true);
    ASSERT_FALSE(refused) << one.code;
    ASSERT_FALSE(dry);
    EXPECT_EQ(refused.error().error.code, ErrorCode::invalid);
    ASSERT_EQ(refused.error().problems.size(), 1u);
    EXPECT_EQ(refused.error().problems, dry.error().problems);
    const Problem& problem = refused.error().problems[0];
    EXPECT_EQ(problem.code, one.code);
    EXPECT_EQ(problem.hint, one.hint);
    EXPECT_EQ(problem.source->file, "node.yaml");
    EXPECT_EQ(problem.source->line, one.placement.cpus.empty() ? 1 : 12);
  }
  EXPECT_EQ(*store_->resource_version(), *before);  // nothing in part
  EXPECT_FALSE(store_->get(Kind::binding, "web2-dns"));
}

TEST_F(PlacingTest, RefusesTwoThatDoNotFitBesideEachOtherInOneFile) {
  const auto refused = apply({binding("web1", {.cpus = "2", .mode = "exclusive"}), binding("web2", {.cpus = "2-3"})});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().problems.size(), 1u);
  EXPECT_FALSE(store_->get(Kind::binding, "web1-dns"));
}

TEST_F(PlacingTest, RefusesAPlacementThatNoBindingNamesYet) {
  const auto refused = apply({make("fast", Placement{.cpus = "0-1"})});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().problems[0].code, "ReservedOverlap");
  EXPECT_TRUE(apply({make("fast", Placement{.cpus = "1"})}));
}

TEST_F(PlacingTest, PlansAgainAndStartsWhenACpuWasRemovedBetweenRestarts) {
  ASSERT_TRUE(apply({binding("web1", {.cpus = "2-3", .mode = "exclusive"}), binding("web2", {.count = 1})}));
  settle();
  EXPECT_EQ(placed("web2-dns").cpus, "1");
  set_online("0-2");
  sysfs_.add_cpu(3);
  start();
  settle();
  EXPECT_EQ(placed("web1-dns").cpus, "2");
  EXPECT_FALSE(placed("web1-dns").fits);
  EXPECT_EQ(placed("web1-dns").reason, "Offline");
  EXPECT_EQ(placed("web2-dns").cpus, "1");
  ASSERT_EQ(warnings("PlacementMisfit").size(), 1u);
  EXPECT_EQ(warnings("PlacementMisfit")[0],
            "web1-dns: it does not get the CPUs it wishes: CPU 3 is offline (Offline); it is served on 2");
  // What does not fit is no reason to refuse what does.
  EXPECT_TRUE(apply({make("web3", DomainSpec{}), binding("web3", {})}));
  set_online("0-3");
  start();
  settle();
  EXPECT_EQ(placed("web1-dns").cpus, "2-3");
  EXPECT_TRUE(warnings("PlacementMisfit").empty());
}

TEST_F(PlacingTest, LeaksNoCpuAndStartsWhenItIsKilledBetweenTwoPins) {
  ASSERT_TRUE(apply({binding("web1", {.count = 1, .mode = "exclusive"})}));
  ASSERT_TRUE(reconciler_->pass());  // the backend is started and told, and nothing is confirmed
  start();
  settle();
  EXPECT_EQ(placed("web1-dns").cpus, "1");
  ASSERT_TRUE(store_->remove(Kind::binding, "web1-dns", {}, {}));
  start();  // killed before anybody was told that its CPU is free again
  settle();
  EXPECT_TRUE(config().loops.empty());
  EXPECT_TRUE(node_->plan(*store_->desired()).exclusive.empty());
  EXPECT_TRUE(apply({binding("web2", {.count = 2, .mode = "exclusive"})}));
}

TEST_F(PlacingTest, KeepsWhatABindingHasOverARestart) {
  ASSERT_TRUE(apply({binding("web1", {.count = 1, .mode = "exclusive"})}));
  ASSERT_TRUE(apply({binding("web2", {.count = 1, .mode = "exclusive"})}));
  settle();
  EXPECT_EQ(placed("web2-dns").cpus, "2");
  ASSERT_TRUE(store_->remove(Kind::binding, "web1-dns", {}, {}));
  settle();
  const auto before = config();
  start();
  settle();
  EXPECT_EQ(placed("web2-dns").cpus, "2");  // alone it would be given 1
  EXPECT_EQ(config(), before);
}

TEST_F(PlacingTest, TellsOfALoopThatSomebodyMovedUntilItIsWhereItBelongs) {
  ASSERT_TRUE(apply({binding("web1", {.cpus = "2"})}));
  settle();
  EXPECT_TRUE(warnings("PlacementDrift").empty());
  backends_.moved[{"dns", config().loops[0].number}] = {0, 1, 2, 3};
  clock_.advance(kPlacementLook);
  settle();
  ASSERT_EQ(warnings("PlacementDrift").size(), 1u);
  EXPECT_NE(warnings("PlacementDrift")[0].find("ran on 0-3 instead of 2, and was put back"), std::string::npos);
  clock_.advance(kPlacementLook);
  settle();
  EXPECT_TRUE(warnings("PlacementDrift").empty());
}

TEST_F(PlacingTest, OfModeAutoGoesToTheCoreThatIsFasterByWhatIsMeasured) {
  ASSERT_TRUE(apply({binding("web1", {.mode = "auto"})}));
  settle();
  std::uint64_t requests = 0, latency_ns = 0;
  // Ten seconds with 1,000 requests, which take 5 us on the guest's core, CPU 2, and 30 us on others.
  const auto pass_time = [&] {
    clock_.advance(kPlacementLook);
    auto& state = backends_.states.at("dns");
    const bool same = config().loops.at(0).cpus == control::Cpus{2};
    requests += 1000;
    latency_ns += 1000 * (same ? 5'000 : 30'000);
    state.guests["web1"] = {"web1", {2}, requests, latency_ns};
    settle();
  };
  for (int i = 0; i < 3; ++i) pass_time();
  EXPECT_NE(placed("web1-dns").cpus, "2");
  for (int i = 0; i < 30; ++i) pass_time();
  EXPECT_EQ(placed("web1-dns").cpus, "2");
  EXPECT_TRUE(config().loops.at(0).with_guests);
  EXPECT_TRUE(placed("web1-dns").fits);
}

TEST_F(PlacingTest, LooksAtLoopsNowAndThenOnlyWhileSomethingIsPlaced) {
  start();
  node_ = std::make_unique<NodePlacement>(MachineFacts{.backend_loops = 2}, *read_topology(sysfs_.path()), CpuSet({0, 1, 2, 3}));
  reconciler_ = std::make_unique<Reconciler>(*store_, backends_, clock_, wake_);
  reconciler_->place_by(*node_);
  ASSERT_TRUE(apply({binding("web1", {})}));
  settle();
  EXPECT_EQ(backends_.locates, 0);
  EXPECT_TRUE(config().pool.empty());  // nobody's affinity is touched
}

}  // namespace
}  // namespace vs
