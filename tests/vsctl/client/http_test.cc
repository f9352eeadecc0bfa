#include "vsctl/client/http.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "tests/vsctl/cli_test.h"
#include "vsctl/client/daemon.h"

namespace vs::ctl {
namespace {

using test::Answer;

constexpr std::chrono::milliseconds kLong{60'000};

class HttpTest : public testing::Test {
 protected:
  Http http(std::chrono::milliseconds limit = kLong) {
    return Http({.socket_path = daemon_.socket_path()}, Deadline(clock_, limit));
  }

  SystemClock clock_;
  test::TemporaryDirectory directory_;
  test::FakeDaemon daemon_{directory_.path() + "/vsmgrd.sock"};
};

TEST_F(HttpTest, BringsBackStatusTypeTagAndBody) {
  daemon_.answers(
      "GET /v1",
      Answer{.status = 299, .body = "hello", .content_type = "text/plain", .etag = "\"7\""});
  Http client = http();
  const auto reply = client.send({.method = "GET", .target = "/v1"});
  ASSERT_TRUE(reply) << reply.error().message;
  EXPECT_EQ(reply->status, 299);
  EXPECT_EQ(reply->content_type, "text/plain");
  EXPECT_EQ(reply->etag, "\"7\"");
  EXPECT_EQ(reply->body, "hello");
}

TEST_F(HttpTest, SendsLargeBodiesWithoutAskingFirst) {
  daemon_.answers("POST /v1/apply", Answer{.body = "done"});
  Http client = http();
  const std::string body(3 << 20, 'x');
  const auto reply = client.send(
      {.method = "POST", .target = "/v1/apply", .headers = {"If-Match: \"1\""}, .body = body});
  ASSERT_TRUE(reply) << reply.error().message;
  const auto asked = daemon_.asked();
  ASSERT_EQ(asked.size(), 1U);
  EXPECT_EQ(asked[0].body, body);
  EXPECT_EQ(asked[0].headers.find("Expect"), std::string::npos);
  EXPECT_NE(asked[0].headers.find("If-Match: \"1\"\r\n"), std::string::npos);
  EXPECT_NE(asked[0].headers.find("Content-Type: application/json\r\n"), std::string::npos);
}

TEST_F(HttpTest, RelaysAnswersOfAnyStatus) {
  daemon_.answers("GET /missing", Answer{.status = 404, .body = "no", .content_type = "application/problem+json", .etag = "\"7\""});
  Http client = http();
  AnswerHead head;
  std::string body;
  const auto passed = client.relay({.method = "GET", .target = "/missing", .headers = {"Accept: text/css"}},
                                   [&](const AnswerHead& came) { return head = came, true; },
                                   [&](std::string_view piece) { return body += piece, true; });
  ASSERT_TRUE(passed) << passed.error().message;
  EXPECT_EQ(head.status, 404);
  EXPECT_EQ(body, "no");
  std::string fields;
  for (const std::string& field : head.fields) fields += field + "\n";
  EXPECT_NE(fields.find("Content-Type: application/problem+json\n"), std::string::npos) << fields;
  EXPECT_EQ(fields.find("onnection:"), std::string::npos) << fields;
  EXPECT_NE(daemon_.asked()[0].headers.find("Accept: text/css\r\n"), std::string::npos);
  EXPECT_EQ(daemon_.asked()[0].headers.find("application/json"), std::string::npos);
}

TEST_F(HttpTest, EndsARelayWhenItIsTold) {
  daemon_.answers("GET /a", Answer{.body = "never seen"});
  Http client = http();
  const auto ended = client.relay({.method = "GET", .target = "/a"}, [](const AnswerHead&) { return false; },
                                  [](std::string_view) { return ADD_FAILURE() << "a body", true; });
  EXPECT_TRUE(ended);
}

TEST_F(HttpTest, SendsOneRequestAfterAnother) {
  daemon_.answers("GET /a", Answer{.body = "first"});
  daemon_.answers("DELETE /a", Answer{.status = 204});
  Http client = http();
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(client.send({.method = "GET", .target = "/a"})->body, "first");
    EXPECT_EQ(client.send({.method = "DELETE", .target = "/a"})->status, 204);
  }
  EXPECT_EQ(daemon_.lines().size(), 6U);
}

TEST_F(HttpTest, GivesUpOnASilentDaemon) {
  daemon_.keeps_silent_on("GET /v1");
  Http client = http(std::chrono::milliseconds{50});
  const auto reply = client.send({.method = "GET", .target = "/v1"});
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().exit, ExitCode::timeout);
  EXPECT_EQ(reply.error().message, "no answer from " + daemon_.socket_path() + " within 50 ms");
  // The time is spent: nothing more is asked.
  EXPECT_EQ(client.send({.method = "GET", .target = "/v1"}).error().exit, ExitCode::timeout);
  EXPECT_EQ(daemon_.lines().size(), 1U);
}

TEST_F(HttpTest, SaysWhenNobodyListens) {
  const std::string missing = directory_.path() + "/none.sock";
  const auto reply =
      Http({.socket_path = missing}, Deadline(clock_, kLong)).send({.method = "GET", .target = "/v1"});
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().exit, ExitCode::unavailable);
  EXPECT_EQ(reply.error().message,
            "cannot reach vsmgrd at " + missing + ": No such file or directory: is it running?");
}

TEST_F(HttpTest, SaysWhenTheSocketIsLeftOver) {
  const std::string stale = directory_.path() + "/stale.sock";
  sockaddr_un address{.sun_family = AF_UNIX};
  stale.copy(address.sun_path, sizeof address.sun_path - 1);
  const UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM, 0));
  ASSERT_EQ(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  const auto reply = Http({.socket_path = stale}, Deadline(clock_, kLong)).send({.method = "GET", .target = "/v1"});
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().exit, ExitCode::unavailable);
  EXPECT_NE(reply.error().message.find("Connection refused"), std::string::npos)
      << reply.error().message;
}

// In a child, for root may open every socket and the test may be root.
TEST_F(HttpTest, SaysWhoMayOpenTheSocket) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  ASSERT_EQ(::chmod(daemon_.socket_path().c_str(), 0), 0);
  ASSERT_EQ(::chmod(directory_.path().c_str(), 0755), 0);
  const auto exit_of_another_user = [this] {
    if (::geteuid() == 0 && ::setresuid(65534, 65534, 65534) != 0) ::_exit(1);
    const auto reply = Http({.socket_path = daemon_.socket_path()}, Deadline(clock_, kLong))
                           .send({.method = "GET", .target = "/v1"});
    ::_exit(reply ? 0 : static_cast<int>(reply.error().exit));
  };
  EXPECT_EXIT(exit_of_another_user(), testing::ExitedWithCode(static_cast<int>(ExitCode::denied)),
              "");
}

TEST_F(HttpTest, RefusesPathsThatNoSocketCanHave) {
  for (const std::string& path : {std::string(), "/" + std::string(kSocketPathBytesMax, 'x')}) {
    const auto reply = Http({.socket_path = path}, Deadline(clock_, kLong)).send({.method = "GET", .target = "/v1"});
    ASSERT_FALSE(reply);
    EXPECT_EQ(reply.error().exit, ExitCode::invalid);
  }
}

TEST(Http, EscapesWhatWouldLeaveItsPathSegment) {
  EXPECT_EQ(Http::escape("web1"), "web1");
  EXPECT_EQ(Http::escape("a/../b?c#d e%\xc3\xa4"), "a%2F..%2Fb%3Fc%23d%20e%25%C3%A4");
}

TEST_F(HttpTest, ADaemonThatTalksNonsenseIsAtFault) {
  for (const char* body : {"", "{", "[]", "<html>", R"({"a": 1, "a": 2})"}) {
    daemon_.answers("GET /v1/domains", Answer{.body = body});
    Http client = http();
    const auto list = Daemon(client).list("domains");
    ASSERT_FALSE(list) << body;
    EXPECT_EQ(list.error().exit, ExitCode::internal) << body;
  }
}

TEST_F(HttpTest, WillNotDeleteWhatItCannotName) {
  daemon_.answers("GET /v1/domains/web1", Answer{.body = "{}"});  // without ETag
  Http client = http();
  const auto removed = Daemon(client).remove("domains", "web1", false);
  ASSERT_FALSE(removed);
  EXPECT_EQ(removed.error().exit, ExitCode::internal);
  EXPECT_EQ(daemon_.lines(), std::vector<std::string>{"GET /v1/domains/web1"});
}

}  // namespace
}  // namespace vs::ctl
