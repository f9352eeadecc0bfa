// A program of the guest. Says "ready" when it was answered the first time, and goes on until its standard input ends; then prints how
// late the slowest of each millisecond was, as "DUE LATE" in nanoseconds, and last a line of counts.
//
//   lookups devices NAME...      1,000 lookups a second by libvservice, the devices in turn. Counts: all, wrong, missing
//   lookups glibc                the same by getaddrinfo
//   events COUNT devices NAME... COUNT events a millisecond, the devices in turn; the last one receives them.
//                                Counts: accepted, lost, unmarked, marked, missed
//   events COUNT nats URL...     the same by NATS
#include <cstring>

#include "tests/bench/migration/load.h"

namespace vs::bench {
namespace {

constexpr long kEventsMax = 1000;

int usage() {
  std::fputs("usage: bench_migration lookups devices NAME... | lookups glibc\n"
             "       bench_migration events COUNT devices NAME NAME... | events COUNT nats URL...\n", stderr);
  return 2;
}

int run(const std::vector<std::string>& words) {
  const auto from = [&](std::ptrdiff_t first) { return std::vector<std::string>(words.begin() + first, words.end()); };
  if (words.size() >= 3 && words[0] == "lookups" && words[1] == "devices") return run_lookups(through_devices(from(2)));
  if (words.size() == 2 && words[0] == "lookups" && words[1] == "glibc") return run_lookups(through_glibc());
  if (words.size() < 4 || words[0] != "events") return usage();
  const long count = std::strtol(words[1].c_str(), nullptr, 10);
  if (count < 1 || count > kEventsMax) return usage();
  std::unique_ptr<Bus> bus;
  if (words[2] == "devices" && words.size() >= 5) bus = bus_of_devices(from(3));
  if (words[2] == "nats") bus = bus_of_nats(from(3));
  return bus ? run_events(*bus, static_cast<std::size_t>(count)) : usage();
}

}  // namespace
}  // namespace vs::bench

int main(int argc, char** argv) { return vs::bench::run(std::vector<std::string>(argv + 1, argv + argc)); }
