// How long a guest waits when its domain goes to another node: two nodes in one process, one directory of domains, lookups and acknowledged
// events without a pause. usage: bench_handoff [MOVES]
#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "base/log.h"
#include "dataplane/client/vservice.h"
#include "tests/dataplane/migration/two_nodes.h"

namespace vs {
namespace {

using Clock = std::chrono::steady_clock;
using Milliseconds = std::chrono::duration<double, std::milli>;

constexpr int kPatienceMs = 60'000;

// When a program's requests were answered, one after the other.
struct Program {
  Program(const std::string& home, const char* kind) {
    if (vs_open_in(home.c_str(), kind, kind, kPatienceMs, &device) != 0) std::abort();
  }
  template <class Ask>
  void begin(Ask ask) {
    thread = std::thread([this, ask] {
      for (std::uint64_t i = 0; !enough; ++i) {
        if (!ask(device, i)) ++failed;
        answered.push_back(Clock::now());
        ++answers;
      }
    });
  }
  // Waits until it was answered that often.
  void work(std::uint64_t more = 20) const {
    for (const std::uint64_t before = answers; answers < before + more;) std::this_thread::yield();
  }
  void end() {
    enough = true;
    thread.join();
    vs_close(device);
  }
  // The longest time without an answer that lies in [from, to], or reaches into it.
  [[nodiscard]] Milliseconds gap(Clock::time_point from, Clock::time_point to) const {
    Milliseconds longest{0};
    auto at = std::lower_bound(answered.begin(), answered.end(), from);
    if (at == answered.begin() && at != answered.end()) ++at;
    for (; at != answered.end() && *std::prev(at) < to; ++at) longest = std::max<Milliseconds>(longest, *at - *std::prev(at));
    return longest;
  }

  vs_device* device = nullptr;
  std::atomic<bool> enough{false};
  std::atomic<std::uint64_t> answers{0};
  std::uint64_t failed = 0;
  std::vector<Clock::time_point> answered;
  std::thread thread;
};

bool look_up(vs_device* device, std::uint64_t i) {
  vs_dns_result_set* answer = nullptr;
  const std::string name = "many-2.n" + std::to_string(i) + ".test";
  if (vs_dns_resolve(device, name.c_str(), AF_INET, kPatienceMs, &answer) != 0) return false;
  const bool right = answer->result == VS_DNS_FOUND && answer->address_count == 2;
  vs_dns_free(answer);
  return right;
}

bool publish(vs_device* device, std::uint64_t i) {
  vs_channel_event event{};
  event.channel = "order.new";
  event.payload = &i;
  event.payload_bytes = sizeof i;
  return vs_channel_publish(device, &event, 1, kPatienceMs) == 1 && vs_channel_fsync(device, kPatienceMs) == 0;
}

void print(const char* what, std::vector<Milliseconds> values) {
  std::sort(values.begin(), values.end());
  const auto at = [&](double part) { return values[static_cast<std::size_t>(part * static_cast<double>(values.size() - 1))].count(); };
  std::printf("%-34s p50 %8.3f   p99 %8.3f   max %8.3f ms\n", what, at(0.5), at(0.99), at(1));
}

int run(int moves) {
  test::TwoNodes nodes;
  Program asking(nodes.home(), "dns"), publishing(nodes.home(), "pubsub");
  asking.begin(look_up);
  publishing.begin(publish);
  struct Moved {
    Clock::time_point begun, frozen, done;
  };
  std::vector<Moved> all;
  for (int i = 0; i < moves; ++i) {
    asking.work();
    publishing.work();
    Moved one{.begun = Clock::now(), .frozen = {}, .done = {}};
    const auto frozen = nodes.freeze();
    one.frozen = Clock::now();
    nodes.commit(frozen);
    one.done = Clock::now();
    all.push_back(one);
  }
  asking.work();
  publishing.work();
  asking.end();
  publishing.end();
  std::vector<Milliseconds> freezes, commits, lookups, events;
  for (const Moved& one : all) {
    freezes.emplace_back(one.frozen - one.begun);
    commits.emplace_back(one.done - one.frozen);
    lookups.push_back(asking.gap(one.begun, one.done));
    events.push_back(publishing.gap(one.begun, one.done));
  }
  std::printf("%d moves, 2 bindings, %zu lookups, %zu events, %llu wrong or refused\n", moves, asking.answered.size(),
              publishing.answered.size(), static_cast<unsigned long long>(asking.failed + publishing.failed));
  print("freeze and drain", freezes);
  print("stage, commit, configure both", commits);
  print("longest without a lookup", lookups);
  print("longest without an event accepted", events);
  return asking.failed + publishing.failed == 0 ? 0 : 1;
}

}  // namespace
}  // namespace vs

int main(int argc, char** argv) {
  vs::log::set_level(vs::log::Level::warn);
  const int moves = argc > 1 ? std::atoi(argv[1]) : 200;
  if (moves < 1) return 2;
  return vs::run(moves);
}
