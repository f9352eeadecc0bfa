// The CPUs of this machine as Linux describes them, and what they share.
//
// Read from sysfs (Documentation/admin-guide/cputopology.rst, Documentation/ABI/testing/sysfs-devices-system-cpu): of what a
// machine or a container does not tell, the simplest is taken: a CPU is a core of its own, and all are alike in one node.
// Values and pure functions, but for read_topology and allowed_cpus; thread-safe.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>

#include "base/result.h"
#include "vsmgrd/placement/cpu_set.h"

namespace vs {

inline constexpr std::uint32_t kFullCapacity = 1024;  // of the machine's fastest cores (SCHED_CAPACITY_SCALE)
inline constexpr std::uint32_t kCapacityMax = 1 << 20;
inline constexpr std::uint32_t kNodesMax = 1024;
inline constexpr int kCachesMax = 16;                 // cache/indexN of one CPU
inline constexpr std::size_t kSysfsBytesMax = 64 << 10;  // of one file

// An online CPU.
struct Cpu {
  std::uint32_t core = 0;      // the lowest CPU of its core, its siblings' too
  std::uint32_t llc = 0;       // the lowest CPU that shares its last cache
  std::uint32_t node = 0;
  std::uint32_t capacity = kFullCapacity;
  friend bool operator==(const Cpu&, const Cpu&) = default;
};

struct Topology {
  std::map<std::uint32_t, Cpu> cpus;  // online, by number
  CpuSet online;
  CpuSet offline;
  CpuSet isolated;  // online, and kept from the scheduler (isolcpus=)
  friend bool operator==(const Topology&, const Topology&) = default;

  [[nodiscard]] CpuSet core_of(std::uint32_t cpu) const;      // the online CPUs of its core
  [[nodiscard]] CpuSet cores_of(const CpuSet& cpus) const;    // of all of them
};

// `devices` is /sys/devices: system/cpu, system/node, cpu_core/cpus and cpu_atom/cpus of it are read.
// Errors: invalid, naming the file and what it holds; unavailable, when it shows no CPU at all.
Result<Topology> read_topology(const std::filesystem::path& devices = "/sys/devices");

// Where this process may run, and the isolated CPUs, which nobody is started on.
CpuSet allowed_cpus(const Topology& topology);

}  // namespace vs
