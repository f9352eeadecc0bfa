#include "vsmgrd/api/json_diff.h"

#include <gtest/gtest.h>

namespace vs::http {
namespace {

using nlohmann::json;

json diff(const char* before, const char* after) {
  return encode(json_diff(json::parse(before), json::parse(after)));
}

TEST(JsonDiff, IsEmptyForEqualValues) {
  EXPECT_EQ(diff(R"({"a": [1, {"b": 2}]})", R"({"a": [1, {"b": 2.0}]})"), json::array());
}

TEST(JsonDiff, NamesThePlaceAndBothValues) {
  EXPECT_EQ(diff(R"({"spec": {"rate": 1}})", R"({"spec": {"rate": 2}})"),
            json::parse(R"([{"pointer": "/spec/rate", "before": 1, "after": 2}])"));
}

TEST(JsonDiff, LeavesOutTheSideThatHasNothing) {
  EXPECT_EQ(diff(R"({"a": null})", R"({"b": 1})"),
            json::parse(R"([{"pointer": "/a", "before": null}, {"pointer": "/b", "after": 1}])"));
}

TEST(JsonDiff, ComparesListsPlaceByPlace) {
  EXPECT_EQ(diff("[1, 2]", "[1, 3, 4]"),
            json::parse(R"([{"pointer": "/1", "before": 2, "after": 3}, {"pointer": "/2", "after": 4}])"));
  EXPECT_EQ(diff("[1, 2]", "[1]"), json::parse(R"([{"pointer": "/1", "before": 2}])"));
}

TEST(JsonDiff, EscapesKeys) {
  EXPECT_EQ(diff(R"({"a/b~": 1})", R"({"a/b~": 2})")[0]["pointer"], "/a~1b~0");
}

TEST(JsonDiff, TellsTypesApart) {
  EXPECT_EQ(diff(R"({"a": {}})", R"({"a": []})").size(), 1U);
}

TEST(JsonDiff, StopsAtItsLimit) {
  json before = json::array();
  json after = json::array();
  for (std::size_t i = 0; i < kDifferencesMax + 5; ++i) {
    before.push_back(0);
    after.push_back(1);
  }
  EXPECT_EQ(json_diff(before, after).size(), kDifferencesMax);
}

}  // namespace
}  // namespace vs::http
