// A nameserver that misbehaves as told, on a loopback port of its own; the real one is dnsmasq, in tests/integration.
//
// The first label of a name says what happens to questions for it:
//   host       10.1.2.3 and fd00::3             v4only, v6only   one family, the other has no data
//   alias      CNAME to host.<rest>              many-N           N addresses of each family (truncated over UDP)
//   nx         the name does not exist           servfail, formerr, refused   that answer
//   silent     no answer                         slow4            A is never answered, AAAA is
//   flaky-N    no answer to the first N queries of each family    garbage   an answer that is none
//   truncated  truncated over UDP, and TCP closes at once
// Reverse names: 3.2.1.10.in-addr.arpa has PTR host.test; all others do not exist.
//
// Runs in a thread of its own; all functions are thread-safe.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "base/guarded.h"
#include "base/unique_fd.h"

namespace vs::test {

class Nameserver {
 public:
  Nameserver();
  ~Nameserver();

  [[nodiscard]] std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
  [[nodiscard]] int queries() const { return queries_.load(); }
  // Source ports seen so far.
  [[nodiscard]] std::size_t source_ports() const;

 private:
  void run();
  void on_udp();
  void on_tcp();
  std::vector<std::uint8_t> answer(const std::uint8_t* query, std::size_t bytes, bool tcp);

  UniqueFd udp_;
  UniqueFd tcp_;
  UniqueFd stop_;
  std::uint16_t port_ = 0;
  std::atomic<int> queries_{0};
  Guarded<std::map<std::uint16_t, int>> ports_;
  std::map<std::string, int> asked_;  // the thread's
  std::thread thread_;
};

}  // namespace vs::test
