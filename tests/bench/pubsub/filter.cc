// What filters cost an event, in nanoseconds: one that is evaluated, and a thousand on one channel. In one process.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/check.h"
#include "dataplane/filter/compile.h"
#include "dataplane/filter/index.h"

namespace {

using namespace vs::filter;
using Clock = std::chrono::steady_clock;

constexpr int kEventsMax = 200'000;  // of one measurement
constexpr int kRounds = 9;

struct Stocks {
  Stocks() {
    for (const auto& [name, type] : std::initializer_list<std::pair<const char*, Type>>{
             {"attributes.symbol", Type::text}, {"attributes.price", Type::real}, {"attributes.quantity", Type::integer}})
      VS_CHECK(schema.declare(name, type).has_value());
    slots = {Value(std::string_view("S7")), Value(101.5), Value(std::int64_t{10})};
  }
  Schema schema;
  std::vector<Value> slots;
};

// The middle of some rounds, for one event.
template <class Work>
double nanoseconds_each(int events, Work work) {
  std::vector<double> rounds;
  for (int round = 0; round < kRounds; ++round) {
    const auto begun = Clock::now();
    for (int event = 0; event < events; ++event) work(event);
    rounds.push_back(std::chrono::duration<double, std::nano>(Clock::now() - begun).count() / events);
  }
  std::nth_element(rounds.begin(), rounds.begin() + kRounds / 2, rounds.end());
  return rounds[kRounds / 2];
}

void print(const char* what, int filters, double each) {
  std::puts(nlohmann::json{{"what", what}, {"filters", filters}, {"ns", each}}.dump().c_str());
}

}  // namespace

int main() {
  Stocks stocks;
  std::size_t matched_sum = 0;
  const auto one = compile("attributes.price > 100.0 && attributes.quantity >= 10 && attributes.symbol == 'S7'", stocks.schema);
  VS_CHECK(one.has_value());
  print("evaluated", 1, nanoseconds_each(kEventsMax, [&](int event) {
          stocks.slots[2] = Value(std::int64_t{event % 20});
          matched_sum += one->evaluate(stocks.slots) == Verdict::yes ? 1 : 0;
        }));
  std::vector<std::string> names;
  for (int i = 0; i < 1000; ++i) names.push_back("S" + std::to_string(i));
  for (const bool equalities : {true, false}) {
    std::vector<std::unique_ptr<Program>> programs;
    FilterIndex index;
    for (int i = 0; i < 1000; ++i) {
      const std::string text = equalities ? "attributes.symbol == '" + names[static_cast<std::size_t>(i)] + "' && attributes.price > 100.0"
                                          : "attributes.price > " + std::to_string(i) + ".0 && attributes.quantity == 10";
      auto program = compile(text, stocks.schema);
      VS_CHECK(program.has_value());
      programs.push_back(std::make_unique<Program>(std::move(*program)));
      index.add(static_cast<FilterIndex::Id>(i), *programs.back());
    }
    std::vector<FilterIndex::Id> matched;
    print(equalities ? "1000, each of its own symbol" : "1000, all of one quantity", 1000,
          nanoseconds_each(equalities ? kEventsMax : kEventsMax / 100, [&](int event) {
            matched.clear();
            stocks.slots[0] = Value(std::string_view(names[static_cast<std::size_t>(event) % names.size()]));
            stocks.slots[2] = Value(std::int64_t{10});
            (void)index.match(stocks.slots, matched);
            matched_sum += matched.size();
          }));
  }
  return matched_sum != 0 ? 0 : 1;
}
