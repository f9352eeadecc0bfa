#include "vsmgrd/api/topology.h"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <map>
#include <set>
#include <system_error>
#include <utility>

#include <nlohmann/json.hpp>

#include "vsmgrd/model/codec.h"

namespace vs::http {
namespace {

namespace fs = std::filesystem;

inline constexpr std::size_t kSysfsLineMax = 4096;
inline constexpr int kCacheIndexMax = 16;
inline constexpr std::uint32_t kNumaNodesMax = 1024;

// The first line of a file; empty when there is none.
std::string line_of(const fs::path& file) {
  std::ifstream in(file);
  std::string line;
  char c = 0;
  while (line.size() < kSysfsLineMax && in.get(c) && c != '\n') line += c;
  return line;
}

template <class Number>
std::optional<Number> number_in(std::string_view text) {
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

// What the kernel writes as "0-3,8"; empty when it is no such list.
std::vector<std::uint32_t> cpus_in(const std::string& text) {
  auto cpus = parse_cpus(text);
  return cpus ? std::move(*cpus) : std::vector<std::uint32_t>();
}

std::string list_in(const fs::path& file) {
  std::string text = line_of(file);
  return cpus_in(text).empty() ? std::string() : text;
}

// "32768K", "8M" in bytes.
std::uint64_t bytes_in(std::string text) {
  const std::uint64_t unit = text.ends_with('K') ? 1024 : text.ends_with('M') ? 1024 * 1024 : 1;
  if (unit != 1) text.pop_back();
  return number_in<std::uint64_t>(text).value_or(0) * unit;
}

std::optional<Topology::Cache> last_level_of(const fs::path& cpu) {
  std::optional<Topology::Cache> last;
  for (int index = 0; index < kCacheIndexMax; ++index) {
    const fs::path cache = cpu / "cache" / ("index" + std::to_string(index));
    const auto level = number_in<int>(line_of(cache / "level"));
    if (!level) break;
    if (line_of(cache / "type") == "Instruction" || (last && last->level >= *level)) continue;
    if (std::string cpus = list_in(cache / "shared_cpu_list"); !cpus.empty())
      last = Topology::Cache{std::move(cpus), *level, bytes_in(line_of(cache / "size"))};
  }
  return last;
}

// "Node 0 MemTotal:  16332564 kB"
std::uint64_t memory_of(const fs::path& meminfo) {
  std::ifstream in(meminfo);
  for (std::string word; in >> word;) {
    std::uint64_t kib = 0;
    if (word == "MemTotal:" && in >> kib) return kib * 1024;
  }
  return 0;
}

void read_numa(const fs::path& nodes, Topology& topology, std::map<std::uint32_t, std::uint32_t>& node_of) {
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(nodes, ignored)) {
    const std::string name = entry.path().filename();
    if (!name.starts_with("node")) continue;
    const auto number = number_in<std::uint32_t>(std::string_view(name).substr(4));
    if (!number || *number >= kNumaNodesMax) continue;
    const std::string cpus = list_in(entry.path() / "cpulist");
    for (const std::uint32_t cpu : cpus_in(cpus)) node_of[cpu] = *number;
    topology.numa_nodes.push_back({*number, cpus, memory_of(entry.path() / "meminfo")});
  }
  std::sort(topology.numa_nodes.begin(), topology.numa_nodes.end(),
            [](const auto& left, const auto& right) { return left.number < right.number; });
}

void read_hypervisor(const fs::path& directory, Topology& topology) {
  const std::string type = line_of(directory / "type");
  if (type.empty()) return;
  topology.hypervisor = type;
  const fs::path version = directory / "version";
  const std::string major = line_of(version / "major");
  if (!major.empty())
    topology.hypervisor_version = major + '.' + line_of(version / "minor") + line_of(version / "extra");
}

}  // namespace

Topology read_topology(const fs::path& sys) {
  Topology topology;
  const fs::path all = sys / "devices/system/cpu";
  topology.online = list_in(all / "online");
  topology.isolated = list_in(all / "isolated");
  std::map<std::uint32_t, std::uint32_t> node_of;
  read_numa(sys / "devices/system/node", topology, node_of);
  read_hypervisor(sys / "hypervisor", topology);

  std::set<std::uint32_t> seen;
  std::map<std::string, Topology::Cache> caches;
  for (const std::uint32_t number : cpus_in(topology.online)) {
    if (seen.contains(number)) continue;
    const fs::path cpu = all / ("cpu" + std::to_string(number));
    Topology::Core core{.cpus = cpus_in(line_of(cpu / "topology/thread_siblings_list"))};
    if (std::find(core.cpus.begin(), core.cpus.end(), number) == core.cpus.end()) core.cpus = {number};
    seen.insert(core.cpus.begin(), core.cpus.end());
    core.package = number_in<int>(line_of(cpu / "topology/physical_package_id")).value_or(0);
    if (const auto node = node_of.find(number); node != node_of.end()) core.numa_node = node->second;
    if (auto cache = last_level_of(cpu)) {
      core.last_level_cache = cache->cpus;
      caches.emplace(cache->cpus, std::move(*cache));
    }
    topology.cores.push_back(std::move(core));
  }
  for (auto& [cpus, cache] : caches) topology.caches.push_back(std::move(cache));
  return topology;
}

nlohmann::json encode(const Topology& topology) {
  using nlohmann::json;
  json cores = json::array(), caches = json::array(), nodes = json::array();
  for (const Topology::Core& core : topology.cores) {
    json one{{"cpus", core.cpus}, {"package", core.package}};
    if (core.numa_node) one["numaNode"] = *core.numa_node;
    if (!core.last_level_cache.empty()) one["lastLevelCache"] = core.last_level_cache;
    cores.push_back(std::move(one));
  }
  for (const Topology::Cache& cache : topology.caches)
    caches.push_back({{"cpus", cache.cpus}, {"level", cache.level}, {"bytes", cache.bytes}});
  for (const Topology::NumaNode& node : topology.numa_nodes)
    nodes.push_back({{"number", node.number}, {"cpus", node.cpus}, {"memoryBytes", node.memory_bytes}});
  return {{"online", topology.online},   {"isolated", topology.isolated},
          {"cores", std::move(cores)},   {"lastLevelCaches", std::move(caches)},
          {"numaNodes", std::move(nodes)}};
}

}  // namespace vs::http
