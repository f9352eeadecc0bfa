// vCPUs of domUs among what is placed.
#include <gtest/gtest.h>

#include "vsmgrd/placement/plan.h"

namespace vs {
namespace {

CpuSet cpus(std::string_view text) { return text.empty() ? CpuSet() : CpuSet(*parse_cpus(text)); }

class VcpuPlan : public testing::Test {
 protected:
  // Eight CPUs, two a core; 0 is reserved.
  VcpuPlan() {
    for (std::uint32_t cpu = 0; cpu < 8; ++cpu) {
      input.topology.online.add(cpu);
      input.topology.cpus[cpu] = {.core = cpu / 2 * 2, .llc = cpu / 4 * 4, .node = 0};
    }
    input.allowed = input.topology.online;
    input.reserved = cpus("0");
    input.kinds = {{"dns", {.loops = 2}}};
  }
  void serves(const std::string& domain, Placement placement) {
    input.wishes[domain + "-dns"] = {.kind = "dns", .domain = domain, .placement = std::move(placement)};
  }
  void plan() { planned = plan_placement(input); }
  std::string vcpus(const std::string& domain) { return to_string(planned.vcpus.at(domain).cpus); }
  std::string loop(const std::string& domain) { return to_string(planned.bindings.at(domain + "-dns").cpus); }
  std::string misfit(const std::string& domain) { return std::string(name_of(planned.vcpus.at(domain).misfit)); }

  PlacementInput input;
  PlacementPlan planned;
};

TEST_F(VcpuPlan, GivesWhatIsNamedAndAsManyAsAreCounted) {
  input.vcpus = {{"a", {.cpus = "2-3"}}, {"b", {.count = 2, .options = {"fullCores"}}}};
  plan();
  EXPECT_EQ(vcpus("a"), "2-3");
  EXPECT_EQ(planned.vcpus.at("b").cpus.size(), 2u);
  EXPECT_EQ(input.topology.cores_of(planned.vcpus.at("b").cpus), planned.vcpus.at("b").cpus);
  EXPECT_EQ(misfit("a") + misfit("b"), "");
}

TEST_F(VcpuPlan, KeepsExclusiveOnesFromLoopsAndTheOtherWayRound) {
  input.vcpus = {{"a", {.cpus = "2-3", .mode = "exclusive"}}};
  serves("a", {.cpus = "2"});
  serves("b", {.cpus = "4", .mode = "exclusive"});
  plan();
  EXPECT_EQ(planned.bindings.at("a-dns").misfit, Misfit::taken);
  EXPECT_EQ(to_string(planned.exclusive), "2-4");
  input.vcpus["c"] = {.cpus = "4"};
  plan();
  EXPECT_EQ(misfit("c"), "") << "vCPUs come first among those that name their CPUs";
  EXPECT_EQ(planned.bindings.at("b-dns").misfit, Misfit::taken);
}

TEST_F(VcpuPlan, HasLoopsApartFromTheirGuestOrWithIt) {
  input.vcpus = {{"a", {.cpus = "4-5"}}, {"b", {.cpus = "6"}}};
  serves("a", {.count = 2, .options = {"apartFromGuest"}});
  serves("b", {.count = 1, .options = {"sameCoreAsGuest"}});
  plan();
  EXPECT_FALSE(planned.bindings.at("a-dns").cpus.meets(cpus("4-5")));
  EXPECT_TRUE(cpus("6-7").contains(planned.bindings.at("b-dns").cpus));
  EXPECT_TRUE(planned.units.at({"dns", "b"}).with_guest);
}

TEST_F(VcpuPlan, ChoosesCoresThatItsLoopsAreNotOn) {
  serves("a", {.cpus = "2", .options = {"apartFromGuest"}});
  input.vcpus = {{"a", {.count = 4}}};
  plan();
  EXPECT_EQ(misfit("a"), "");
  EXPECT_FALSE(planned.vcpus.at("a").cpus.meets(cpus("2-3")));
  input.vcpus = {{"a", {.count = 6}}};
  plan();
  EXPECT_EQ(misfit("a"), "GuestOverlap");
  EXPECT_EQ(planned.vcpus.at("a").message, "bindings of it that are to be apart from it are served on the cores 2-3");
}

TEST_F(VcpuPlan, StaysInItsCpupoolWhateverThisDaemonMayUse) {
  input.allowed = cpus("0-3");
  input.pools = {{"a", cpus("4-7")}, {"b", cpus("4-7")}};
  input.vcpus = {{"a", {.count = 2}}, {"b", {.cpus = "2"}}};
  plan();
  EXPECT_TRUE(cpus("4-7").contains(planned.vcpus.at("a").cpus));
  EXPECT_EQ(misfit("b"), "Forbidden");
  EXPECT_EQ(planned.vcpus.at("b").message, "CPU 2 is of another cpupool than the domain");
}

TEST_F(VcpuPlan, HasAReasonForEachRefusal) {
  input.topology.isolated = cpus("7");
  input.topology.online.remove(6);
  input.topology.cpus.erase(6);
  input.topology.offline.add(6);
  input.vcpus = {{"absent", {.cpus = "9"}},
                 {"offline", {.cpus = "6"}},
                 {"reserved", {.cpus = "0"}},
                 {"isolated", {.cpus = "7", .mode = "exclusive"}},
                 {"many", {.count = 9}},
                 {"all", {.cpus = "1-5", .mode = "exclusive"}},
                 {"half", {.cpus = "2", .options = {"fullCores"}}}};
  plan();
  EXPECT_EQ(misfit("absent"), "Absent");
  EXPECT_EQ(misfit("offline"), "Offline");
  EXPECT_EQ(misfit("reserved"), "ReservedOverlap");
  EXPECT_EQ(misfit("isolated"), "Isolated");
  EXPECT_EQ(misfit("many"), "Exhausted");
  EXPECT_EQ(misfit("all"), "Exhausted") << "the shared pool would be empty";
  EXPECT_EQ(misfit("half"), "SMTAlignment");
  for (const auto& [domain, place] : planned.vcpus) EXPECT_FALSE(place.message.empty()) << domain;
}

TEST_F(VcpuPlan, MovesNobodyWhoHasWhatHeWishes) {
  input.vcpus = {{"a", {.count = 2}}};
  plan();
  const std::string before = vcpus("a");
  input.before = planned.units;
  input.vcpus["0"] = {.count = 2};
  serves("0", {.count = 1});
  plan();
  EXPECT_EQ(vcpus("a"), before);
  EXPECT_NE(vcpus("0"), before);
}

}  // namespace
}  // namespace vs
