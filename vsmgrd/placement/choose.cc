#include "vsmgrd/placement/choose.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace vs {
namespace {

// CPUs that are taken together: a whole core, or one CPU.
struct Piece {
  std::basic_string<std::uint32_t> cpus;  // few: no allocation
  const Cpu* at = nullptr;
  std::uint32_t load = 0;
};

class Chooser {
 public:
  Chooser(const Topology& topology, const CpuSet& from, const CpuLoads& loads, const ChoiceTerms& terms)
      : topology_(topology), terms_(terms) {
    const std::size_t numbers = topology.cpus.empty() ? 0 : std::size_t{topology.cpus.rbegin()->first} + 1;
    used_of_core_.resize(numbers);
    core_load_.resize(numbers);
    std::vector<std::uint32_t> threads(numbers);
    std::vector<std::uint32_t> free(numbers);
    for (const auto& [number, cpu] : topology.cpus) {
      ++threads[cpu.core];
      if (!from.contains(number)) continue;
      ++free[cpu.core];
      core_load_[cpu.core] += loads[number];
    }
    for (std::size_t core = 0; core < numbers; ++core) used_of_core_[core] = threads[core] - free[core];
    std::vector<std::size_t> piece_of_core(numbers, SIZE_MAX);
    for (const auto& [number, cpu] : topology.cpus) {
      if (!from.contains(number)) continue;
      if (!terms.full_cores) {
        pieces_.push_back({{number}, &cpu, loads[number]});
        continue;
      }
      if (free[cpu.core] != threads[cpu.core]) continue;
      std::size_t& piece = piece_of_core[cpu.core];
      if (piece == SIZE_MAX) {
        piece = pieces_.size();
        pieces_.push_back({{}, &cpu, core_load_[cpu.core]});
      }
      pieces_[piece].cpus.push_back(number);
    }
    const auto better = [this](const Piece& one, const Piece& other) { return rank(one) < rank(other); };
    // Where any will do, only the best are looked at.
    if (!terms.full_cores && !terms.same_llc && !terms.same_node && !terms.spread && terms.count < pieces_.size()) {
      std::partial_sort(pieces_.begin(), pieces_.begin() + static_cast<std::ptrdiff_t>(terms.count), pieces_.end(), better);
      pieces_.resize(terms.count);
    } else {
      std::sort(pieces_.begin(), pieces_.end(), better);
    }
  }

  Choice make() const {
    if (terms_.full_cores && pieces_.empty()) return misfit(Misfit::smt_alignment, "no whole core is free", "leave fullCores out");
    if (!terms_.same_llc && !terms_.same_node) return finish(pick(everything()));
    // By node or by cache: the first, in order of preference, that has enough.
    std::map<std::uint32_t, std::vector<const Piece*>> groups;
    for (const Piece& piece : pieces_) groups[terms_.same_llc ? piece.at->llc : piece.at->node].push_back(&piece);
    std::optional<std::tuple<std::int64_t, std::uint64_t, std::uint32_t>> best_rank;
    CpuSet best;
    std::size_t largest = 0;
    for (const auto& [number, group] : groups) {
      largest = std::max(largest, cpus_in(group));
      const auto cpus = pick(group);
      if (!cpus) continue;
      const std::tuple rank{-capacity_of(*cpus), terms_.pack ? cpus_in(group) : load_of(group), number};
      if (best_rank && *best_rank <= rank) continue;
      best_rank = rank;
      best = *cpus;
    }
    if (best_rank) return {.cpus = best};
    if (terms_.full_cores && largest >= terms_.count) return misaligned();
    const char* what = terms_.same_llc ? "last cache" : "NUMA node";
    return misfit(terms_.same_llc ? Misfit::llc_full : Misfit::numa_full,
                  fmt::format("no {} has {} that are free, {} is the most", what, terms_.count, largest),
                  fmt::format("at most {} fit{}", largest, largest == 1 ? "s" : ""));
  }

 private:
  // Fast ones, then those with the least on them and on their core; where CPUs are taken for good, the rest of a used core.
  std::tuple<std::int64_t, std::uint32_t, std::int64_t, std::uint32_t> rank(const Piece& piece) const {
    const std::int64_t used = used_of_core_[piece.at->core];
    return {-static_cast<std::int64_t>(piece.at->capacity), piece.load, terms_.pack ? -used : core_load_[piece.at->core],
            piece.cpus.front()};
  }

  std::vector<const Piece*> everything() const {
    std::vector<const Piece*> all;
    for (const Piece& piece : pieces_) all.push_back(&piece);
    return all;
  }

  static std::size_t cpus_in(const std::vector<const Piece*>& group) {
    std::size_t cpus = 0;
    for (const Piece* piece : group) cpus += piece->cpus.size();
    return cpus;
  }
  static std::uint64_t load_of(const std::vector<const Piece*>& group) {
    std::uint64_t load = 0, cpus = 0;
    for (const Piece* piece : group) load += piece->load, cpus += piece->cpus.size();
    return cpus == 0 ? 0 : load * 1000 / cpus;
  }
  std::int64_t capacity_of(const CpuSet& cpus) const {
    std::int64_t capacity = 0;
    for (const std::uint32_t cpu : cpus.list()) capacity += topology_.cpus.at(cpu).capacity;
    return capacity;
  }

  // Exactly `count`, whole pieces only; nullopt when these cannot make it.
  std::optional<CpuSet> pick(const std::vector<const Piece*>& group) const {
    auto cpus = terms_.spread ? pick_spread(group) : pick_first(group);
    if (cpus || !terms_.full_cores) return cpus;
    // Cores of which some siblings are offline are smaller: those fill up what whole ones leave.
    std::vector<const Piece*> by_size = group;
    std::stable_sort(by_size.begin(), by_size.end(),
                     [](const Piece* one, const Piece* other) { return one->cpus.size() > other->cpus.size(); });
    return pick_first(by_size);
  }
  std::optional<CpuSet> pick_first(const std::vector<const Piece*>& group) const {
    CpuSet cpus;
    std::size_t left = terms_.count;
    for (const Piece* piece : group) {
      if (left == 0) break;
      if (piece->cpus.size() > left) continue;
      for (const std::uint32_t cpu : piece->cpus) cpus.add(cpu);
      left -= piece->cpus.size();
    }
    return left == 0 ? std::optional(cpus) : std::nullopt;
  }
  // Each next where the fewest are already: in its node, then under its cache, then on its core.
  std::optional<CpuSet> pick_spread(const std::vector<const Piece*>& group) const {
    CpuSet cpus;
    std::vector<std::uint32_t> in_node(kNodesMax), in_llc(used_of_core_.size()), in_core(used_of_core_.size());
    std::vector<bool> taken(group.size());
    for (std::size_t left = terms_.count; left != 0;) {
      std::optional<std::tuple<std::uint32_t, std::uint32_t, std::uint32_t, std::size_t>> best;
      for (std::size_t i = 0; i < group.size(); ++i) {
        if (taken[i] || group[i]->cpus.size() > left) continue;
        const Cpu& at = *group[i]->at;
        const std::tuple here{in_node[at.node], in_llc[at.llc], in_core[at.core], i};
        if (!best || here < *best) best = here;
      }
      if (!best) return std::nullopt;
      const std::size_t chosen = std::get<3>(*best);
      taken[chosen] = true;
      const Cpu& at = *group[chosen]->at;
      ++in_node[at.node], ++in_llc[at.llc], ++in_core[at.core];
      for (const std::uint32_t cpu : group[chosen]->cpus) cpus.add(cpu);
      left -= group[chosen]->cpus.size();
    }
    return cpus;
  }

  Choice finish(const std::optional<CpuSet>& cpus) const {
    if (cpus) return {.cpus = *cpus};
    return misaligned();
  }
  Choice misaligned() const {
    std::size_t most = 0;
    for (const Piece& piece : pieces_) most += piece.cpus.size();
    const std::size_t threads = pieces_.empty() ? 1 : pieces_.front().cpus.size();
    if (most < terms_.count)
      return misfit(Misfit::exhausted, fmt::format("whole cores with {} CPUs are free", most), fmt::format("at most {} fit", most));
    return misfit(Misfit::smt_alignment, fmt::format("cores have {} CPUs, and {} are no whole number of them", threads, terms_.count),
                  fmt::format("{} or {} fits", terms_.count / threads * threads, (terms_.count / threads + 1) * threads));
  }
  static Choice misfit(Misfit misfit, std::string message, std::string fits) {
    return {.cpus = {}, .misfit = misfit, .message = std::move(message), .fits = std::move(fits)};
  }

  const Topology& topology_;
  const ChoiceTerms& terms_;
  std::vector<Piece> pieces_;
  std::vector<std::uint32_t> used_of_core_;
  std::vector<std::uint32_t> core_load_;
};

}  // namespace

Choice choose(const Topology& topology, const CpuSet& from, const CpuLoads& loads, const ChoiceTerms& terms) {
  return Chooser(topology, from, loads, terms).make();
}

bool meets(const Topology& topology, const CpuSet& cpus, const ChoiceTerms& terms) {
  if (cpus.size() != terms.count || !topology.online.contains(cpus)) return false;
  if (terms.full_cores && !(topology.cores_of(cpus) == cpus)) return false;
  std::optional<std::uint32_t> llc, node;
  for (const std::uint32_t cpu : cpus.list()) {
    const Cpu& at = topology.cpus.at(cpu);
    if (terms.same_llc && llc.value_or(at.llc) != at.llc) return false;
    if (terms.same_node && node.value_or(at.node) != at.node) return false;
    llc = at.llc;
    node = at.node;
  }
  return true;
}

}  // namespace vs
