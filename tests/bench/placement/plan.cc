// How long a plan takes: 256 CPUs, 1,000 bindings; from nothing, again, and with one more. Prints one JSON object, times in ms.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "tests/bench/placement/cores.h"
#include "vsmgrd/placement/plan.h"

namespace vs {
namespace {

constexpr std::uint32_t kCores = 128;
constexpr int kBindings = 1000;
constexpr int kRounds = 21;

PlacementInput machine() {
  PlacementInput input;
  for (std::uint32_t cpu = 0; cpu < 2 * kCores; ++cpu) {
    const std::uint32_t core = cpu % kCores;
    input.topology.online.add(cpu);
    input.topology.cpus[cpu] = {.core = core, .llc = core / 8 * 8, .node = core < kCores / 2 ? 0U : 1U};
  }
  input.allowed = input.topology.online;
  input.reserved = CpuSet({0, 1, kCores, kCores + 1});
  input.kinds["dns"] = {.loops = 64};
  const std::vector<std::vector<std::string>> options{{}, {"sameLlc"}, {"sameNumaNode"}, {"spread"}, {"fullCores"}, {"apartFromGuest"}, {"sameCoreAsGuest"}};
  for (int i = 0; i < kBindings; ++i) {
    const std::string domain = "d" + std::to_string(i);
    Placement placement;
    if (i % 10 == 0) placement.cpus = std::to_string(2 + i / 10 % 100);
    else placement = {.count = 1U + static_cast<std::uint32_t>(i % 4 == 0), .options = options[static_cast<std::size_t>(i) % options.size()]};
    if (placement.options == std::vector<std::string>{"fullCores"}) placement.count = 2;
    if (i % 40 == 1) placement.mode = "exclusive";
    if (placement.mode == "exclusive" && i % 7 == 6) placement.options.clear();
    input.wishes[domain] = {.kind = "dns", .domain = domain, .placement = placement};
    if (i % 3 == 0) input.guests[domain] = CpuSet({static_cast<std::uint32_t>(2 + i % 120)});
  }
  return input;
}

double median_ms(const PlacementInput& input, PlacementPlan& plan) {
  std::vector<double> times;
  for (int round = 0; round < kRounds; ++round) {
    const auto begun = std::chrono::steady_clock::now();
    plan = plan_placement(input);
    times.push_back(std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begun).count());
  }
  std::sort(times.begin(), times.end());
  return times[times.size() / 2];
}

int run() {
  PlacementInput input = machine();
  PlacementPlan plan;
  const double first = median_ms(input, plan);
  std::size_t misfits = 0;
  for (const auto& [name, place] : plan.bindings) misfits += place.misfit == Misfit::none ? 0 : 1;
  input.before = plan.units;
  PlacementPlan again;
  const double second = median_ms(input, again);
  std::printf("{\"cpus\": %u, \"bindings\": %d, \"first_ms\": %.2f, \"again_ms\": %.2f, \"misfits\": %zu, \"moved\": %d}\n", 2 * kCores, kBindings,
              first, second, misfits, again.units == plan.units ? 0 : 1);
  return 0;
}

}  // namespace
}  // namespace vs

// bench_placement plan | cores ROUNDS
int main(int argc, char** argv) {
  if (argc == 2 && std::string(argv[1]) == "plan") return vs::run();
  if (argc == 3 && std::string(argv[1]) == "cores") return vs::bench::cores(std::max(1, std::atoi(argv[2])));
  std::fprintf(stderr, "usage: bench_placement plan | cores ROUNDS\n");
  return 2;
}
