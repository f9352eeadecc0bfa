#include "vsmgrd/store/sources.h"

#include <gtest/gtest.h>

namespace vs::test {
namespace {

TEST(SourcesColumn, SurvivesTheRoundTrip) {
  const Sources sources{{"", {"a.yaml", 1, 1}},
                        {"/spec", {"a.yaml", 5, 3}},
                        {"/spec/rules/0", {"b \"quoted\".yaml", 70'000, 12}}};
  EXPECT_EQ(decode_sources(encode_sources(sources)), sources);
  EXPECT_EQ(decode_sources(encode_sources({})), Sources{});
}

TEST(SourcesColumn, HoldsEachFileNameOnce) {
  const std::string text = encode_sources({{"", {"a.yaml", 1, 1}}, {"/spec", {"a.yaml", 2, 2}}});
  EXPECT_EQ(text, R"({"at":{"":[0,1,1],"/spec":[0,2,2]},"files":["a.yaml"]})");
}

TEST(SourcesColumn, RefusesWhatItDidNotMake) {
  for (const char* text :
       {"", "[]", "{}", R"({"files": [], "at": {"": [0, 1, 1]}})",
        R"({"files": ["a"], "at": {"": [0, 1]}})", R"({"files": ["a"], "at": {"": [0, "1", 1]}})",
        R"({"files": ["a"], "at": {"": [-1, 1, 1]}})"}) {
    const auto sources = decode_sources(text);
    ASSERT_FALSE(sources) << text;
    EXPECT_EQ(sources.error().code, ErrorCode::internal);
  }
}

TEST(SourceColumn, IsOnePlace) {
  EXPECT_EQ(decode_source(R"({"file": "a", "line": 2, "column": 3})"), (Source{"a", 2, 3}));
  EXPECT_FALSE(decode_source(R"({"file": "a", "line": 2})"));
  EXPECT_FALSE(decode_source("nonsense"));
}

}  // namespace
}  // namespace vs::test
