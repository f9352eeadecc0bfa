// Which CPUs of those that are free: the fastest and least used, as close or as far from each other as is wished.
//
// Pure functions, thread-safe. Of equal ones, the lowest numbers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "vsmgrd/placement/plan.h"

namespace vs {

using CpuLoads = std::vector<std::uint32_t>;  // units on it, by CPU; kCpusMax of them

struct ChoiceTerms {
  std::size_t count = 1;
  bool full_cores = false;
  bool same_llc = false;
  bool same_node = false;
  bool spread = false;
  bool pack = false;  // of cores, caches and nodes those that are used most already: whole ones stay free
};

struct Choice {
  CpuSet cpus;  // `count` of them; empty for a misfit
  Misfit misfit = Misfit::none;
  std::string message;
  std::string fits;
};

Choice choose(const Topology& topology, const CpuSet& from, const CpuLoads& loads, const ChoiceTerms& terms);

// Whether these would do.
bool meets(const Topology& topology, const CpuSet& cpus, const ChoiceTerms& terms);

}  // namespace vs
