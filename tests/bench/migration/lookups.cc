#include <arpa/inet.h>
#include <netdb.h>
#include <sys/socket.h>

#include <cstring>

#include "tests/bench/migration/load.h"

extern "C" {
#include "dataplane/abi/dns.h"
#include "dataplane/client/vservice.h"
}

namespace vs::bench {
namespace {

constexpr std::uint8_t kNetwork[3] = {198, 51, 100};

std::string name_of(std::size_t number) { return "h" + std::to_string(number) + ".bench.example"; }

bool is_address(const void* bytes, std::size_t number) {
  std::uint8_t address[4];
  std::memcpy(address, bytes, sizeof address);
  return std::memcmp(address, kNetwork, sizeof kNetwork) == 0 && address[3] == number;
}

}  // namespace

Lookup through_devices(const std::vector<std::string>& devices) {
  auto opened = std::make_shared<std::vector<vs_device*>>();
  for (const std::string& name : devices) {
    vs_device* device = nullptr;
    check(vs_open(name.c_str(), "dns", kPatienceMs, &device) == 0, "open " + name);
    opened->push_back(device);
  }
  return [opened, turn = std::size_t{0}](std::size_t number) mutable {
    vs_dns_result_set* answer = nullptr;
    vs_device* device = (*opened)[turn++ % opened->size()];
    if (vs_dns_resolve(device, name_of(number).c_str(), AF_INET, kPatienceMs, &answer) != 0) return Found::missing;
    const bool right = answer->result == VS_DNS_FOUND && answer->address_count == 1 && is_address(answer->addresses[0].bytes, number);
    vs_dns_free(answer);
    return right ? Found::right : Found::wrong;
  };
}

Lookup through_glibc() {
  return [](std::size_t number) {
    addrinfo hints{};
    hints.ai_family = AF_INET;
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    if (::getaddrinfo(name_of(number).c_str(), nullptr, &hints, &found) != 0) return Found::missing;
    const bool right = found->ai_next == nullptr && is_address(&reinterpret_cast<sockaddr_in*>(found->ai_addr)->sin_addr, number);
    ::freeaddrinfo(found);
    return right ? Found::right : Found::wrong;
  };
}

int run_lookups(const Lookup& lookup) {
  std::vector<Late> all;
  std::size_t wrong = 0, missing = 0;
  check(lookup(1) == Found::right, "the first lookup");
  say("ready");
  std::int64_t due = now_ns();
  for (std::size_t i = 0; !told_to_end(); ++i, due += kTickNs) {
    sleep_until(due);
    const Found found = lookup(1 + i % kAddresses);
    wrong += found == Found::wrong ? 1 : 0;
    missing += found == Found::missing ? 1 : 0;
    all.push_back({due, now_ns() - due});
  }
  print(all);
  std::printf("%zu %zu %zu\n", all.size(), wrong, missing);
  return 0;
}

}  // namespace vs::bench
