// Measures one case of publishing and subscribing between processes, and prints one line of JSON.
//
//   publish  bursts of events, as fast as the publisher can; what each cost until it was accepted, and the processor time of
//            publisher and node (or broker), and of a subscriber, for each event
//   deliver  one event at a time: how old it was when each subscriber had it
//   stream   as publish, in batches, for a while: events a second that the subscribers had
// While rings are replaced by others (renew_us), also how long the calls took in which that happened.
#include <fcntl.h>
#include <glob.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <map>
#include <new>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "tests/bench/pubsub/side.h"

namespace vs::bench {

void give_up(const std::string& why) {
  std::fprintf(stderr, "bench_pubsub: %s\n", why.c_str());
  std::_Exit(1);
}
void check(bool fine, const std::string& doing) {
  if (!fine) give_up(doing);
}

namespace {

constexpr std::size_t kGuestsMax = 64;
constexpr std::size_t kAgesMax = 4096;  // of one subscriber
constexpr std::chrono::seconds kSetupMax{10};
constexpr std::chrono::seconds kCatchUpMax{5};  // after the last event
constexpr std::chrono::microseconds kPace{300};  // between events that are delivered one at a time
constexpr std::size_t kBurstBytesMax = 8 << 20;  // of what may wait for a subscriber

std::uint64_t now_ns() {
  return static_cast<std::uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count());
}

// Leaves the core to the others.
void pause_for(std::chrono::nanoseconds time) {
  const timespec wanted{.tv_sec = time.count() / 1'000'000'000, .tv_nsec = time.count() % 1'000'000'000};
  (void)::ppoll(nullptr, 0, &wanted, nullptr);
}

// In memory that all processes share; each subscriber writes its own.
struct Seen {
  std::atomic<bool> ready;
  std::atomic<std::uint64_t> newest;  // number of the event that came last
  std::atomic<std::uint64_t> events;
  std::atomic<std::uint64_t> missed;
  std::uint64_t disordered;  // that came out of order, or twice
  std::uint64_t renewals;
  std::size_t pauses;        // calls in which the rings were replaced by others
  std::array<std::uint64_t, kAgesMax> pause_ns;
  std::uint64_t cpu_ns;
  std::size_t ages;
  std::array<std::uint64_t, kAgesMax> age_ns;
};
struct Board {
  std::atomic<bool> over;
  std::atomic<bool> measures;
  std::array<Seen, kGuestsMax> seen;
};

void enter_namespace(const PubsubOptions& options, std::size_t number) {
  if (!options.namespaces) return;
  const int fd = ::open(("/run/netns/guest" + std::to_string(number)).c_str(), O_RDONLY | O_CLOEXEC);
  check(fd >= 0 && ::setns(fd, CLONE_NEWNET) == 0, "enter guest " + std::to_string(number) + "'s namespace");
  ::close(fd);
}

std::uint64_t own_cpu_ns() {
  timespec used;
  check(::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used) == 0, "clock_gettime");
  return static_cast<std::uint64_t>(used.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(used.tv_nsec);
}
// Of all threads of another process.
std::uint64_t cpu_ns_of(int process) {
  if (process < 0) return 0;
  glob_t found{};
  std::uint64_t sum = 0;
  ::glob(("/proc/" + std::to_string(process) + "/task/*/schedstat").c_str(), 0, nullptr, &found);
  for (std::size_t i = 0; i < found.gl_pathc; ++i) {
    std::uint64_t used = 0;
    std::ifstream(found.gl_pathv[i]) >> used;
    sum += used;
  }
  ::globfree(&found);
  return sum;
}

void subscribe(const PubsubOptions& options, const Peer& peer, std::size_t number, Board& board) {
  enter_namespace(options, number + 1);
  Seen& seen = board.seen[number];
  auto subscriber = peer.subscriber(number + 1);
  seen.ready = true;
  bool measured = false;
  std::uint64_t cpu_before = 0;
  std::uint64_t renewals = 0, last = 0;
  while (!board.over) {
    const std::uint64_t before = now_ns();
    const auto event = subscriber->receive();
    if (const std::uint64_t now = subscriber->renewals(); std::exchange(renewals, now) != now && event && seen.pauses < kAgesMax)
      seen.pause_ns[seen.pauses++] = now_ns() - before;
    seen.renewals = renewals;
    if (!event) continue;
    if (!measured && board.measures) {
      measured = true;
      cpu_before = own_cpu_ns();
    }
    std::array<std::uint64_t, 2> head;
    std::memcpy(head.data(), event->payload.data(), sizeof head);
    if (board.measures && seen.ages < kAgesMax) seen.age_ns[seen.ages++] = now_ns() - head[1];
    seen.missed += event->missed;
    if (head[0] != std::exchange(last, head[0]) + 1 + event->missed) ++seen.disordered;
    ++seen.events;
    seen.cpu_ns = measured ? own_cpu_ns() - cpu_before : 0;
    seen.newest.store(head[0], std::memory_order_release);
  }
  subscriber.reset();
  std::_Exit(0);
}

class Run {
 public:
  Run(const PubsubOptions& options, Board& board, Publisher& publisher)
      : options_(options), board_(board), publisher_(publisher), payload_(options.payload_bytes, std::byte{'x'}) {}

  void publish(std::size_t count) {
    const std::uint64_t before = now_ns();
    publish_now(count);
    if (const std::uint64_t now = publisher_.renewals(); std::exchange(renewals_, now) != now) pauses_.push_back(now_ns() - before);
  }
  [[nodiscard]] std::vector<std::uint64_t>& pauses() { return pauses_; }
  [[nodiscard]] std::uint64_t renewals() const { return renewals_; }
  void publish_now(std::size_t count) {
    publisher_.publish(payload_, count, [this](std::byte* payload) {
      const std::array<std::uint64_t, 2> head{++number_, now_ns()};
      std::memcpy(payload, head.data(), sizeof head);
    });
  }
  // Until each subscriber has the newest event, or what it missed is lost for good.
  bool caught_up(std::chrono::nanoseconds patience) const {
    const auto until = std::chrono::steady_clock::now() + patience;
    for (std::size_t i = 0; i < options_.guests; ++i)
      while (board_.seen[i].newest.load(std::memory_order_acquire) < number_) {
        if (std::chrono::steady_clock::now() > until) return false;
        pause_for(std::chrono::microseconds(50));
      }
    return true;
  }
  Publisher& publisher() { return publisher_; }

 private:
  const PubsubOptions& options_;
  Board& board_;
  Publisher& publisher_;
  std::vector<std::byte> payload_;
  std::uint64_t number_ = 0;
  std::uint64_t renewals_ = 0;
  std::vector<std::uint64_t> pauses_;
};

std::uint64_t percentile(std::vector<std::uint64_t>& values, double part) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  return values[std::min(values.size() - 1, static_cast<std::size_t>(part * static_cast<double>(values.size())))];
}

nlohmann::json measure(const PubsubOptions& options, const Peer& peer, Board& board) {
  const int node = peer.start();
  const int server = node >= 0 ? node : options.server;
  const pid_t parent = ::getpid();
  std::vector<pid_t> children;
  for (std::size_t i = 0; i < options.guests; ++i) {
    const pid_t child = ::fork();
    check(child >= 0, "fork");
    if (child == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      if (::getppid() != parent) std::_Exit(1);
      subscribe(options, peer, i, board);
    }
    children.push_back(child);
  }
  enter_namespace(options, options.guests + 1);
  const auto publisher = peer.publisher();
  const auto setup_until = std::chrono::steady_clock::now() + kSetupMax;
  for (std::size_t i = 0; i < options.guests; ++i)
    while (!board.seen[i].ready) {
      check(std::chrono::steady_clock::now() < setup_until, "a subscriber is not ready");
      pause_for(std::chrono::milliseconds(1));
    }
  Run run(options, board, *publisher);
  std::uint64_t unmeasured = 1;
  run.publish(1);
  publisher->flush();
  check(run.caught_up(kSetupMax), "the first event does not arrive");
  // What a subscriber may fall behind is bounded, so that nothing is lost of what is measured.
  const std::size_t burst = std::clamp<std::size_t>(kBurstBytesMax / options.payload_bytes, 1, options.events);

  const std::uint64_t settled = now_ns() + static_cast<std::uint64_t>(options.settle * 1e9);
  const bool deliver = options.name == "deliver";
  while (now_ns() < settled) {
    const std::size_t count = deliver ? 1 : burst;
    for (std::size_t sent = 0; sent < count; sent += options.batch) run.publish(std::min(options.batch, count - sent));
    publisher->flush();
    check(run.caught_up(kCatchUpMax), "events do not arrive");
    if (deliver) pause_for(kPace);
    unmeasured += count;
  }
  board.measures = true;
  const std::uint64_t began = now_ns(), cpu_began = own_cpu_ns(), server_began = cpu_ns_of(server);
  const auto until = began + static_cast<std::uint64_t>(options.seconds * 1e9);
  std::vector<std::uint64_t> costs;
  std::uint64_t events = 0, publishing_ns = 0;
  do {
    const std::uint64_t before = now_ns();
    if (deliver) {
      run.publish(1);
      publisher->flush();
      costs.push_back(now_ns() - before);
      ++events;
      check(run.caught_up(kCatchUpMax), "an event does not arrive");
      pause_for(kPace);
      continue;
    }
    for (std::size_t sent = 0; sent < burst; sent += options.batch) run.publish(std::min(options.batch, burst - sent));
    publisher->flush();
    const std::uint64_t took = now_ns() - before;
    publishing_ns += took;
    costs.push_back(took / burst);
    events += burst;
    check(run.caught_up(kCatchUpMax), "events do not arrive");
  } while (now_ns() < until);
  const std::uint64_t took = now_ns() - began;
  const std::uint64_t publisher_cpu = own_cpu_ns() - cpu_began, server_cpu = cpu_ns_of(server) - server_began;
  board.over = true;
  for (const pid_t child : children) {
    int status = 0;
    check(::waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0, "a subscriber failed");
  }
  std::vector<std::uint64_t> ages, pauses = run.pauses();
  std::uint64_t disordered = 0, renewals = run.renewals();
  std::uint64_t received = 0, missed = 0, subscriber_cpu = 0;
  for (std::size_t i = 0; i < options.guests; ++i) {
    const Seen& seen = board.seen[i];
    ages.insert(ages.end(), seen.age_ns.begin(), seen.age_ns.begin() + static_cast<std::ptrdiff_t>(seen.ages));
    pauses.insert(pauses.end(), seen.pause_ns.begin(), seen.pause_ns.begin() + static_cast<std::ptrdiff_t>(seen.pauses));
    disordered += seen.disordered;
    renewals += seen.renewals;
    received += seen.events - unmeasured;
    missed += seen.missed;
    subscriber_cpu += seen.cpu_ns;
  }
  const auto us = [](std::uint64_t ns) { return static_cast<double>(ns) / 1000; };
  const auto each = [](std::uint64_t sum, std::uint64_t count) { return count == 0 ? 0.0 : static_cast<double>(sum) / static_cast<double>(count); };
  std::vector<std::uint64_t>& shown = deliver ? ages : costs;
  nlohmann::json out{{"p50", us(percentile(shown, 0.5))},
                     {"p99", us(percentile(shown, 0.99))},
                     {"max", us(percentile(shown, 1))},
                     {"cpu_us", each(publisher_cpu + server_cpu, events) / 1000},
                     {"subscriber_cpu_us", each(subscriber_cpu, received) / 1000},
                     {"events_per_s", each(received, options.guests) * 1e9 / static_cast<double>(took)},
                     {"events", events},
                     {"missed", missed},
                     {"disordered", disordered},
                     {"renewals", renewals},
                     {"pause_p50_us", us(percentile(pauses, 0.5))},
                     {"pause_p99_us", us(percentile(pauses, 0.99))},
                     {"not_received", events * options.guests - received}};
  if (node >= 0) {
    ::kill(node, SIGKILL);
    ::waitpid(node, nullptr, 0);
  }
  return out;
}

PubsubOptions parse(int count, char** words) {
  PubsubOptions options;
  std::map<std::string, std::string> given;
  for (int i = 1; i < count; ++i) {
    const std::string word = words[i];
    const std::size_t is = word.find('=');
    check(is != std::string::npos, word + ": not KEY=VALUE");
    given[word.substr(0, is)] = word.substr(is + 1);
  }
  const auto number = [&](const char* key, std::size_t& into) {
    if (const auto found = given.find(key); found != given.end()) into = std::strtoull(found->second.c_str(), nullptr, 10);
  };
  const auto text = [&](const char* key, std::string& into) {
    if (const auto found = given.find(key); found != given.end()) into = found->second;
  };
  std::size_t server = 0, port = 0, namespaces = 0;
  text("peer", options.peer);
  text("case", options.name);
  text("scratch", options.scratch);
  text("address", options.address);
  text("wait", options.wait);
  text("tune", options.tune);
  text("sharing", options.sharing);
  number("renew_us", options.renew_us);
  number("guests", options.guests);
  number("payload", options.payload_bytes);
  number("events", options.events);
  number("batch", options.batch);
  number("ring", options.ring_bytes);
  number("server", server);
  number("port", port);
  number("namespaces", namespaces);
  const auto seconds = [&](const char* key, double& into) {
    if (const auto found = given.find(key); found != given.end()) into = std::strtod(found->second.c_str(), nullptr);
  };
  seconds("seconds", options.seconds);
  seconds("settle", options.settle);
  if (server != 0) options.server = static_cast<int>(server);
  options.port = static_cast<int>(port);
  options.namespaces = namespaces != 0;
  check(options.guests >= 1 && options.guests <= kGuestsMax && options.payload_bytes >= kHeadBytes && options.batch >= 1 && options.events >= 1,
        "guests, payload, batch or events out of range");
  return options;
}

Peer peer_named(const PubsubOptions& options) {
  if (options.peer == "vservices") return vservices(options);
  if (options.peer == "zeromq") return zeromq(options);
  if (options.peer == "nats" || options.peer == "naive") return nats(options);
  if (options.peer == "iceoryx") return iceoryx(options);
  if (options.peer == "mosquitto") return mqtt(options);
  give_up("peer " + options.peer + ": not known");
}

}  // namespace
}  // namespace vs::bench

int main(int count, char** words) {
  using namespace vs::bench;
  const PubsubOptions options = parse(count, words);
  void* memory = ::mmap(nullptr, sizeof(Board), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  check(memory != MAP_FAILED, "mmap");
  std::puts(measure(options, peer_named(options), *new (memory) Board{}).dump().c_str());
  return 0;
}
