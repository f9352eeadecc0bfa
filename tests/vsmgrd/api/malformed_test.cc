// What is not HTTP gets 400 (or the limit's own status), as a problem, and the connection's end;
// others notice nothing.

#include <string>

#include <gtest/gtest.h>

#include "tests/vsmgrd/api/server_fixture.h"

namespace vs::http {
namespace {

using namespace std::string_literals;

struct Malformed {
  const char* name;
  std::string bytes;
  int status = 400;
};

void PrintTo(const Malformed& what, std::ostream* out) { *out << what.name; }

class Request400 : public ServerFixture, public ::testing::WithParamInterface<Malformed> {};

TEST_P(Request400, IsRefusedAndTheServerLives) {
  start();
  RawClient client(socket());
  const RawResponse response = client.ask(GetParam().bytes);

  EXPECT_EQ(response.status, GetParam().status);
  EXPECT_EQ(response.header("Content-Type"), "application/problem+json");
  EXPECT_EQ(response.header("Connection"), "close");
  const auto problem = nlohmann::json::parse(response.body);
  EXPECT_EQ(problem["status"], GetParam().status);
  EXPECT_EQ(problem["code"], "invalid");
  EXPECT_EQ(problem["requestId"], response.header("X-Request-Id"));
  client.end_sending();
  EXPECT_TRUE(client.ended());
  if (GetParam().status == 400) {
    EXPECT_EQ(counters_.malformed_count(), 1u);
  }
  expect_answers();
}

const std::string kPut = "PUT /x HTTP/1.1\r\nHost: test\r\n";
const std::string kChunked = kPut + "Transfer-Encoding: chunked\r\n\r\n";

INSTANTIATE_TEST_SUITE_P(
    Malformed, Request400,
    ::testing::Values(
        Malformed{"tls", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n"s},
        Malformed{"noise", "\x80\xff\xfe\x00\x01 \r\n\r\n"s}, Malformed{"no_target", "GET\r\n\r\n"},
        Malformed{"no_version", "GET /\r\n\r\n"},
        Malformed{"version_9", "GET / HTTP/9.9\r\nHost: test\r\n\r\n"},
        Malformed{"version_2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"},
        Malformed{"bare_newlines", "GET / HTTP/1.1\nHost: test\n\n"},
        Malformed{"no_host", "GET / HTTP/1.1\r\n\r\n"},
        Malformed{"two_hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"},
        Malformed{"blank_before_colon", "GET / HTTP/1.1\r\nHost : a\r\n\r\n"},
        Malformed{"control_byte", "GET / HTTP/1.1\r\nHost: test\r\nX: a\001b\r\n\r\n"},
        Malformed{"zero_byte", "GET / HTTP/1.1\r\nHost: test\r\nX: a\0b\r\n\r\n"s},
        Malformed{"control_in_target", "GET /a\001b HTTP/1.1\r\nHost: test\r\n\r\n"},
        Malformed{"length_word", kPut + "Content-Length: abc\r\n\r\n"},
        Malformed{"length_tail", kPut + "Content-Length: 5x\r\n\r\nhello"},
        Malformed{"length_float", kPut + "Content-Length: 1e2\r\n\r\n"},
        Malformed{"length_signed", kPut + "Content-Length: +5\r\n\r\nhello"},
        Malformed{"length_negative", kPut + "Content-Length: -1\r\n\r\n"},
        Malformed{"length_empty", kPut + "Content-Length: \r\n\r\n"},
        Malformed{"length_overflow", kPut + "Content-Length: 99999999999999999999\r\n\r\n"},
        Malformed{"length_twice", kPut + "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello"},
        Malformed{"lengths_differ", kPut + "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello"},
        Malformed{"length_list", kPut + "Content-Length: 5, 5\r\n\r\nhello"},
        Malformed{"length_and_chunked",
                  kPut + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
        Malformed{"chunked_and_length",
                  kPut + "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n"},
        Malformed{"coding_gzip", kPut + "Transfer-Encoding: gzip\r\n\r\n"},
        Malformed{"coding_gzip_chunked",
                  kPut + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"},
        Malformed{"coding_chunked_gzip", kPut + "Transfer-Encoding: chunked, gzip\r\n\r\n"},
        Malformed{"coding_twice", kPut + "Transfer-Encoding: chunked\r\n"
                                         "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
        Malformed{"coding_in_1_0",
                  "PUT /x HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
        Malformed{"chunk_minus_one", kChunked + "-1\r\nabc\r\n"},
        Malformed{"chunk_minus_two", kChunked + "-2\r\nabc\r\n"},
        Malformed{"chunk_not_hex", kChunked + "zz\r\nabc\r\n"},
        Malformed{"chunk_empty", kChunked + "\r\nabc\r\n"},
        Malformed{"chunk_without_end", kChunked + "3\r\nabcX\r\n0\r\n\r\n"},
        Malformed{"chunk_overflows", kChunked + "11111111111111111\r\nabc\r\n"},
        Malformed{"chunk_of_2_gib", kChunked + "7fffffff\r\nabc\r\n", 413},
        Malformed{"chunk_of_all", kChunked + "ffffffffffffffff\r\nabc\r\n", 413},
        Malformed{"trailer_length", kChunked + "0\r\nContent-Length: 3\r\n\r\n"},
        Malformed{"expects_more", kPut + "Expect: a-miracle\r\nContent-Length: 3\r\n\r\nabc", 417}),
    [](const auto& each) { return each.param.name; });

class Malformed400 : public ServerFixture {};

// Where it ends is known, so the connection can go on.
TEST_F(Malformed400, ATargetThatIsNoUri) {
  start();
  RawClient client(socket());
  for (const std::string target : {"/a\"b", "1:/"}) {
    const RawResponse response = client.ask("GET " + target + " HTTP/1.1\r\nHost: test\r\n\r\n");
    EXPECT_EQ(response.status, 400) << target;
    EXPECT_EQ(response.header("Content-Type"), "application/problem+json");
  }
  expect_answers();
}

TEST_F(Malformed400, HalfARequestAndTheEnd) {
  start();
  RawClient client(socket());
  client.send("GET / HTTP/1.1\r\nHo");
  client.end_sending();
  EXPECT_EQ(client.receive().status, 400);
  EXPECT_TRUE(client.ended());
}

TEST_F(Malformed400, AConnectionWithoutAWordEndsWithoutAWord) {
  start();
  RawClient client(socket());
  client.end_sending();
  EXPECT_TRUE(client.ended());
  EXPECT_EQ(counters_.malformed_count(), 0u);
}

TEST_F(Malformed400, WhatFollowsARefusedRequestIsNotARequest) {
  int handled = 0;
  start([&](const Request& request) {
    ++handled;
    return echo(request);
  });
  RawClient client(socket());
  client.send(kPut + "Content-Length: abc\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: test\r\n\r\n");
  EXPECT_EQ(client.receive().status, 400);
  client.end_sending();
  EXPECT_TRUE(client.ended());
  listener_->stop();
  EXPECT_EQ(handled, 0);
}

}  // namespace
}  // namespace vs::http
