// What is compiled passes the verifier, and its cost is known.
#include <string>

#include <gtest/gtest.h>

#include "market.h"

namespace vs::filter::test {
namespace {

Program compiled(const std::string& text) {
  Market market;
  auto program = compile(text, market.schema);
  EXPECT_TRUE(program) << text;
  return std::move(*program);
}

TEST(FilterProgram, JumpsGoForward) {
  const Program program = compiled("(sequence == 7 ? true : false) && (has(labels.x) || sequence > 1) && true");
  for (std::size_t at = 0; at < program.instructions().size(); ++at) {
    const Instruction& one = program.instructions()[at];
    if (one.operation < Operation::skip_if_false) continue;
    EXPECT_GT(one.b, at);
  }
}

TEST(FilterProgram, CostGrowsWithWhatMayBeLookedAt) {
  const auto cost = [](const char* text) { return compiled(text).cost(); };
  EXPECT_LT(cost("sequence == 7"), cost("sequence == 7 && sequence == 8"));
  EXPECT_LT(cost("channel.startsWith('x')"), cost("channel.contains('x')"));
  EXPECT_LT(cost("channel.contains('x')"), cost("channel.matches('x')"));
}

TEST(FilterProgram, TheCommonComparisonIsOneInstruction) {
  EXPECT_EQ(compiled("attributes.price > 100").instructions().size(), 1u);
  EXPECT_EQ(compiled("100 < attributes.price").instructions().size(), 1u);
}

TEST(FilterProgram, SaysWhatItRequires) {
  EXPECT_EQ(compiled("sequence == 7 && (channel == 'a' && true)").requirements().size(), 2u);
  EXPECT_EQ(compiled("sequence == 7 || channel == 'a'").requirements().size(), 0u);
  EXPECT_EQ(compiled("!(sequence == 7)").requirements().size(), 0u);
  EXPECT_EQ(compiled("sequence in [1, 2]").requirements().at(0).values.size(), 2u);
}

TEST(FilterProgram, ReadsNoSlotThatAnEventDoesNotHave) {
  const Program program = compiled("has(labels.late)");
  EXPECT_EQ(program.evaluate({}), Verdict::no);
  EXPECT_GT(program.slots_used(), 0u);
}

}  // namespace
}  // namespace vs::filter::test
