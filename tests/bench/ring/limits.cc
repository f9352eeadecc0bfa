// What the machine allows: the primitives that every link is made of, between two processes, with nothing around them.
//
//   limit.cache_line      round trip of one word in a cache line that both write, both looking all the time
//   limit.futex           round trip, both asleep in between
//   limit.eventfd         the same with a pair of eventfds
//   limit.unix_seqpacket  the same with a message of `payload` bytes over a pair of sockets
//   limit.memcpy          copying `payload` bytes: cores=same from private memory, cores=two what the other core just wrote
#include <linux/futex.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <vector>

#include "tests/bench/ring/pair.h"
#include "tests/bench/ring/report.h"

namespace vs::bench {
namespace {

constexpr std::uint32_t kStop = UINT32_MAX;
constexpr std::size_t kSampleBytes = 64 << 10;

// Memory that both processes have. The words lie apart, so that only limit.cache_line shares a line.
struct Shared {
  alignas(128) std::atomic<std::uint32_t> there;
  alignas(128) std::atomic<std::uint32_t> back;
  alignas(4096) std::array<char, kPayloadBytesMax> data;
};

Shared& make_shared_memory() {
  void* memory = ::mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
  must(memory != MAP_FAILED, "map shared memory");
  return *new (memory) Shared;
}

// Calls once(n) with n = 1, 2, ... until the time is up, and notes how long each took; tells by once(kStop) that it is over.
template <class Once>
void measure(const Options& options, Report& report, const Once& once) {
  const TickScale scale;
  std::uint32_t n = 0;
  const auto warm = std::chrono::steady_clock::now() + options.time / 5;
  do once(++n);
  while (std::chrono::steady_clock::now() < warm);
  report.begin();
  const std::uint64_t last = report.begun + scale.count(options.time);
  std::uint64_t messages = 0;
  for (std::uint64_t before = ticks(), after = 0; before < last && messages < kSamplesMax; before = after, ++messages) {
    once(++n);
    after = ticks();
    report.add(after - before);
  }
  report.end(messages);
  once(kStop);
}

// A side's half of a round trip: both take turns in `word`.
struct LineTurn {
  std::atomic<std::uint32_t>& word;
  void say(std::uint32_t n) { word.store(n, std::memory_order_release); }
  std::uint32_t hear(std::uint32_t other_than) {
    for (;;) {
      const std::uint32_t seen = word.load(std::memory_order_acquire);
      if (seen != other_than) return seen;
      pause();
    }
  }
};

void futex(std::atomic<std::uint32_t>& word, int operation, std::uint32_t value) {
  ::syscall(SYS_futex, &word, operation, value, nullptr, nullptr, 0);
}

struct FutexTurn {
  std::atomic<std::uint32_t>& own;
  std::atomic<std::uint32_t>& peer;
  std::uint32_t heard = 0;
  void say(std::uint32_t n) {
    own.store(n, std::memory_order_release);
    futex(own, FUTEX_WAKE, 1);
  }
  std::uint32_t hear() {
    while (peer.load(std::memory_order_acquire) == heard) futex(peer, FUTEX_WAIT, heard);
    return heard = peer.load(std::memory_order_acquire);
  }
};

struct EventTurn {
  int own;
  int peer;
  void say(std::uint32_t n) {
    const std::uint64_t value = n;
    must(::write(own, &value, sizeof value) == sizeof value, "write eventfd");
  }
  std::uint32_t hear() {
    std::uint64_t value = 0;
    must(::read(peer, &value, sizeof value) == sizeof value, "read eventfd");
    return static_cast<std::uint32_t>(value);
  }
};

struct SocketTurn {
  int socket;
  std::vector<char> message;
  void say(std::uint32_t n) {
    std::memcpy(message.data(), &n, sizeof n);
    must(::send(socket, message.data(), message.size(), MSG_NOSIGNAL) > 0, "send");
  }
  std::uint32_t hear() {
    must(::recv(socket, message.data(), message.size(), 0) > 0, "recv");
    std::uint32_t n = 0;
    std::memcpy(&n, message.data(), sizeof n);
    return n;
  }
};

// Round trips of turns: `make(side)` makes a side's.
template <class Make>
const Reports& round_trips(const Options& options, const Make& make) {
  const auto near = [&](Gate& gate, Report& report) {
    auto turn = make(0);
    gate.meet();
    measure(options, report, [&](std::uint32_t n) {
      turn.say(n);
      if (turn.hear() != n) die("an answer to what was not asked");
    });
  };
  const auto far = [&](Gate& gate, Report& report) {
    auto turn = make(1);
    report.begin();
    gate.meet();
    for (std::uint64_t messages = 0;; ++messages) {
      const std::uint32_t n = turn.hear();
      turn.say(n);
      if (n == kStop) return report.end(messages);
    }
  };
  return run_pair(options, near, far);
}

// Of one line both sides are writers: a question is odd, its answer even.
const Reports& cache_line(const Options& options, Shared& shared) {
  if (options.cores == Cores::same) die("limit.cache_line needs two cores");
  const auto near = [&](Gate& gate, Report& report) {
    LineTurn turn{shared.there};
    gate.meet();
    measure(options, report, [&](std::uint32_t n) {
      const std::uint32_t asked = n == kStop ? kStop : 2 * n - 1;
      turn.say(asked);
      turn.hear(asked);
    });
  };
  const auto far = [&](Gate& gate, Report& report) {
    LineTurn turn{shared.there};
    report.begin();
    gate.meet();
    std::uint32_t answered = 0;
    for (std::uint64_t messages = 0;; ++messages) {
      const std::uint32_t asked = turn.hear(answered);
      answered = asked + 1;  // of kStop: 0
      turn.say(answered);
      if (asked == kStop) return report.end(messages);
    }
  };
  return run_pair(options, near, far);
}

const Reports& copies(const Options& options, Shared& shared) {
  const bool cross = options.cores == Cores::two;
  const auto near = [&](Gate& gate, Report& report) {
    std::vector<char> own(options.payload_bytes, 'm');
    std::vector<char> into(options.payload_bytes);
    LineTurn turn{shared.there};
    gate.meet();
    // The clock is too coarse for a short copy; what comes from the other core can be had only once.
    const std::size_t copies_a_sample = cross ? 1 : std::max<std::size_t>(1, kSampleBytes / options.payload_bytes);
    std::uint32_t n = 0;
    std::uint64_t copying = 0;
    report.begin();
    std::uint64_t messages = 0;
    const auto last = std::chrono::steady_clock::now() + options.time;
    do {
      if (cross) {
        turn.say(++n);  // the other side writes
        n = turn.hear(n);
      }
      const char* from = cross ? shared.data.data() : own.data();
      const std::uint64_t before = ordered_ticks();
      for (std::size_t i = 0; i < copies_a_sample; ++i) {
        std::memcpy(into.data(), from, options.payload_bytes);
        asm volatile("" : : "r"(into.data()) : "memory");
      }
      const std::uint64_t took = ordered_ticks() - before;
      copying += took;
      report.add(took / copies_a_sample);
      messages += copies_a_sample;
    } while (std::chrono::steady_clock::now() < last);
    report.end(messages);
    report.ended = report.begun + copying;  // the rate is that of copying alone
    if (cross) turn.say(kStop);
  };
  const auto far = [&](Gate& gate, Report& report) {
    LineTurn turn{shared.there};
    report.begin();
    gate.meet();
    for (std::uint32_t heard = 0; cross;) {
      heard = turn.hear(heard);
      if (heard == kStop) break;
      std::memset(shared.data.data(), static_cast<int>(heard), options.payload_bytes);
      turn.say(++heard);
    }
    report.end(0);
  };
  return run_pair(options, near, far);
}

const Reports& run(const Options& options, Shared& shared) {
  if (options.name == "limit.cache_line") return cache_line(options, shared);
  if (options.name == "limit.memcpy") return copies(options, shared);
  if (options.name == "limit.futex")
    return round_trips(options, [&](int side) {
      return side == 0 ? FutexTurn{shared.there, shared.back} : FutexTurn{shared.back, shared.there};
    });
  std::array<int, 2> ends{};
  if (options.name == "limit.eventfd") {
    ends = {::eventfd(0, EFD_CLOEXEC), ::eventfd(0, EFD_CLOEXEC)};
    must(ends[0] >= 0 && ends[1] >= 0, "eventfd");
    return round_trips(options, [&](int side) { return EventTurn{ends[side], ends[1 - side]}; });
  }
  if (options.name != "limit.unix_seqpacket") die("what is the case '" + options.name + "'?");
  must(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) == 0, "socketpair");
  return round_trips(options, [&](int side) { return SocketTurn{ends[side], std::vector<char>(options.payload_bytes)}; });
}

}  // namespace
}  // namespace vs::bench

int main(int count, char** words) {
  using namespace vs::bench;
  const Options options = parse(count, words);
  const TickScale scale;
  auto& reports = const_cast<Reports&>(run(options, make_shared_memory()));
  print(options, scale, reports.near, reports.far);
  return 0;
}
