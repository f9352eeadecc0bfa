// Runs seeds of the handoff's simulation, or tells the story of one.
//
//   simulate_handoffs --seed N                the story of one seed, step by step
//   simulate_handoffs --from N --seeds COUNT  many, on all cores; prints those that fail
// Exit status: 0 all held, 1 a seed failed, 2 usage.
#include <atomic>
#include <cstdlib>
#include <iostream>
#include <mutex>
#include <string_view>
#include <thread>
#include <vector>

#include "tests/vsmgrd/migration/simulation.h"

namespace {

using vs::handoff::simulation::Report;
using vs::handoff::simulation::simulate;

int run_many(std::uint64_t from, std::uint64_t count) {
  std::atomic<std::uint64_t> next{from}, failed{0}, steps{0}, started{0}, done{0};
  std::mutex mutex;
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < std::max(1U, std::thread::hardware_concurrency()); ++i)
    threads.emplace_back([&] {
      for (std::uint64_t seed = next++; seed < from + count; seed = next++) {
        const Report report = simulate({.seed = seed});
        steps += report.steps;
        started += report.started;
        done += report.done;
        if (report.failure.empty()) continue;
        ++failed;
        const std::lock_guard lock(mutex);
        std::cout << "seed " << seed << ": " << report.failure << "\n";
      }
    });
  for (std::thread& thread : threads) thread.join();
  std::cout << count << " seeds, " << steps << " steps, " << started << " handoffs, " << done << " done, " << failed << " seeds failed\n";
  return failed == 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  std::uint64_t seed = 0, from = 1, count = 1'000'000;
  for (int i = 1; i < argc; i += 2) {
    const std::string_view name = argv[i];
    const char* value = i + 1 < argc ? argv[i + 1] : nullptr;
    std::uint64_t* into = name == "--seed" ? &seed : name == "--from" ? &from : name == "--seeds" ? &count : nullptr;
    if (into == nullptr || value == nullptr) {
      std::cerr << "usage: simulate_handoffs --seed N | [--from N] [--seeds COUNT]\n";
      return 2;
    }
    *into = std::strtoull(value, nullptr, 10);
  }
  if (seed == 0) return run_many(from, count);
  const Report report = simulate({.seed = seed, .trace = &std::cout});
  std::cout << (report.failure.empty() ? "all held" : report.failure) << "\n";
  return report.failure.empty() ? 0 : 1;
}
