#include "base/json.h"

#include <string>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace vs {
namespace {

TEST(ParseJson, TakesWhatIsJson) {
  const auto parsed = parse_json(R"({"a": [1, {"b": null}], "c": "d"})");
  ASSERT_TRUE(parsed);
  EXPECT_EQ((*parsed)["a"][0], 1);
}

TEST(ParseJson, ReadsEveryKindOfValueInItsPlace) {
  const std::string text =
      R"({"a":[[],{},[1,-2,3.5,18446744073709551615],{"b":{"c":[true,false,null]},"d":""}],"e":"x"})";
  const auto parsed = parse_json(text);
  ASSERT_TRUE(parsed);
  EXPECT_EQ(*parsed, nlohmann::json::parse(text));
  EXPECT_EQ(parsed->dump(), text);
  EXPECT_EQ(*parse_json(" 7 "), 7);
}

TEST(ParseJson, RefusesWhatIsNot) {
  for (const char* text : {"", "{", "01", "1e999", "[1,]", "{\"a\":1} x", "\"\\ud800\"", "nul"}) {
    const auto parsed = parse_json(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().code, ErrorCode::invalid);
  }
}

TEST(ParseJson, RefusesKeysThatStandTwice) {
  const auto parsed = parse_json(R"({"a": {"k": 1, "k": 2}})");
  ASSERT_FALSE(parsed);
  EXPECT_NE(parsed.error().message.find("\"k\""), std::string::npos);
  EXPECT_TRUE(parse_json(R"([{"k": 1}, {"k": 2}])"));
}

TEST(ParseJson, RefusesDepth) {
  const auto nested = [](int depth) { return std::string(depth, '[') + std::string(depth, ']'); };
  EXPECT_TRUE(parse_json(nested(kJsonDepthMax)));
  EXPECT_FALSE(parse_json(nested(kJsonDepthMax + 1)));
  EXPECT_FALSE(parse_json(nested(100'000)));
}

TEST(PointerToken, EscapesWhatPointersUse) { EXPECT_EQ(pointer_token("a/b~c"), "a~1b~0c"); }

}  // namespace
}  // namespace vs
