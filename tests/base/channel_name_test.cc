#include "base/channel_name.h"

#include <string>

#include <gtest/gtest.h>

namespace vs::pubsub {
namespace {

TEST(ChannelName, HasPartsOfLettersDigitsAndLines) {
  for (const char* name : {"a", "market.stocks.IBM", "a-b_c.9", "A.b"}) EXPECT_TRUE(judge_channel(name)) << name;
  for (const std::string& name : {std::string(), std::string("."), std::string("a."), std::string(".a"), std::string("a..b"),
                                 std::string("a b"), std::string("a.*"), std::string(">"), std::string("a/b"), std::string("\xc3\xa4"),
                                 std::string("a\0b", 3), std::string(65, 'a'), std::string(256, 'a')})
    EXPECT_FALSE(judge_channel(name)) << name;
  std::string deep = "a";
  for (std::size_t n = 1; n < kTokensMax; ++n) deep += ".a";
  EXPECT_TRUE(judge_channel(deep));
  EXPECT_FALSE(judge_channel(deep + ".a"));
}

TEST(ChannelName, PatternsHaveWildcardsForWholeParts) {
  for (const char* pattern : {"*", ">", "a.*.c", "a.>", "*.>", "a.b"}) EXPECT_TRUE(judge_pattern(pattern)) << pattern;
  for (const char* pattern : {">.a", "a.>.b", "a*", "a.b*", "**", "a.>>", ""}) EXPECT_FALSE(judge_pattern(pattern)) << pattern;
}

TEST(ChannelName, WildcardsMatchOnePartOrTheRest) {
  const auto both = [](const char* pattern, const char* name) { return matches(pattern, name); };
  EXPECT_TRUE(both("a.b", "a.b"));
  EXPECT_TRUE(both("a.*", "a.b"));
  EXPECT_TRUE(both("*.b", "a.b"));
  EXPECT_TRUE(both("a.>", "a.b.c"));
  EXPECT_TRUE(both(">", "a"));
  EXPECT_TRUE(both("a.*.c.>", "a.b.c.d.e"));
  EXPECT_FALSE(both("a.b", "a.b.c"));
  EXPECT_FALSE(both("a.b.c", "a.b"));
  EXPECT_FALSE(both("a.*", "a"));
  EXPECT_FALSE(both("a.*", "a.b.c"));
  EXPECT_FALSE(both("a.>", "a"));
  EXPECT_FALSE(both("a.b", "a.bc"));
}

}  // namespace
}  // namespace vs::pubsub
