// bench_policy [rules=10,1000,100000] [decisions=200000] [rounds=5]: how long a decision takes, and
// prints JSON lines, one a case. Run by tests/bench/control.py.
//
//   policy.decide  each decision is timed alone; p50, p99 and max include the clock's own time, which
//                  clock_ns tells. mean_us is that of batches of 1,000, of which the clock is no part.
//   policy.update  one policy of those many is exchanged, and the set made anew: p50 and max
//   policy.compile everything from nothing
//
// The rules are the mix that a node with tenants has: names, labels (one to three), kinds, types,
// lists, rules of other nodes, rules on trial and denials of everything on trial. The pairs that are
// asked about are the same for every number of rules. Of the rounds the median by p99 is shown.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "vsmgrd/policy/policy_set.h"

namespace {

using nlohmann::json;
using Clock = std::chrono::steady_clock;

constexpr std::size_t kDomains = 1000;
constexpr std::size_t kServices = 50;
constexpr std::size_t kRulesPerPolicy = 100;
constexpr std::size_t kPairs = 1 << 16;
constexpr std::size_t kBatch = 1000;
const vs::NodeFacts kNode{.name = "node1", .labels = {{"rack", "7"}}};

std::int64_t ns(Clock::duration time) { return std::chrono::nanoseconds(time).count(); }
std::string numbered(const char* word, std::size_t number) { return word + std::to_string(number); }

vs::Labels labels_of(std::size_t domain) {
  return {{"tenant", numbered("t", domain / 10)},
          {"tier", numbered("tier", domain % 5)},
          {"stage", domain % 3 == 0 ? "production" : "testing"},
          {"zone", numbered("z", domain % 20)}};
}

vs::Rule rule_of(std::size_t number, std::mt19937& chance) {
  const auto below = [&](std::size_t limit) { return chance() % limit; };
  const auto tenant = [&] { return numbered("t", below(20'000)); };
  vs::Rule rule{.id = numbered("r", number),
                .effect = below(4) == 0 ? vs::Effect::deny : vs::Effect::allow,
                .message = "Those who are responsible for it wanted it so."};
  vs::RuleMatch& match = rule.match;
  switch (number % 10) {
    case 0:
    case 1: match.domains = {numbered("web", below(kDomains))}; match.services = {numbered("s", below(kServices))}; break;
    case 2: match.domains = {numbered("web", below(100'000))}; match.kinds = {"dns"}; break;
    case 3: match.domain_labels = {{"tenant", tenant()}}; match.kinds = {"dns"}; break;
    case 4: match.domain_labels = {{"tenant", tenant()}, {"stage", "production"}}; match.services = {numbered("s", below(kServices))}; break;
    case 5: match.domain_labels = {{"tenant", tenant()}, {"tier", numbered("tier", below(5))}, {"zone", numbered("z", below(20))}}; break;
    case 6:
      for (std::size_t i = 0; i < 8; ++i) match.domains.push_back(numbered("guest", below(1'000'000)));
      for (std::size_t i = 0; i < 4; ++i) match.services.push_back(numbered("s", i * 10 + below(10)));
      break;
    case 7: match.domain_types = {"container"}; match.domain_labels = {{"tenant", tenant()}}; break;
    case 8: match.nodes = {numbered("node", 2 + below(50))}; rule.effect = vs::Effect::deny; break;  // all of it, elsewhere
    default: rule.effect = vs::Effect::deny; rule.mode = vs::Mode::audit; break;  // everything, on trial
  }
  return rule;
}

vs::Resource policy_of(std::size_t policy, std::size_t rules, std::mt19937& chance) {
  vs::Resource resource{.metadata = {.name = numbered("p", policy)}};
  vs::AccessPolicySpec spec;
  for (std::size_t i = 0; i < rules; ++i) {
    spec.rules.push_back(rule_of(policy * kRulesPerPolicy + i, chance));
    resource.metadata.sources["/spec/rules/" + std::to_string(i)] = {resource.metadata.name + ".yaml", static_cast<int>(i), 7};
  }
  resource.spec = std::move(spec);
  return resource;
}

vs::Desired desired_with(std::size_t rules) {
  std::mt19937 chance(42);
  vs::Desired desired;
  for (std::size_t i = 0; i < kDomains; ++i)
    desired.domains[numbered("web", i)] = {.metadata = {.name = numbered("web", i), .labels = labels_of(i)},
                                           .spec = vs::DomainSpec{.type = i % 4 == 0 ? "container" : "sandbox"}};
  for (std::size_t i = 0; i < kServices; ++i)
    desired.services[numbered("s", i)] = {.metadata = {.name = numbered("s", i)}, .spec = vs::ServiceSpec{.kind = i % 5 == 0 ? "dns" : "video"}};
  for (std::size_t first = 0; first < rules; first += kRulesPerPolicy)
    desired.policies[numbered("p", first / kRulesPerPolicy)] =
        policy_of(first / kRulesPerPolicy, std::min(kRulesPerPolicy, rules - first), chance);
  return desired;
}

struct Pair {
  std::string domain;
  std::string service;
};

std::vector<Pair> pairs_to_ask() {
  std::mt19937 chance(7);
  std::vector<Pair> pairs(kPairs);
  for (Pair& pair : pairs) pair = {numbered("web", chance() % kDomains), numbered("s", chance() % kServices)};
  return pairs;
}

std::int64_t at(const std::vector<std::int64_t>& sorted, double part) {
  return sorted[std::min(sorted.size() - 1, static_cast<std::size_t>(part * static_cast<double>(sorted.size())))];
}

double clock_ns() {
  const auto begin = Clock::now();
  for (int i = 0; i < 100'000; ++i) (void)Clock::now();
  return static_cast<double>(ns(Clock::now() - begin)) / 100'000;
}

struct Round {
  std::int64_t p50, p99, max;
  double mean;
  std::size_t allowed;
};

Round measure(const vs::PolicySet& policies, const std::vector<Pair>& pairs, std::size_t decisions) {
  Round round{};
  std::vector<std::int64_t> times(decisions);
  for (std::size_t i = 0; i < decisions; ++i) {
    const Pair& pair = pairs[i % pairs.size()];
    const auto begin = Clock::now();
    const vs::Decision decision = policies.decide(pair.domain, pair.service);
    times[i] = ns(Clock::now() - begin);
    round.allowed += decision.allowed;
  }
  const auto begin = Clock::now();
  std::size_t asked = 0;
  for (std::size_t batch = 0; batch < decisions / kBatch; ++batch)
    for (std::size_t i = 0; i < kBatch; ++i, ++asked) {
      const Pair& pair = pairs[asked % pairs.size()];
      round.allowed += policies.decide(pair.domain, pair.service).allowed;
    }
  round.mean = static_cast<double>(ns(Clock::now() - begin)) / static_cast<double>(std::max<std::size_t>(asked, 1));
  std::sort(times.begin(), times.end());
  round.p50 = at(times, 0.5);
  round.p99 = at(times, 0.99);
  round.max = times.back();
  return round;
}

json us(double nanoseconds) { return std::round(nanoseconds) / 1000; }

json decide_case(const vs::PolicySet& policies, const std::vector<Pair>& pairs, std::size_t decisions, std::size_t rounds) {
  (void)measure(policies, pairs, decisions / 10);  // so that the caches know the code
  std::vector<Round> all;
  for (std::size_t i = 0; i < rounds; ++i) all.push_back(measure(policies, pairs, decisions));
  std::sort(all.begin(), all.end(), [](const Round& left, const Round& right) { return left.p99 < right.p99; });
  const Round& round = all[all.size() / 2];
  return {{"case", "policy.decide"}, {"unit", "us"}, {"decisions", decisions}, {"p50", us(static_cast<double>(round.p50))},
          {"p99", us(static_cast<double>(round.p99))}, {"max", us(static_cast<double>(round.max))}, {"mean_us", us(round.mean)},
          {"clock_ns", std::round(clock_ns())}};
}

json update_case(vs::Desired desired, const vs::PolicySet& policies, std::size_t rules) {
  std::mt19937 chance(99);
  std::vector<std::int64_t> times;
  for (int i = 0; i < 50; ++i) {
    const std::size_t count = std::max<std::size_t>(1, (rules + kRulesPerPolicy - 1) / kRulesPerPolicy);
    const std::size_t policy = chance() % count;
    desired.policies[numbered("p", policy)] = policy_of(policy, std::min(kRulesPerPolicy, rules), chance);
    const auto begin = Clock::now();
    const vs::PolicySet updated = policies.updated(desired);
    times.push_back(ns(Clock::now() - begin));
  }
  std::sort(times.begin(), times.end());
  return {{"case", "policy.update"}, {"unit", "us"}, {"p50", us(static_cast<double>(at(times, 0.5)))}, {"p99", us(static_cast<double>(at(times, 0.99)))},
          {"max", us(static_cast<double>(times.back()))}};
}

std::vector<std::size_t> numbers_in(const std::string& text) {
  std::vector<std::size_t> numbers;
  std::istringstream words(text);
  for (std::string word; std::getline(words, word, ',');) numbers.push_back(std::stoul(word));
  return numbers;
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<std::size_t> sizes{10, 1000, 100'000};
  std::size_t decisions = 200'000;
  std::size_t rounds = 5;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    const std::string value = word.substr(std::min(word.size(), word.find('=') + 1));
    if (word.starts_with("rules=")) sizes = numbers_in(value);
    else if (word.starts_with("decisions=")) decisions = std::stoul(value);
    else if (word.starts_with("rounds=")) rounds = std::stoul(value);
    else return std::fprintf(stderr, "bench_policy [rules=N,...] [decisions=N] [rounds=N]\n"), 2;
  }
  const std::vector<Pair> pairs = pairs_to_ask();
  double first_p99 = 0;
  double first_p50 = 0;
  for (const std::size_t rules : sizes) {
    const vs::Desired desired = desired_with(rules);
    const auto begin = Clock::now();
    const vs::PolicySet policies(desired, kNode);
    const double compile_ns = static_cast<double>(ns(Clock::now() - begin));
    json row = decide_case(policies, pairs, decisions, rounds);
    if (first_p99 == 0) {
      first_p99 = row["p99"];
      first_p50 = row["p50"];
    }
    row["rules"] = rules;
    row["ratio_p99"] = std::round(row["p99"].get<double>() / first_p99 * 100) / 100;
    row["ratio_p50"] = std::round(row["p50"].get<double>() / first_p50 * 100) / 100;
    std::puts(row.dump().c_str());
    row = update_case(desired, policies, rules);
    row["rules"] = rules;
    std::puts(row.dump().c_str());
    std::puts(json{{"case", "policy.compile"}, {"unit", "us"}, {"rules", rules}, {"p50", us(compile_ns)}}.dump().c_str());
    std::fflush(stdout);
  }
  return 0;
}
