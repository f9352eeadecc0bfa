// bench_sched CASE [KEY=VALUE...]: measures once, and prints one line of JSON. run by tests/bench/sched.py.
//
//   share    guests= mixed=0|1 seconds=   floods beside each other: how much each got
//   victim   hostile=0|1 calls= bytes=    one that asks now and then: its latencies, alone or beside a flood
//   limit    rate= burst= seconds=        a flood with a rate
//   promise  flooders= objective_us= calls=  a guaranteed one that asks, alone or beside best effort that each could fill the loop
//   sessions count=                       opens so many sessions of 64 KiB
#include <unistd.h>

#include <cstdio>
#include <map>
#include <memory>
#include <string>

#include "tests/bench/sched/guest.h"
#include "tests/bench/sched/node.h"

namespace {

using nlohmann::json;
using vs::bench::Guest;
using vs::bench::Node;
using Values = std::map<std::string, double>;

inline constexpr std::chrono::nanoseconds kServiceTime{5000};  // a service that does something, so that serving is what is short

std::string domain(int number) { return "d" + std::to_string(number); }

json share(const Values& values) {
  const int guests = static_cast<int>(values.at("guests"));
  const bool mixed = values.at("mixed") != 0;
  vs::bench::NodeOptions options{.loops = 1, .service_time = kServiceTime};
  // Rings that hold milliseconds of work: a guest that waits for its core must not seem to want nothing.
  for (int i = 0; i < guests; ++i)
    options.bindings.push_back(
        vs::bench::binding_of(domain(i), {.request_bytes = 1 << 20, .response_bytes = 4 << 20}));
  Node node(options);
  const std::chrono::milliseconds time(static_cast<int>(values.at("seconds") * 1000));
  std::vector<std::unique_ptr<Guest>> running;
  for (int i = 0; i < guests; ++i)
    running.push_back(std::make_unique<Guest>([&, i] {
      return vs::bench::flood({.socket = node.socket(domain(i)),
                               .request_bytes = mixed && i % 2 == 0 ? 3000u : 64u,
                               .window = 300,
                               .time = time});
    }));
  json answers = json::array();
  for (const auto& guest : running) answers.push_back(guest->result()["per_s"]);
  json cpu = json::array();
  for (int i = 0; i < guests; ++i) cpu.push_back(node.live(domain(i))["cpuMs"]);
  return {{"per_s", answers}, {"cpu_ms", cpu}};
}

json victim(const Values& values) {
  Node node({.loops = 1,
             .service_time = kServiceTime,
             .bindings = {vs::bench::binding_of("victim"), vs::bench::binding_of("hostile")}});
  std::unique_ptr<Guest> hostile;
  if (values.at("hostile") != 0)
    hostile = std::make_unique<Guest>([&] {
      return vs::bench::flood({.socket = node.socket("hostile"),
                               .request_bytes = static_cast<std::uint32_t>(values.at("bytes")),
                               .window = 64,
                               .time = std::chrono::hours(1)});
    });
  Guest asking([&] { return vs::bench::ask({.socket = node.socket("victim"), .calls = static_cast<int>(values.at("calls"))}); });
  json told = asking.result();
  told["node_p99_us"] = node.live("victim")["latency"]["total"]["p99Us"];  // its requests', without its own waiting for a core
  return told;
}

json limit(const Values& values) {
  const auto rate = static_cast<std::uint64_t>(values.at("rate"));
  const auto burst = static_cast<std::uint64_t>(values.at("burst"));
  // 20 ms of requests at the highest rate: the limit is what the guest waits for, not its own core.
  const vs::control::Terms terms{
      .request_bytes = 4 << 20, .response_bytes = 16 << 20, .rate_per_s = rate, .burst = burst};
  Node node({.loops = 1, .bindings = {vs::bench::binding_of("d0", terms)}});
  Guest flooding([&] {
    return vs::bench::flood({.socket = node.socket("d0"),
                             .window = 20'000,
                             .time = std::chrono::milliseconds(static_cast<int>(values.at("seconds") * 1000)),
                             .ignored = burst + 1});
  });
  json told = flooding.result();
  told["node_cpu_s"] = node.cpu_seconds();
  return told;
}

json promise(const Values& values) {
  const auto objective_us = static_cast<std::uint64_t>(values.at("objective_us"));
  vs::bench::NodeOptions options{.loops = 1, .service_time = kServiceTime};
  options.bindings.push_back(vs::bench::binding_of(
      "promised", {.rate_per_s = 10'000, .burst = 10, .guarantee = vs::control::Guarantee::guaranteed, .promise = {.p99_us = objective_us}}));
  const int flooders = static_cast<int>(values.at("flooders"));
  for (int i = 0; i < flooders; ++i)
    options.bindings.push_back(vs::bench::binding_of(domain(i), {.guarantee = vs::control::Guarantee::best_effort}));
  Node node(options);
  std::vector<std::unique_ptr<Guest>> running;
  for (int i = 0; i < flooders; ++i)
    running.push_back(std::make_unique<Guest>(
        [&, i] { return vs::bench::flood({.socket = node.socket(domain(i)), .window = 64, .time = std::chrono::hours(1)}); }));
  Guest asking([&] { return vs::bench::ask({.socket = node.socket("promised"), .calls = static_cast<int>(values.at("calls"))}); });
  json told = asking.result();
  const json live = node.live("promised");
  told["node_p99_us"] = live["latency"]["total"]["p99Us"];
  told["node_requests"] = live["requests"];
  json flooded = json::array();
  for (int i = 0; i < flooders; ++i) flooded.push_back(node.live(domain(i))["requests"]);
  told["flooded"] = flooded;
  return told;
}

json sessions(const Values& values) {
  const int count = static_cast<int>(values.at("count"));
  constexpr int kPerDomain = 100;
  vs::bench::NodeOptions options{.loops = 1};
  for (int i = 0; i * kPerDomain < count; ++i)
    options.bindings.push_back(
        vs::bench::binding_of(domain(i), {.request_bytes = 32 << 10, .response_bytes = 32 << 10}));
  Node node(options);
  const std::size_t before = node.resident_bytes();
  std::vector<std::string> sockets;
  for (int i = 0; i < count; ++i) sockets.push_back(node.socket(domain(i / kPerDomain)));
  int open[2];
  int seen[2];
  if (::pipe(open) != 0 || ::pipe(seen) != 0) vs::bench::give_up("no pipe");
  Guest guest([&] {
    return vs::bench::open_all(sockets, [&] {
      char any = 0;
      if (::write(open[1], &any, 1) != 1 || ::read(seen[0], &any, 1) != 1) vs::bench::give_up("alone");
    });
  });
  char any = 0;
  if (::read(open[0], &any, 1) != 1) vs::bench::give_up("the guest is gone");
  const std::size_t resident = node.resident_bytes();
  if (::write(seen[1], &any, 1) != 1) vs::bench::give_up("the guest is gone");
  json told = guest.result();
  told["resident_bytes"] = resident;
  told["resident_before_bytes"] = before;
  return told;
}

}  // namespace

int main(int argc, char** argv) {
  const std::map<std::string, json (*)(const Values&)> cases{
      {"share", share}, {"victim", victim}, {"limit", limit}, {"promise", promise}, {"sessions", sessions}};
  Values values;
  for (int i = 2; i < argc; ++i) {
    const std::string argument = argv[i];
    const std::size_t equals = argument.find('=');
    if (equals != std::string::npos) values[argument.substr(0, equals)] = std::stod(argument.substr(equals + 1));
  }
  const auto chosen = argc > 1 ? cases.find(argv[1]) : cases.end();
  if (chosen == cases.end()) vs::bench::give_up("usage: bench_sched share|victim|limit|promise|sessions KEY=VALUE...");
  std::printf("%s\n", chosen->second(values).dump().c_str());
  return 0;
}
