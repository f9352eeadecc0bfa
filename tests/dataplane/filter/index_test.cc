// The index finds what evaluating every filter would find, and evaluates few.
#include <algorithm>
#include <memory>
#include <random>
#include <string>

#include <gtest/gtest.h>

#include "market.h"
#include "dataplane/filter/index.h"

namespace vs::filter::test {
namespace {

struct Indexed {
  Market market;
  FilterIndex index;
  std::vector<std::unique_ptr<Program>> programs;

  void add(const std::string& text) {
    auto program = compile(text, market.schema);
    ASSERT_TRUE(program) << text << ": " << program.error().message;
    programs.push_back(std::make_unique<Program>(std::move(*program)));
    index.add(programs.size() - 1, *programs.back());
  }
  std::vector<FilterIndex::Id> matched(FilterIndex::Counts* counts = nullptr) const {
    std::vector<FilterIndex::Id> ids;
    const auto counted = index.match(market.values, ids);
    if (counts != nullptr) *counts = counted;
    std::sort(ids.begin(), ids.end());
    return ids;
  }
};

using Ids = std::vector<FilterIndex::Id>;

TEST(FilterIndex, EvaluatesOnlyFiltersThatMayMatch) {
  Indexed filters;
  for (int n = 0; n < 1000; ++n) filters.add("attributes.symbol == 'S" + std::to_string(n) + "' && attributes.price > 100");
  filters.add("attributes.price > 100 && attributes.symbol == 'IBM'");
  filters.add("attributes.symbol in ['IBM', 'AAPL'] && sequence == 7");
  filters.add("attributes.symbol == 'IBM' && sequence == 8");
  filters.add("attributes.price > 1000");
  FilterIndex::Counts counts;
  EXPECT_EQ(filters.matched(&counts), (Ids{1000, 1001}));
  EXPECT_EQ(counts.evaluated, 4u);
}

TEST(FilterIndex, ForgetsWhatIsRemoved) {
  Indexed filters;
  for (const char* text : {"attributes.symbol == 'IBM'", "attributes.symbol in ['IBM', 'AAPL']", "true", "sequence == 7"})
    filters.add(text);
  EXPECT_EQ(filters.matched(), (Ids{0, 1, 2, 3}));
  for (const FilterIndex::Id id : {1, 2, 0, 3, 3}) filters.index.remove(id);
  EXPECT_EQ(filters.matched(), Ids{});
  EXPECT_EQ(filters.index.size(), 0u);
}

TEST(FilterIndex, NumbersOfBothTypesAreOneValue) {
  Indexed filters;
  filters.add("attributes.quantity == 10.0");
  filters.add("attributes.price == 101.5");
  filters.add("attributes.price == 101");
  EXPECT_EQ(filters.matched(), (Ids{0, 1}));
}

TEST(FilterIndex, CountsWhatCannotBeComputed) {
  Indexed filters;
  filters.add("attributes.closed");
  FilterIndex::Counts counts;
  EXPECT_EQ(filters.matched(&counts), Ids{});
  EXPECT_EQ(counts.errors, 1u);
}

// Random filters, added and removed at random: always what evaluating each of them says.
TEST(FilterIndex, AgreesWithEvaluatingEveryFilter) {
  std::mt19937 random(20);
  const auto pick = [&](std::initializer_list<const char*> from) { return std::string(*(from.begin() + random() % from.size())); };
  const auto term = [&] {
    return pick({"attributes.symbol == 'IBM'", "attributes.symbol == 'AAPL'", "sequence == 7", "sequence in [6, 7, 7]",
                 "attributes.price > 100", "attributes.quantity == 10", "attributes.closed", "attributes.closed == true",
                 "labels.room == 'north'", "!(sequence == 7)", "has(labels.room)", "7 == sequence"});
  };
  Indexed filters;
  for (int n = 0; n < 300; ++n) filters.add("(" + term() + pick({" && ", " || "}) + term() + ")" + pick({" && ", " || "}) + term());
  std::vector<bool> there(filters.programs.size(), true);
  for (int round = 0; round < 200; ++round) {
    const std::size_t one = random() % there.size();
    if (there[one]) filters.index.remove(one);
    if (!there[one]) filters.index.add(one, *filters.programs[one]);
    there[one] = !there[one];
    filters.market.set("sequence", Value(static_cast<std::int64_t>(random() % 3 + 6)));
    filters.market.set("attributes.symbol", Value(std::string_view(random() % 2 != 0 ? "IBM" : "AAPL")));
    filters.market.set("labels.room", random() % 2 != 0 ? Value(std::string_view("north")) : Value());
    Ids expected;
    for (std::size_t id = 0; id < there.size(); ++id)
      if (there[id] && filters.programs[id]->evaluate(filters.market.values) == Verdict::yes) expected.push_back(id);
    ASSERT_EQ(filters.matched(), expected) << "round " << round;
  }
}

}  // namespace
}  // namespace vs::filter::test
