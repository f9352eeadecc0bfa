#include "vsmgrd/placement/topology.h"

#include <gtest/gtest.h>

#include "tests/vsmgrd/placement/sysfs.h"

namespace vs {
namespace {

using test::Sysfs;

CpuSet cpus(std::string_view text) { return CpuSet(*parse_cpus(text)); }

TEST(Topology, OfAServerHasCoresCachesAndNodes) {
  const Sysfs sysfs;
  sysfs.make_server(256, 8);
  const auto topology = read_topology(sysfs.path());
  ASSERT_TRUE(topology) << topology.error().message;
  EXPECT_EQ(topology->online.size(), 256u);
  EXPECT_EQ(to_string(topology->core_of(200)), "72,200");
  EXPECT_EQ(topology->cpus.at(200).llc, 72u);
  EXPECT_EQ(topology->cpus.at(199).llc, 64u);
  EXPECT_EQ(topology->cpus.at(63).node, 0u);
  EXPECT_EQ(topology->cpus.at(64).node, 1u);
  EXPECT_EQ(topology->cpus.at(255).node, 1u);
  EXPECT_TRUE(topology->offline.empty());
  EXPECT_TRUE(topology->isolated.empty());
}

TEST(Topology, OfBigLittleTellsTheCapacityOfEachCore) {
  const Sysfs sysfs;
  sysfs.write("system/cpu/online", "0-7");
  for (unsigned cpu = 0; cpu < 8; ++cpu) {
    sysfs.write_cpu(cpu, "cpu_capacity", cpu < 4 ? "446" : cpu < 7 ? "871" : "1024");
    sysfs.write_cpu(cpu, "topology/thread_siblings_list", std::to_string(cpu));
    sysfs.write_cpu(cpu, "topology/core_siblings_list", "0-7");
  }
  const auto topology = read_topology(sysfs.path());
  ASSERT_TRUE(topology) << topology.error().message;
  EXPECT_EQ(topology->cpus.at(0).capacity, 446u);
  EXPECT_EQ(topology->cpus.at(4).capacity, 871u);
  EXPECT_EQ(topology->cpus.at(7).capacity, 1024u);
  EXPECT_EQ(topology->cpus.at(7).core, 7u);
  EXPECT_EQ(topology->cpus.at(7).llc, 0u);  // no cache is told of: the package
}

TEST(Topology, OfAHybridMachineRanksItsAtomCoresBelow) {
  const Sysfs sysfs;
  sysfs.write("system/cpu/online", "0-7");
  sysfs.write("cpu_core/cpus", "0-3");
  sysfs.write("cpu_atom/cpus", "4-7");
  for (unsigned cpu = 0; cpu < 8; ++cpu)
    sysfs.write_cpu(cpu, "topology/thread_siblings_list", cpu < 4 ? (cpu < 2 ? "0-1" : "2-3") : std::to_string(cpu));
  const auto topology = read_topology(sysfs.path());
  ASSERT_TRUE(topology) << topology.error().message;
  EXPECT_EQ(topology->cpus.at(3).capacity, kFullCapacity);
  EXPECT_LT(topology->cpus.at(4).capacity, kFullCapacity);
  EXPECT_EQ(to_string(topology->core_of(2)), "2-3");
}

TEST(Topology, KnowsOfflineAndIsolatedCpus) {
  const Sysfs sysfs;
  sysfs.write("system/cpu/online", "0-1,4-5");
  sysfs.write("system/cpu/offline", "2-3,6-7");
  sysfs.write("system/cpu/isolated", "5-6");
  for (unsigned cpu = 0; cpu < 6; ++cpu) sysfs.add_cpu(cpu);
  for (const unsigned cpu : {0U, 1U, 4U, 5U}) sysfs.write_cpu(cpu, "topology/thread_siblings_list", cpu < 2 ? "0-1" : "4-5");
  const auto topology = read_topology(sysfs.path());
  ASSERT_TRUE(topology) << topology.error().message;
  EXPECT_EQ(to_string(topology->online), "0-1,4-5");
  EXPECT_EQ(to_string(topology->offline), "2-3,6-7");
  EXPECT_EQ(to_string(topology->isolated), "5");
  EXPECT_EQ(topology->cpus.size(), 4u);
}

TEST(Topology, OfAContainerThatShowsHardlyAnythingHasCpusThatShareNothingKnown) {
  const Sysfs sysfs;
  for (unsigned cpu = 0; cpu < 3; ++cpu) sysfs.add_cpu(cpu);
  std::filesystem::create_directories(sysfs.path() / "system/cpu/cpufreq");
  const auto topology = read_topology(sysfs.path());
  ASSERT_TRUE(topology) << topology.error().message;
  EXPECT_EQ(to_string(topology->online), "0-2");
  EXPECT_EQ(topology->cpus.at(2), (Cpu{.core = 2, .llc = 0, .node = 0}));
}

TEST(Topology, OfNothingIsUnavailable) {
  const Sysfs sysfs;
  const auto topology = read_topology(sysfs.path());
  ASSERT_FALSE(topology);
  EXPECT_EQ(topology.error().code, ErrorCode::unavailable);
}

struct Malformed {
  const char* file;
  const char* text;
};
class MalformedTopology : public ::testing::TestWithParam<Malformed> {};

TEST_P(MalformedTopology, IsAnErrorThatNamesTheFile) {
  const Sysfs sysfs;
  sysfs.make_server(8, 2);
  sysfs.write(GetParam().file, GetParam().text);
  const auto topology = read_topology(sysfs.path());
  ASSERT_FALSE(topology);
  EXPECT_EQ(topology.error().code, ErrorCode::invalid);
  EXPECT_NE(topology.error().message.find(GetParam().file), std::string::npos) << topology.error().message;
}

INSTANTIATE_TEST_SUITE_P(
    Files, MalformedTopology,
    ::testing::Values(Malformed{"system/cpu/online", "0-"}, Malformed{"system/cpu/online", "0-4096"},
                      Malformed{"system/cpu/online", "seven"}, Malformed{"system/cpu/offline", "9,9"},
                      Malformed{"system/cpu/isolated", "-1"}, Malformed{"system/cpu/cpu1/topology/thread_siblings_list", "0,4"},
                      Malformed{"system/cpu/cpu1/topology/thread_siblings_list", "1,,2"},
                      Malformed{"system/cpu/cpu2/cache/index2/shared_cpu_list", "0-1"},
                      Malformed{"system/cpu/cpu2/cache/index2/level", "three"},
                      Malformed{"system/cpu/cpu3/cpu_capacity", "1e3"},
                      Malformed{"system/cpu/cpu3/cpu_capacity", "99999999999999999999"},
                      Malformed{"system/node/node1/cpulist", "0-3"}, Malformed{"system/node/node1/cpulist", "x"},
                      Malformed{"cpu_atom/cpus", "0-99999"}));

TEST(Topology, RefusesMoreCpusThanItCounts) {
  const Sysfs sysfs;
  sysfs.add_cpu(kCpusMax);
  EXPECT_FALSE(read_topology(sysfs.path()));
}

TEST(Topology, OfThisMachineCanBeRead) {
  const auto topology = read_topology();
  ASSERT_TRUE(topology) << topology.error().message;
  EXPECT_FALSE(topology->online.empty());
  EXPECT_TRUE(topology->online.contains(allowed_cpus(*topology)));
  EXPECT_FALSE(allowed_cpus(*topology).empty());
}

TEST(CpuSetText, IsWhatParseCpusReads) {
  for (const char* text : {"0", "0-1", "1,3,5", "0-3,5,7-9", "4095"}) EXPECT_EQ(to_string(cpus(text)), text);
  EXPECT_EQ(to_string(CpuSet()), "");
}

}  // namespace
}  // namespace vs
