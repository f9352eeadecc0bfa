#include "vsmgrd/api/http.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace vs::http {
namespace {

using Path = std::vector<std::string>;

TEST(Target, IsSplitIntoPathAndQuery) {
  const auto target = parse_target("/v1/domains/web1?dryRun=true&x");
  ASSERT_TRUE(target);
  EXPECT_EQ(target->path, (Path{"v1", "domains", "web1"}));
  EXPECT_EQ(target->query.at("dryRun"), "true");
  EXPECT_EQ(target->query.at("x"), "");
}

TEST(Target, OfTheRootHasNoSegments) {
  EXPECT_EQ(parse_target("/")->path, Path{});
  EXPECT_EQ(parse_target("/?a=1")->path, Path{});
}

TEST(Target, KeepsEmptySegmentsSoThatTheyMatchNothing) {
  EXPECT_EQ(parse_target("/v1/")->path, (Path{"v1", ""}));
  EXPECT_EQ(parse_target("//v1")->path, (Path{"", "v1"}));
}

TEST(Target, IsDecodedAfterItIsSplit) {
  const auto target = parse_target("/a%2Fb/%C3%BC?k%3D=v%26w&plus=a+b");
  ASSERT_TRUE(target);
  EXPECT_EQ(target->path, (Path{"a/b", "\u00fc"}));
  EXPECT_EQ(target->query.at("k="), "v&w");
  EXPECT_EQ(target->query.at("plus"), "a+b");
}

TEST(Target, MayNameAHost) {
  EXPECT_EQ(parse_target("http://localhost/v1/apply")->path, (Path{"v1", "apply"}));
  EXPECT_EQ(parse_target("http://localhost")->path, Path{});
}

TEST(Target, IsRefused) {
  for (const std::string target :
       {"", "v1", "*", "/%", "/%4", "/%zz", "/%00", "/a#b", "/a?x=1&x=2", "/a?x=%"}) {
    const auto parsed = parse_target(target);
    ASSERT_FALSE(parsed) << target;
    EXPECT_EQ(parsed.error().code, ErrorCode::invalid);
  }
}

TEST(Target, HasALimitOfParts) {
  std::string path;
  for (std::size_t i = 0; i < kPathSegmentsMax; ++i) path += "/a";
  EXPECT_TRUE(parse_target(path));
  EXPECT_FALSE(parse_target(path + "/a"));
  std::string query = "/?";
  for (std::size_t i = 0; i < kQueryParametersMax; ++i) query += "p" + std::to_string(i) + "&";
  EXPECT_TRUE(parse_target(query));
  EXPECT_FALSE(parse_target(query + "last"));
}

TEST(RequestId, IsTheClientsWhenItIsPlain) {
  EXPECT_EQ(request_id("01J-a_b.C"), "01J-a_b.C");
  const std::string longest(kRequestIdBytesMax, 'a');
  EXPECT_EQ(request_id(longest), longest);
}

TEST(RequestId, IsMadeOtherwise) {
  for (const std::string& bad :
       {std::string(), std::string("a b"), std::string("a\"b"), std::string("\xc3\xbc"),
        std::string(kRequestIdBytesMax + 1, 'a')}) {
    const std::string made = request_id(bad);
    EXPECT_EQ(made.size(), 32u);
    EXPECT_EQ(made.find_first_not_of("0123456789abcdef"), std::string::npos) << made;
    EXPECT_NE(made, request_id(bad));
  }
}

TEST(JsonText, SurvivesBytesThatAreNotUtf8) {
  EXPECT_EQ(json_text({{"a", "b\xff"}}), "{\"a\":\"b\xef\xbf\xbd\"}");
}

TEST(ReasonPhrase, IsThereForEveryStatusWeSend) {
  for (const int status :
       {200, 201, 400, 403, 404, 405, 408, 409, 412, 413, 415, 417, 428, 429, 431, 500, 503, 507})
    EXPECT_FALSE(reason_phrase(status).empty()) << status;
}

}  // namespace
}  // namespace vs::http
