#include "vsmgrd/api/wire.h"

#include <string>

#include <gtest/gtest.h>

namespace vs::http {
namespace {

using Fields = std::vector<std::pair<std::string, std::string>>;

Head head(Fields fields, unsigned version = 11) {
  return {.method = "GET", .target = "/", .version = version, .fields = std::move(fields)};
}

TEST(Head, FindsFieldsWithoutRegardToCase) {
  const Head one = head({{"X-A", "1"}, {"x-a", "2"}, {"X-AB", "3"}});
  EXPECT_EQ(one.count("x-A"), 2u);
  EXPECT_EQ(one.field("x-A"), "1");
  EXPECT_EQ(one.field("absent"), "");
}

TEST(Head, IsSound) {
  EXPECT_TRUE(check_head(head({{"host", "a"}})));
  EXPECT_TRUE(check_head(head({}, 10)));
  EXPECT_TRUE(check_head(head({{"Host", "a"}, {"Content-Length", "5"}})));
  EXPECT_TRUE(check_head(head({{"Host", "a"}, {"Transfer-Encoding", "Chunked"}})));
}

TEST(Head, IsRefusedWhenItsEndIsInDoubt) {
  for (const Head& one :
       {head({}), head({{"Host", "a"}, {"HOST", "a"}}),
        head({{"Host", "a"}, {"Content-Length", "5"}, {"content-length", "5"}}),
        head({{"Host", "a"}, {"Content-Length", "5,5"}}),
        head({{"Host", "a"}, {"Transfer-Encoding", "gzip"}}),
        head({{"Host", "a"}, {"Transfer-Encoding", "gzip, chunked"}}),
        head({{"Host", "a"}, {"Transfer-Encoding", "chunked"}, {"Transfer-Encoding", "chunked"}}),
        head({{"Transfer-Encoding", "chunked"}}, 10)})
    EXPECT_FALSE(check_head(one));
}

const WireOptions kNow{.date = std::chrono::system_clock::from_time_t(784111777)};

TEST(ResponseText, IsHttp) {
  const Response response{.status = 201,
                          .headers = {{"ETag", "\"7\""}},
                          .content_type = "application/json",
                          .body = "{}\n"};
  EXPECT_EQ(response_text(response, kNow),
            "HTTP/1.1 201 Created\r\n"
            "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
            "Content-Type: application/json\r\n"
            "ETag: \"7\"\r\n"
            "Content-Length: 3\r\n"
            "Connection: keep-alive\r\n\r\n{}\n");
}

TEST(ResponseText, ToHeadHasTheLengthAndNoBody) {
  WireOptions options = kNow;
  options.head_only = true;
  const std::string text = response_text({.body = "hello"}, options);
  EXPECT_NE(text.find("Content-Length: 5\r\n"), std::string::npos);
  EXPECT_TRUE(text.ends_with("\r\n\r\n"));
}

TEST(ResponseText, SpeaksTheClientsVersion) {
  const std::string text = response_text({}, {.version = 10, .keep_alive = false});
  EXPECT_TRUE(text.starts_with("HTTP/1.0 200 OK\r\n"));
  EXPECT_NE(text.find("Connection: close\r\n"), std::string::npos);
}

TEST(ResponseText, LeavesOutAHeaderThatCouldForgeAnother) {
  for (const std::string value : {"a\r\nX-Evil: 1", "a\nb", "a\rb", "a\tb", "\x7f"})
    EXPECT_EQ(response_text({.headers = {{"X-Mine", value}}}, kNow).find("X-Mine"),
              std::string::npos);
}

}  // namespace
}  // namespace vs::http
