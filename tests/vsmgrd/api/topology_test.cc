// What is read of a node's sysfs, from trees such as kernels make them.

#include "vsmgrd/api/topology.h"

#include <filesystem>
#include <fstream>
#include <string>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/temporary_directory.h"

namespace vs::http {
namespace {

class TopologyTest : public ::testing::Test {
 protected:
  void write(const std::string& file, const std::string& text) {
    const auto path = directory_.path() / file;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << text << '\n';
  }
  void cpu(int number, const std::string& siblings, int package, const std::string& cache, const std::string& size) {
    const std::string at = "devices/system/cpu/cpu" + std::to_string(number);
    write(at + "/topology/thread_siblings_list", siblings);
    write(at + "/topology/physical_package_id", std::to_string(package));
    write(at + "/cache/index0/level", "1");
    write(at + "/cache/index0/type", "Data");
    write(at + "/cache/index0/shared_cpu_list", siblings);
    write(at + "/cache/index0/size", "32K");
    write(at + "/cache/index1/level", "3");
    write(at + "/cache/index1/type", "Unified");
    write(at + "/cache/index1/shared_cpu_list", cache);
    write(at + "/cache/index1/size", size);
  }
  // Two packages of two cores with two threads each, a NUMA node and a cache a package.
  void two_packages() {
    write("devices/system/cpu/online", "0-7");
    write("devices/system/cpu/isolated", "6-7");
    for (int n = 0; n < 8; ++n) {
      const int pair = n % 4;
      cpu(n, std::to_string(pair) + ',' + std::to_string(pair + 4), pair / 2, pair < 2 ? "0-1,4-5" : "2-3,6-7", "16384K");
    }
    write("devices/system/node/node0/cpulist", "0-1,4-5");
    write("devices/system/node/node0/meminfo", "Node 0 MemTotal:       8000000 kB\nNode 0 MemFree: 1 kB");
    write("devices/system/node/node1/cpulist", "2-3,6-7");
    write("devices/system/node/possible", "0-1");
  }
  Topology read() { return read_topology(directory_.path()); }
  test::TemporaryDirectory directory_;
};

TEST_F(TopologyTest, TellsCoresSiblingsCachesAndNodes) {
  two_packages();
  const Topology topology = read();
  ASSERT_EQ(topology.cores.size(), 4u);
  EXPECT_EQ(topology.cores[1].cpus, (std::vector<std::uint32_t>{1, 5}));
  EXPECT_EQ(topology.cores[3].package, 1);
  EXPECT_EQ(topology.cores[3].numa_node, 1u);
  EXPECT_EQ(topology.cores[3].last_level_cache, "2-3,6-7");
  ASSERT_EQ(topology.caches.size(), 2u);
  EXPECT_EQ(topology.caches[0].level, 3);
  EXPECT_EQ(topology.caches[0].bytes, 16u << 20);
  ASSERT_EQ(topology.numa_nodes.size(), 2u);
  EXPECT_EQ(topology.numa_nodes[0].memory_bytes, 8'000'000ull * 1024);
  EXPECT_EQ(topology.isolated, "6-7");
  EXPECT_EQ(topology.hypervisor, "none");
}

TEST_F(TopologyTest, LeavesOutACpuThatWasRemoved) {
  two_packages();
  write("devices/system/cpu/online", "0-4,6-7");
  for (const int n : {1, 5}) cpu(n, "1", 0, "0-1,4", "16384K");  // as the kernel tells it then
  const Topology topology = read();
  ASSERT_EQ(topology.cores.size(), 4u);
  EXPECT_EQ(topology.cores[1].cpus, (std::vector<std::uint32_t>{1}));
}

TEST_F(TopologyTest, KnowsXenByWhatItsKernelTells) {
  write("hypervisor/type", "xen");
  write("hypervisor/version/major", "4");
  write("hypervisor/version/minor", "17");
  write("hypervisor/version/extra", ".3");
  EXPECT_EQ(read().hypervisor, "xen");
  EXPECT_EQ(read().hypervisor_version, "4.17.3");
}

TEST_F(TopologyTest, SurvivesWhatIsMissingOrWrong) {
  EXPECT_TRUE(read().cores.empty());
  write("devices/system/cpu/online", "0-1");
  EXPECT_EQ(read().cores.size(), 2u) << "a core each, when no siblings are told";
  write("devices/system/cpu/cpu0/topology/thread_siblings_list", "nonsense");
  write("devices/system/cpu/cpu1/topology/thread_siblings_list", "4294967295");
  write("devices/system/cpu/cpu1/cache/index0/level", "three");
  write("devices/system/node/node/cpulist", "0");
  write("devices/system/node/nodeX/cpulist", "0");
  const Topology topology = read();
  ASSERT_EQ(topology.cores.size(), 2u);
  EXPECT_EQ(topology.cores[0].cpus, (std::vector<std::uint32_t>{0}));
  EXPECT_TRUE(topology.numa_nodes.empty());
  write("devices/system/cpu/online", std::string(100'000, '9'));
  EXPECT_TRUE(read().cores.empty());
  EXPECT_EQ(encode(read())["cores"], nlohmann::json::array());
}

TEST_F(TopologyTest, OfThisMachineHasItsCpus) {
  const Topology topology = read_topology();
  std::size_t cpus = 0;
  for (const Topology::Core& core : topology.cores) cpus += core.cpus.size();
  EXPECT_GE(cpus, topology.cores.size());
}

}  // namespace
}  // namespace vs::http
