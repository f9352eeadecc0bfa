#include "vsctl/client/page_request.h"

#include <string>

#include <gtest/gtest.h>

namespace vs::ctl {
namespace {

constexpr const char* kSecret = "0123456789abcdef";

std::string head(const std::string& line, const std::string& host = "127.0.0.1:8080") {
  return line + "\r\nHost: " + host + "\r\nAccept: text/event-stream\r\nCookie: a=b\r\n\r\n";
}

std::string passed(const std::string& target) {
  const auto asked = judge_page_request(head("GET /" + std::string(kSecret) + target + " HTTP/1.1"), kSecret);
  return asked ? asked->target : std::to_string(asked.error().status);
}

int refused(const std::string& whole) {
  const auto asked = judge_page_request(whole, kSecret);
  return asked ? 0 : asked.error().status;
}

TEST(PageRequest, PassesOnWhatThePageNeeds) {
  for (const std::string target : {"/ui", "/ui/app.js", "/metrics", "/v1/nodes", "/v1/bindings/web1-dns?live=true",
                                   "/v1/bindings?filter=spec.domain%20eq%20'web1'&limit=50", "/v1/events?since=7"})
    EXPECT_EQ(passed(target), target);
}

TEST(PageRequest, SaysWhatIsAccepted) {
  const auto asked = judge_page_request(head("GET /" + std::string(kSecret) + "/v1/events HTTP/1.1"), kSecret);
  ASSERT_TRUE(asked);
  EXPECT_EQ(asked->accept, "text/event-stream");
}

TEST(PageRequest, HidesEverythingElseOfTheDaemon) {
  for (const std::string target : {"", "/", "/v1", "/v1/tokens", "/v1/audit", "/v1/admin/backups", "/v1/policies", "/openapi.json",
                                   "/v1/bindings/../tokens", "/v1/bindings/%2e%2e/tokens", "/v1/nodesx", "/v1/%74okens", "//v1/tokens"})
    EXPECT_EQ(passed(target), "404") << target;
}

TEST(PageRequest, AsksForTheSecret) {
  EXPECT_EQ(refused(head("GET /ui HTTP/1.1")), 404);
  EXPECT_EQ(refused(head("GET /0123456789abcdeX/ui HTTP/1.1")), 404);
  EXPECT_EQ(refused(head("GET /0123456789abcde/ui HTTP/1.1")), 404);
  EXPECT_EQ(refused(head("GET /0123456789abcdef0/ui HTTP/1.1")), 404);
}

TEST(PageRequest, OnlyReads) {
  for (const std::string method : {"POST", "PUT", "DELETE", "PATCH", "OPTIONS", "CONNECT", "get"})
    EXPECT_EQ(refused(head(method + " /0123456789abcdef/v1/bindings HTTP/1.1")), 405) << method;
}

// Another site may have its name resolve to 127.0.0.1, and its page would then be of the same origin.
TEST(PageRequest, IsAskedByNamesOfThisHostOnly) {
  const std::string line = "GET /0123456789abcdef/ui HTTP/1.1";
  for (const std::string host : {"127.0.0.1:1", "localhost:8080", "LOCALHOST", "[::1]:99"}) EXPECT_EQ(refused(head(line, host)), 0) << host;
  for (const std::string host : {"evil.test:8080", "127.0.0.1.evil.test", "", "localhost.evil.test:1", "[::1", "[::2]:1"})
    EXPECT_EQ(refused(head(line, host)), 403) << host;
}

TEST(PageRequest, RefusesWhatIsNoRequest) {
  for (const std::string text : {"", "\r\n\r\n", "GET\r\n\r\n", "GET /x\r\n\r\n", "\x16\x03\x01\r\n\r\n"})
    EXPECT_EQ(refused(text), 400) << text;
  EXPECT_EQ(refused(head("GET http://127.0.0.1/0123456789abcdef/ui HTTP/1.1")), 400);
}

}  // namespace
}  // namespace vs::ctl
