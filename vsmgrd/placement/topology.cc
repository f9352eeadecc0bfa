#include "vsmgrd/placement/topology.h"

#include <sched.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <optional>
#include <set>
#include <string>
#include <system_error>
#include <utility>

#include <fmt/format.h>

namespace vs {
namespace {

namespace fs = std::filesystem;

constexpr std::uint32_t kEfficientCapacity = 512;  // of cpu_atom, where the kernel gives no number

// The file's text without its line end; nullopt when there is no such file, or it may not be read.
Result<std::optional<std::string>> text_of(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return std::optional<std::string>();
  std::string text(kSysfsBytesMax + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (file.bad()) return std::optional<std::string>();
  text.resize(static_cast<std::size_t>(file.gcount()));
  if (text.size() > kSysfsBytesMax) return fail(ErrorCode::invalid, path.string() + ": more than a list of CPUs");
  while (!text.empty() && (text.back() == '\n' || text.back() == '\0')) text.pop_back();
  return std::optional(std::move(text));
}

Result<std::optional<CpuSet>> cpus_in(const fs::path& path) {
  const auto text = text_of(path);
  if (!text) return fail(text.error());
  if (!*text) return std::optional<CpuSet>();
  if ((*text)->empty()) return std::optional(CpuSet());
  const auto cpus = parse_cpus(**text);
  if (!cpus) return fail(ErrorCode::invalid, path.string() + ": " + cpus.error().message);
  return std::optional(CpuSet(*cpus));
}

Result<std::optional<std::uint32_t>> number_in(const fs::path& path, std::uint32_t most) {
  const auto text = text_of(path);
  if (!text) return fail(text.error());
  if (!*text) return std::optional<std::uint32_t>();
  std::uint32_t number = 0;
  const char* const end = (*text)->data() + (*text)->size();
  const auto [rest, error] = std::from_chars((*text)->data(), end, number);
  if (error != std::errc() || rest != end || number > most)
    return fail(ErrorCode::invalid, fmt::format("{}: {} is not a number up to {}", path.string(), in_quotes(**text), most));
  return std::optional(number);
}

// N of the entries PREFIXN of a directory, ascending; those beyond `most` are an error.
Result<std::set<std::uint32_t>> numbered(const fs::path& directory, std::string_view prefix, std::uint32_t most) {
  std::set<std::uint32_t> numbers;
  std::error_code error;
  for (fs::directory_iterator at(directory, error), end; !error && at != end; at.increment(error)) {
    const std::string name = at->path().filename().string();
    if (!name.starts_with(prefix)) continue;
    std::uint32_t number = 0;
    const char* const last = name.data() + name.size();
    const auto [rest, wrong] = std::from_chars(name.data() + prefix.size(), last, number);
    if (rest != last || rest == name.data() + prefix.size()) continue;  // cpufreq, cpuidle
    if (wrong != std::errc() || number >= most)
      return fail(ErrorCode::invalid, fmt::format("{}: the highest may be {}{}", at->path().string(), prefix, most - 1));
    numbers.insert(number);
  }
  return numbers;
}

// The first of `files` that there is; it must name the CPU itself.
Result<std::optional<CpuSet>> sharers(const fs::path& directory, std::uint32_t cpu, std::initializer_list<const char*> files) {
  for (const char* name : files) {
    const fs::path path = directory / name;
    auto cpus = cpus_in(path);
    if (!cpus) return cpus;
    if (!*cpus) continue;
    if (!(*cpus)->contains(cpu))
      return fail(ErrorCode::invalid, fmt::format("{}: {} lacks CPU {} itself", path.string(), in_quotes(to_string(**cpus)), cpu));
    return cpus;
  }
  return std::optional<CpuSet>();
}

// Who shares the last cache that holds data; nullopt when no cache is told of.
Result<std::optional<CpuSet>> last_cache(const fs::path& cache, std::uint32_t cpu) {
  std::uint32_t last = 0;
  std::optional<CpuSet> found;
  for (int index = 0; index < kCachesMax; ++index) {
    const fs::path directory = cache / ("index" + std::to_string(index));
    const auto level = number_in(directory / "level", kCachesMax);
    if (!level) return fail(level.error());
    if (!*level) break;
    const auto type = text_of(directory / "type");
    if (!type) return fail(type.error());
    if (*type == "Instruction" || **level <= last) continue;
    auto cpus = sharers(directory, cpu, {"shared_cpu_list"});
    if (!cpus) return cpus;
    if (!*cpus) continue;
    last = **level;
    found = std::move(*cpus);
  }
  return found;
}

Result<> read_cpu(const fs::path& system, std::uint32_t number, const CpuSet& online, Cpu& cpu) {
  const fs::path directory = system / "cpu" / ("cpu" + std::to_string(number));
  const auto core = sharers(directory / "topology", number, {"thread_siblings_list", "core_cpus_list"});
  if (!core) return fail(core.error());
  cpu.core = *core ? (**core & online).first() : number;
  auto llc = last_cache(directory / "cache", number);
  if (llc && !*llc) llc = sharers(directory / "topology", number, {"package_cpus_list", "core_siblings_list"});
  if (!llc) return fail(llc.error());
  cpu.llc = *llc ? (**llc & online).first() : online.first();
  const auto capacity = number_in(directory / "cpu_capacity", kCapacityMax);
  if (!capacity) return fail(capacity.error());
  if (*capacity) cpu.capacity = **capacity;
  return {};
}

Result<> read_nodes(const fs::path& node, Topology& topology) {
  const auto nodes = numbered(node, "node", kNodesMax);
  if (!nodes) return fail(nodes.error());
  CpuSet seen;
  for (const std::uint32_t number : *nodes) {
    const fs::path path = node / ("node" + std::to_string(number)) / "cpulist";
    const auto cpus = cpus_in(path);
    if (!cpus) return fail(cpus.error());
    if (!*cpus) continue;
    if (const CpuSet twice = seen & **cpus; !twice.empty())
      return fail(ErrorCode::invalid, fmt::format("{}: CPU {} is in another node, too", path.string(), to_string(twice)));
    seen |= **cpus;
    for (const std::uint32_t cpu : (**cpus & topology.online).list()) topology.cpus[cpu].node = number;
  }
  return {};
}

// Core types of x86: where there are two, and no capacities, the efficient ones count less.
Result<> read_hybrid(const fs::path& devices, Topology& topology) {
  const auto efficient = cpus_in(devices / "cpu_atom" / "cpus");
  if (!efficient) return fail(efficient.error());
  const auto performance = cpus_in(devices / "cpu_core" / "cpus");
  if (!performance) return fail(performance.error());
  if (!*efficient || !*performance) return {};
  for (const std::uint32_t cpu : (**efficient & topology.online).list())
    topology.cpus[cpu].capacity = std::min(topology.cpus[cpu].capacity, kEfficientCapacity);
  return {};
}

}  // namespace

std::string to_string(const CpuSet& cpus) {
  const auto list = cpus.list();
  std::string text;
  for (std::size_t at = 0; at < list.size();) {
    std::size_t end = at;
    while (end + 1 < list.size() && list[end + 1] == list[end] + 1) ++end;
    text += fmt::format("{}{}", text.empty() ? "" : ",", list[at]);
    if (end != at) text += fmt::format("-{}", list[end]);
    at = end + 1;
  }
  return text;
}

CpuSet Topology::core_of(std::uint32_t cpu) const {
  CpuSet core;
  const auto known = cpus.find(cpu);
  if (known == cpus.end()) return core;
  for (const auto& [number, other] : cpus)
    if (other.core == known->second.core) core.add(number);
  return core;
}

CpuSet Topology::cores_of(const CpuSet& wanted) const {
  CpuSet touched;
  for (const std::uint32_t cpu : wanted.list())
    if (const auto known = cpus.find(cpu); known != cpus.end()) touched.add(known->second.core);
  CpuSet all;
  for (const auto& [number, cpu] : cpus)
    if (touched.contains(cpu.core)) all.add(number);
  return all;
}

Result<Topology> read_topology(const fs::path& devices) {
  const fs::path system = devices / "system";
  const auto present = numbered(system / "cpu", "cpu", kCpusMax);
  if (!present) return fail(present.error());
  Topology topology;
  auto online = cpus_in(system / "cpu" / "online");
  if (!online) return fail(online.error());
  if (*online) topology.online = **online;
  else
    for (const std::uint32_t cpu : *present) topology.online.add(cpu);
  if (topology.online.empty()) return fail(ErrorCode::unavailable, (system / "cpu").string() + ": shows no CPU");
  for (const std::uint32_t cpu : *present)
    if (!topology.online.contains(cpu)) topology.offline.add(cpu);
  auto offline = cpus_in(system / "cpu" / "offline");
  if (!offline) return fail(offline.error());
  if (*offline) topology.offline |= **offline - topology.online;
  auto isolated = cpus_in(system / "cpu" / "isolated");
  if (!isolated) return fail(isolated.error());
  if (*isolated) topology.isolated = **isolated & topology.online;
  for (const std::uint32_t cpu : topology.online.list())
    if (auto read = read_cpu(system, cpu, topology.online, topology.cpus[cpu]); !read) return fail(read.error());
  if (auto read = read_nodes(system / "node", topology); !read) return fail(read.error());
  if (auto read = read_hybrid(devices, topology); !read) return fail(read.error());
  return topology;
}

CpuSet allowed_cpus(const Topology& topology) {
  cpu_set_t allowed[kCpusMax / CPU_SETSIZE];
  CPU_ZERO_S(sizeof allowed, allowed);
  if (::sched_getaffinity(0, sizeof allowed, allowed) != 0) return topology.online;
  CpuSet cpus;
  for (const auto& [cpu, unused] : topology.cpus)
    if (CPU_ISSET_S(cpu, sizeof allowed, allowed)) cpus.add(cpu);
  return cpus | topology.isolated;
}

}  // namespace vs
