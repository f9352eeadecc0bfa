// DomUs that wish where their vCPUs run, with a hypervisor that does as it is told, or does not.
#include <gtest/gtest.h>

#include "desired_state.h"
#include "tests/fakes/backends.h"
#include "tests/fakes/clock.h"
#include "tests/fakes/hypervisor.h"
#include "tests/vsmgrd/placement/sysfs.h"
#include "vsmgrd/reconciler/reconciler.h"

namespace vs {
namespace {

using test::make;

class GuestsPlacedTest : public testing::Test {
 protected:
  GuestsPlacedTest() {
    sysfs_.write("system/cpu/online", "0-1");  // this domain has two of the machine's eight
    store_ = std::move(*Store::open(":memory:", clock_, [](const Desired&, const Affected&) { return std::map<std::string, Decision>(); }));
    Topology topology = *read_topology(sysfs_.path());
    CpuSet allowed = topology.online;
    node_ = std::make_unique<NodePlacement>(MachineFacts{}, std::move(topology), allowed);
    store_->refuse_misfits([this](const Desired& before, const Desired& next) { return node_->misfits(before, next); });
    reconciler_ = std::make_unique<Reconciler>(*store_, backends_, clock_, wake_);
    reconciler_->place_by(*node_);
    reconciler_->find_guests_with(xen_);
    Host host{.cpus = {}, .same = false, .pools = {{"Pool-0", {0, 1, 2, 3, 4, 5}}, {"fast", {6, 7}}}, .first_pool = "Pool-0"};
    for (std::uint32_t cpu = 0; cpu < 8; ++cpu) host.cpus.push_back({cpu, cpu / 2, 0, 0});
    xen_.machine = std::move(host);
    xen_.here = {{.domid = 5, .name = "web1", .uuid = "u", .type = "pv", .cpupool = "Pool-0", .vcpus = {{0, true, "all", "all"}, {1, true, "all", "all"}}}};
    pass();  // the machine is known from then on
  }
  Checked<ApplyOutcome> apply(std::optional<VcpuPlacement> vcpus) {
    DomainSpec spec{.type = "xen"};
    spec.vcpus = std::move(vcpus);
    return store_->apply({make("web1", std::move(spec))}, WriteOptions{});
  }
  void pass() { ASSERT_TRUE(reconciler_->pass()); }
  std::optional<PlacementStatus> placed() { return store_->get(Kind::domain, "web1")->observed->placement; }
  std::vector<std::string> warnings() {
    std::vector<std::string> messages;
    for (const Warning& warning : store_->warnings().list())
      if (warning.status != Warning::Status::resolved) messages.push_back(warning.type + " " + warning.kind + " " + warning.name + ": " + warning.message);
    return messages;
  }
  void time_passes() { clock_.advance(kPlacementLook); }

  test::Sysfs sysfs_;
  test::ManualClock clock_;
  test::FakeBackends backends_;
  test::FakeHypervisor xen_;
  Wake wake_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<NodePlacement> node_;
  std::unique_ptr<Reconciler> reconciler_;
};

TEST_F(GuestsPlacedTest, ArePutWhereTheyWish) {
  ASSERT_TRUE(apply(VcpuPlacement{.where = {.cpus = "2-3"}}));
  pass();
  EXPECT_EQ(xen_.pins.at(5), (VcpuPins{.cpus = {2, 3}}));
  xen_.obey();
  pass();
  EXPECT_EQ(placed()->cpus, "2-3");
  EXPECT_EQ(placed()->actual_cpus, "2,3");
  EXPECT_TRUE(placed()->fits);
  EXPECT_TRUE(is_pinned(xen_.here[0], xen_.pins.at(5), 8));
}

TEST_F(GuestsPlacedTest, MayPreferCpusInACpupool) {
  ASSERT_TRUE(apply(VcpuPlacement{.where = {.count = 1}, .affinity = "soft", .cpupool = "fast"}));
  pass();
  const VcpuPins& pins = xen_.pins.at(5);
  EXPECT_EQ(pins.cpupool, "fast");
  EXPECT_TRUE(pins.soft);
  ASSERT_EQ(pins.cpus.size(), 1u);
  EXPECT_GE(pins.cpus[0], 6u);
}

TEST_F(GuestsPlacedTest, RunAnywhereOnceTheyWishNothingMore) {
  ASSERT_TRUE(apply(VcpuPlacement{.where = {.cpus = "2"}}));
  pass();
  ASSERT_TRUE(apply({}));
  pass();
  EXPECT_TRUE(xen_.pins.empty());
  EXPECT_EQ(placed(), std::nullopt);
}

TEST_F(GuestsPlacedTest, AreRefusedWhatTheMachineHasNot) {
  const auto refused = apply(VcpuPlacement{.where = {.cpus = "6"}});
  ASSERT_FALSE(refused);
  ASSERT_EQ(refused.error().problems.size(), 1u);
  EXPECT_EQ(refused.error().problems[0].pointer, "/spec/vcpus/cpus");
  EXPECT_EQ(refused.error().problems[0].message, "Domain \"web1\": CPU 6 is of another cpupool than the domain (Forbidden)");
  EXPECT_EQ(refused.error().problems[0].code, "Forbidden");
  EXPECT_FALSE(store_->get(Kind::domain, "web1"));
}

TEST_F(GuestsPlacedTest, ThatSomebodyMovedArePutBackAndToldOf) {
  ASSERT_TRUE(apply(VcpuPlacement{.where = {.cpus = "2"}}));
  pass();
  xen_.obey();
  pass();
  time_passes();
  pass();
  EXPECT_GE(xen_.looks, 1);
  xen_.here[0].put_back = 1;
  xen_.here[0].found = "CPUs all";
  pass();
  ASSERT_EQ(warnings().size(), 1u);
  EXPECT_EQ(warnings()[0], "PlacementDrift Domain web1: its vCPUs were to run on CPUs all instead of CPUs 2, and were put back");
  time_passes();
  pass();
  pass();
  EXPECT_TRUE(warnings().empty());
}

TEST_F(GuestsPlacedTest, ThatTheHypervisorRefusesToMoveAreToldOf) {
  ASSERT_TRUE(apply(VcpuPlacement{.where = {.cpus = "2"}}));
  xen_.here[0].pin_trouble = "vCPU 0: not permitted";
  pass();
  ASSERT_EQ(warnings().size(), 1u);
  EXPECT_EQ(warnings()[0], "PlacementMisfit Domain web1: its vCPUs do not run where it wishes: vCPU 0: not permitted (Refused)");
  EXPECT_EQ(placed()->reason, "Refused");
  xen_.here[0].pin_trouble.clear();
  pass();
  EXPECT_TRUE(warnings().empty());
}

TEST_F(GuestsPlacedTest, ThatDoNotRunArePlannedAllTheSame) {
  xen_.here.clear();
  ASSERT_TRUE(apply(VcpuPlacement{.where = {.cpus = "2"}}));
  pass();
  EXPECT_TRUE(xen_.pins.empty());
  EXPECT_EQ(placed()->cpus, "2");
  EXPECT_EQ(placed()->actual_cpus, "");
}

}  // namespace
}  // namespace vs
