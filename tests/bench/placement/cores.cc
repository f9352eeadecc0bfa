// The paper's Table 3: a guest on the core of its loop, and on another, for DNS, publish and subscribe.
#include "tests/bench/placement/cores.h"

#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/check.h"
#include "base/event_loop.h"
#include "base/log.h"
#include "dataplane/backend/shards.h"
#include "dataplane/services/dns/dns_service.h"
#include "dataplane/services/pubsub/pubsub_service.h"
#include "dataplane/transport/local/local_transport.h"
#include "tests/fakes/nameserver.h"
#include "tests/temporary_directory.h"

extern "C" {
#include "dataplane/client/vservice.h"
}

namespace vs::bench {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kPatienceMs = 20'000;
constexpr int kLookups = 1000;      // as in the paper
constexpr int kEvents = 20'000;
constexpr int kEventsWaiting = 2000;  // of a subscriber, before it begins to take them
constexpr std::size_t kEventBytes = 4096;  // the same
constexpr std::uint32_t kGuestCpu = 0;

void run_on(std::uint32_t cpu) {
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(cpu, &one);
  VS_CHECK(::sched_setaffinity(0, sizeof one, &one) == 0);
}

// A process of its own, which ends with us.
template <class Work>
pid_t in_process(Work work) {
  const pid_t parent = ::getpid();
  const pid_t process = ::fork();
  VS_CHECK(process >= 0);
  if (process != 0) return process;
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() == parent) work();
  _exit(0);
}

// Serves a kind by one loop on `cpu`.
void serve(const std::string& kind, const std::filesystem::path& directory, std::uint32_t cpu, const nlohmann::json& parameters, int ready) {
  log::set_level(log::Level::warn);
  EventLoop control;
  const Shards::MakeService make = [&](EventLoop& loop) -> std::unique_ptr<Service> {
    if (kind == "dns") return std::make_unique<dns::DnsService>(loop);
    return std::make_unique<pubsub::PubsubService>(loop);
  };
  Shards shards(control, kind, 1, make, [&] { return std::make_unique<LocalTransport>(directory); });
  control::Configure configure{.number = 1, .services = {{kind, parameters}}};
  for (const char* guest : {"guest", "other"}) {
    configure.bindings.push_back({std::string(guest) + "-bus", guest, kind, kind, true});
    configure.bindings.back().loop = 0;
    configure.bindings.back().terms.request_bytes = 64 << 10;  // as in the paper
  }
  configure.loops = {{.number = 0, .cpus = {cpu}, .with_guests = cpu == kGuestCpu}};
  shards.configure(configure, [&](const control::Applied& applied) {
    VS_CHECK(applied.problems.empty() && ::write(ready, "r", 1) == 1);
  });
  control.run();
}

class Node {
 public:
  Node(const std::string& kind, std::uint32_t cpu, const nlohmann::json& parameters = nlohmann::json::object()) : kind_(kind) {
    int ready[2];
    VS_CHECK(::pipe(ready) == 0);
    process_ = in_process([&] { serve(kind, directory_.path(), cpu, parameters, ready[1]); });
    char byte;
    VS_CHECK(::read(ready[0], &byte, 1) == 1);
    ::close(ready[0]);
    ::close(ready[1]);
  }
  ~Node() { ::kill(process_, SIGKILL); }

  vs_device* open(const char* guest) const {
    ::setenv("VSERVICE_DIRECTORY", (directory_.path() / guest).c_str(), 1);
    vs_device* device = nullptr;
    VS_CHECK(vs_open(kind_.c_str(), kind_.c_str(), kPatienceMs, &device) == 0);
    return device;
  }

 private:
  std::string kind_;
  test::TemporaryDirectory directory_;
  pid_t process_ = 0;
};

double us_each(Clock::time_point begun, int count) {
  return std::chrono::duration<double, std::micro>(Clock::now() - begun).count() / count;
}

double dns_us(std::uint32_t cpu, const std::string& nameserver) {
  const Node node("dns", cpu, {{"nameservers", nlohmann::json::array({nameserver})}});
  vs_device* device = node.open("guest");
  Clock::time_point begun;
  for (int i = -50; i < kLookups; ++i) {
    if (i == 0) begun = Clock::now();
    vs_dns_result_set* answer = nullptr;
    const std::string name = "host.n" + std::to_string(i + 50) + ".test";
    VS_CHECK(vs_dns_resolve(device, name.c_str(), AF_INET, kPatienceMs, &answer) == 0);
    vs_dns_free(answer);
  }
  const double us = us_each(begun, kLookups);
  vs_close(device);
  return us;
}

void publish(vs_device* device, int count) {
  const std::vector<char> payload(kEventBytes, 'x');
  vs_channel_event event{};
  event.channel = "bench";
  event.payload = payload.data();
  event.payload_bytes = payload.size();
  for (int i = 0; i < count; ++i) VS_CHECK(vs_channel_publish(device, &event, 1, kPatienceMs) == 1);
  VS_CHECK(vs_channel_fsync(device, kPatienceMs) == 0);
}

double publish_us(std::uint32_t cpu) {
  const Node node("pubsub", cpu);
  vs_device* device = node.open("guest");
  publish(device, 500);
  const auto begun = Clock::now();
  publish(device, kEvents);
  const double us = us_each(begun, kEvents);
  vs_close(device);
  return us;
}

// The publisher is a guest without a core of its own; what counts is how fast the subscriber takes events that wait.
double subscribe_us(std::uint32_t cpu) {
  const Node node("pubsub", cpu);
  vs_device* device = node.open("guest");
  const vs_channel_options options{.pattern = "bench", .filter = nullptr, .events_max = 65'536, .bytes_max = 16 << 20, .overflow = 0, .retained = 0};
  vs_channel_subscription* subscription = nullptr;
  VS_CHECK(vs_channel_subscribe(device, &options, kPatienceMs, &subscription) == 0);
  vs_device* publisher = node.open("other");
  Clock::duration took{};
  for (int round = 0; round < kEvents / kEventsWaiting; ++round) {
    publish(publisher, kEventsWaiting);
    const auto begun = Clock::now();
    for (int taken = 0; taken < kEventsWaiting; ++taken) {
      const vs_channel_event* event = nullptr;
      VS_CHECK(vs_channel_receive(subscription, kPatienceMs, &event) == 1 && event->missed == 0);
    }
    took += Clock::now() - begun;
  }
  const double us = std::chrono::duration<double, std::micro>(took).count() / kEvents;
  vs_close(publisher);
  vs_close(device);
  return us;
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

}  // namespace

int cores(int rounds) {
  cpu_set_t usable;
  VS_CHECK(::sched_getaffinity(0, sizeof usable, &usable) == 0);
  if (!CPU_ISSET(0, &usable) || !CPU_ISSET(1, &usable)) {
    std::fprintf(stderr, "bench_placement: needs CPUs 0 and 1\n");
    return 2;
  }
  const test::Nameserver nameserver;
  run_on(kGuestCpu);
  struct Row {
    const char* name;
    std::vector<double> same, other;
  };
  std::vector<Row> rows{{"dns", {}, {}}, {"publish", {}, {}}, {"subscribe", {}, {}}};
  for (int round = 0; round < rounds; ++round)
    for (const std::uint32_t cpu : {0U, 1U}) {
      const auto add = [&](Row& row, double us) { (cpu == kGuestCpu ? row.same : row.other).push_back(us); };
      add(rows[0], dns_us(cpu, nameserver.address()));
      add(rows[1], publish_us(cpu));
      add(rows[2], subscribe_us(cpu));
    }
  std::printf("{");
  for (const Row& row : rows)
    std::printf("%s\"%s\": {\"same_us\": %.2f, \"other_us\": %.2f}", &row == rows.data() ? "" : ", ", row.name, median(row.same), median(row.other));
  std::printf("}\n");
  return 0;
}

}  // namespace vs::bench
