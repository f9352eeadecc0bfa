#include "vsmgrd/api/etag.h"

#include <string>

#include <gtest/gtest.h>

namespace vs::http {
namespace {

using IfMatch = Conditions::IfMatch;

Result<Conditions> with(const std::string& name, const std::string& value) {
  return parse_conditions({.headers = {{name, value}}});
}

TEST(Conditions, AreAbsentWithoutHeaders) {
  const auto conditions = parse_conditions({});
  ASSERT_TRUE(conditions);
  EXPECT_EQ(conditions->if_match, IfMatch::absent);
  EXPECT_FALSE(conditions->create_only);
}

TEST(Conditions, NameTheVersionWeGaveOut) {
  const auto conditions = with("if-match", format_etag(17));
  ASSERT_TRUE(conditions);
  EXPECT_EQ(conditions->if_match, IfMatch::version);
  EXPECT_EQ(conditions->version, 17);
}

TEST(Conditions, MayBeAnyVersionOrNone) {
  EXPECT_EQ(with("if-match", "*")->if_match, IfMatch::any);
  EXPECT_TRUE(with("if-none-match", "*")->create_only);
}

TEST(Conditions, NeverMatchATagThatIsNotOurs) {
  for (const std::string tag : {"\"\"", "\"x\"", "\"17x\"", "\"-1\"", "\"0\"", "\"+1\"", "W/\"17\"",
                                "\"99999999999999999999\""}) {
    const auto conditions = with("if-match", tag);
    ASSERT_TRUE(conditions) << tag;
    EXPECT_EQ(conditions->if_match, IfMatch::never) << tag;
  }
}

TEST(Conditions, AreRefusedWhenTheyCannotBeRead) {
  for (const std::string text : {"17", "\"17", "17\"", "\"", "\"1\", \"2\"", "**", "W/17"})
    EXPECT_FALSE(with("if-match", text)) << text;
  EXPECT_FALSE(with("if-none-match", "\"17\""));
  EXPECT_FALSE(parse_conditions({.headers = {{"if-match", "*"}, {"if-none-match", "*"}}}));
}

}  // namespace
}  // namespace vs::http
