// What the node is made of, as the kernel tells in sysfs: CPUs, cores, caches, NUMA nodes, hypervisor.
//
// Values; reading is thread-safe. What sysfs does not tell, or tells wrongly, is left out: never an
// error. At most kCpusMax CPUs. Lists of CPUs are as the kernel writes them: "0-3,8".
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace vs::http {

struct Topology {
  struct Core {
    std::vector<std::uint32_t> cpus;  // its thread siblings, sorted
    int package = 0;
    std::optional<std::uint32_t> numa_node;
    std::string last_level_cache;  // the CPUs that share it; empty: not told
  };
  struct Cache {  // of the last level
    std::string cpus;
    int level = 0;
    std::uint64_t bytes = 0;
  };
  struct NumaNode {
    std::uint32_t number = 0;
    std::string cpus;
    std::uint64_t memory_bytes = 0;
  };
  std::string online;
  std::string isolated;  // kept from the scheduler by the kernel's command line
  std::vector<Core> cores;  // by their first CPU
  std::vector<Cache> caches;
  std::vector<NumaNode> numa_nodes;
  std::string hypervisor = "none";  // "xen": it is under us
  std::string hypervisor_version;
};

// `sys` is where sysfs is mounted.
Topology read_topology(const std::filesystem::path& sys = "/sys");

nlohmann::json encode(const Topology& topology);

}  // namespace vs::http
