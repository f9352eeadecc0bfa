// Every limit of the server bites, says so, is counted, and leaves the others alone.

#include <fcntl.h>
#include <sys/resource.h>

#include <chrono>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/vsmgrd/api/server_fixture.h"

namespace vs::http {
namespace {

using namespace std::chrono_literals;

constexpr auto kShort = 150ms;

class Limits : public ServerFixture {
 protected:
  void expect_bitten(Limit limit, std::uint64_t times = 1) {
    EXPECT_EQ(counters_.hits(limit), times) << name_of(limit);
  }
};

std::string get_of_size(std::size_t bytes) {
  const std::string begin = "GET /x HTTP/1.1\r\nHost: test\r\nX-Fill: ";
  const std::string end = "\r\n\r\n";
  return begin + std::string(bytes - begin.size() - end.size(), 'a') + end;
}

std::string put_of_size(std::size_t bytes) {
  return "PUT /x HTTP/1.1\r\nHost: test\r\nContent-Length: " + std::to_string(bytes) + "\r\n\r\n";
}

TEST_F(Limits, AHeaderOfTheLimitPasses) {
  start();
  RawClient client(socket());
  EXPECT_EQ(client.ask(get_of_size(options_.header_bytes_max)).status, 200);
  expect_bitten(Limit::header_bytes, 0);
}

TEST_F(Limits, AHeaderOneByteLongerGets431) {
  start();
  RawClient client(socket());
  const RawResponse response = client.ask(get_of_size(options_.header_bytes_max + 1));
  EXPECT_EQ(response.status, 431);
  EXPECT_EQ(response.header("Content-Type"), "application/problem+json");
  expect_bitten(Limit::header_bytes);
  expect_answers();
}

TEST_F(Limits, AHeaderWithoutEndGets431) {
  start();
  RawClient client(socket());
  EXPECT_EQ(client.ask("GET / HTTP/1.1\r\nX: " + std::string(64 * 1024, 'a')).status, 431);
  expect_bitten(Limit::header_bytes);
  expect_answers();
}

TEST_F(Limits, ARequestLineWithoutEndGets431) {
  start();
  RawClient client(socket());
  EXPECT_EQ(client.ask("GET /" + std::string(64 * 1024, 'a')).status, 431);
  expect_answers();
}

TEST_F(Limits, TrailersWithoutEndGet431) {
  start();
  RawClient client(socket());
  client.send("PUT / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n");
  EXPECT_EQ(client.ask("X: " + std::string(64 * 1024, 'a')).status, 431);
  expect_answers();
}

TEST_F(Limits, ABodyOfTheLimitPasses) {
  start();
  RawClient client(socket());
  client.send(put_of_size(options_.body_bytes_max));
  const RawResponse response = client.ask(std::string(options_.body_bytes_max, 'b'));
  ASSERT_EQ(response.status, 200);
  EXPECT_EQ(nlohmann::json::parse(response.body)["body"].get<std::string>().size(),
            options_.body_bytes_max);
}

TEST_F(Limits, DocumentsMayBeLongerThanOtherBodies) {
  options_.body_bytes_max = 1000;
  options_.documents_bytes_max = 5000;
  start();
  for (const char* path : {"/v1/apply", "/v1/apply?dryRun=true", "/v1/diff"}) {
    RawClient client(socket());
    const auto post = [&](std::size_t bytes) {
      return std::string("POST ") + path + " HTTP/1.1\r\nHost: x\r\nContent-Length: " + std::to_string(bytes) + "\r\n\r\n";
    };
    client.send(post(5000));
    EXPECT_EQ(client.ask(std::string(5000, 'b')).status, 200) << path;
    EXPECT_EQ(client.ask(post(5001)).status, 413) << path;
  }
}

TEST_F(Limits, ABodyOneByteLongerGets413BeforeItIsSent) {
  start();
  RawClient client(socket());
  const RawResponse response = client.ask(put_of_size(options_.body_bytes_max + 1));
  EXPECT_EQ(response.status, 413);
  EXPECT_EQ(response.header("Connection"), "close");
  expect_bitten(Limit::body_bytes);
  expect_answers();
}

TEST_F(Limits, AClientThatSendsItsLongBodyAllTheSameReadsThe413) {
  start();
  RawClient client(socket());
  client.send(put_of_size(options_.body_bytes_max + 1));
  client.send(std::string(options_.body_bytes_max + 1, 'b'));
  EXPECT_EQ(client.receive().status, 413);
  expect_answers();
}

TEST_F(Limits, ChunksThatAreTooMuchTogetherGet413) {
  options_.body_bytes_max = 1000;
  start();
  RawClient client(socket());
  client.send("PUT / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n");
  const std::string chunk = "1f4\r\n" + std::string(500, 'c') + "\r\n";
  client.send(chunk + chunk);
  EXPECT_EQ(client.ask("1\r\nc\r\n").status, 413);
  expect_bitten(Limit::body_bytes);
  expect_answers();
}

TEST_F(Limits, AHeaderThatDoesNotArriveGets408) {
  options_.header_timeout = kShort;
  start();
  RawClient client(socket());
  EXPECT_EQ(client.ask("GET / HTTP/1.1\r\nHost:").status, 408);
  EXPECT_TRUE(client.ended());
  expect_bitten(Limit::header_time);
  expect_answers();
}

TEST_F(Limits, AHeaderThatTricklesInGets408AllTheSame) {
  options_.header_timeout = kShort;
  start();
  RawClient client(socket());
  client.send("GET / HTTP/1.1\r\n");
  while (!client.answered_within(20ms)) client.send("X: y\r\n");
  EXPECT_EQ(client.receive().status, 408);
  expect_bitten(Limit::header_time);
  expect_answers();
}

TEST_F(Limits, AConnectionThatSaysNothingIsClosed) {
  options_.header_timeout = kShort;
  start();
  RawClient client(socket());
  EXPECT_TRUE(client.ended());
  expect_bitten(Limit::header_time);
  expect_answers();
}

TEST_F(Limits, ABodyThatDoesNotArriveGets408) {
  options_.body_timeout = kShort;
  start();
  RawClient client(socket());
  EXPECT_EQ(client.ask(put_of_size(10) + "half").status, 408);
  EXPECT_TRUE(client.ended());
  expect_bitten(Limit::body_time);
  expect_answers();
}

TEST_F(Limits, AClientThatIsToldToContinueAndDoesNotGets408) {
  options_.body_timeout = kShort;
  start();
  RawClient client(socket());
  client.send("PUT / HTTP/1.1\r\nHost: t\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n");
  EXPECT_EQ(client.receive().status, 100);
  EXPECT_EQ(client.receive().status, 408);
  expect_answers();
}

TEST_F(Limits, AnIdleConnectionIsClosed) {
  options_.idle_timeout = kShort;
  start();
  RawClient client(socket());
  EXPECT_EQ(client.ask("GET / HTTP/1.1\r\nHost: test\r\n\r\n").status, 200);
  EXPECT_TRUE(client.ended());
  expect_bitten(Limit::idle_time);
  expect_answers();
}

TEST_F(Limits, AClientThatDoesNotReadItsAnswerIsCutOff) {
  options_.write_timeout = kShort;
  start([](const Request& request) {
    return request.target == "/large" ? Response{.body = std::string(32 << 20, 'x')}
                                      : echo(request);
  });
  RawClient client(socket());
  client.send("GET /large HTTP/1.1\r\nHost: test\r\n\r\n");
  limits_.wait_for(Limit::write_time);
  EXPECT_EQ(client.receive().status, 0) << "the answer is whole";
  expect_answers();
}

TEST_F(Limits, ARequestThatIsNotAnsweredGets503AndTheLateAnswerIsDropped) {
  options_.handler_timeout = kShort;
  Door door;
  start([&](const Request& request) {
    if (request.target == "/slow") door.pass();
    return echo(request);
  });
  RawClient client(socket());
  const RawResponse response = client.ask("GET /slow HTTP/1.1\r\nHost: test\r\n\r\n");
  EXPECT_EQ(response.status, 503);
  EXPECT_EQ(response.header("Retry-After"), "1");
  EXPECT_EQ(nlohmann::json::parse(response.body)["code"], "unavailable");
  expect_bitten(Limit::handler_time);
  expect_answers();
  door.open();
  EXPECT_TRUE(client.ended());
  listener_.reset();
}

TEST_F(Limits, WhatWasNotBegunWhenItsClientWasTold503NeverHappens) {
  options_.handler_timeout = kShort;
  options_.handler_threads = 1;
  Door door;
  int done = 0;
  start([&](const Request& request) {
    if (request.target == "/first")
      door.pass();
    else
      ++done;
    return echo(request);
  });
  RawClient first(socket());
  first.send("GET /first HTTP/1.1\r\nHost: test\r\n\r\n");
  door.wait_for_visitors(1);
  RawClient second(socket());
  EXPECT_EQ(second.ask("PUT /second HTTP/1.1\r\nHost: test\r\n\r\n").status, 503);
  door.open();
  listener_.reset();
  EXPECT_EQ(done, 0);
}

TEST_F(Limits, MoreRequestsThanMayBeHandledGet503) {
  options_.requests_max = 2;
  Door door;
  start([&](const Request& request) {
    if (request.target == "/slow") door.pass();
    return echo(request);
  });
  RawClient one(socket());
  RawClient two(socket());
  one.send("GET /slow HTTP/1.1\r\nHost: test\r\n\r\n");
  two.send("GET /slow HTTP/1.1\r\nHost: test\r\n\r\n");
  door.wait_for_visitors(2);
  RawClient three(socket());
  EXPECT_EQ(three.ask("GET / HTTP/1.1\r\nHost: test\r\n\r\n").status, 503);
  expect_bitten(Limit::requests);
  door.open();
  EXPECT_EQ(one.receive().status, 200);
  EXPECT_EQ(two.receive().status, 200);
  expect_answers();
  listener_.reset();
}

TEST_F(Limits, HalfOpenConnectionsOfOneClientMakeRoomForItsNext) {
  options_.client_connections_max = 8;
  start();
  std::vector<RawClient> clients(20);
  for (RawClient& client : clients) {
    ASSERT_TRUE(client.connect(socket()));
    client.send("GET / HT");
  }
  limits_.wait_for(Limit::client_connections, 12);
  expect_answers();  // no deadline has passed, and none is needed
  for (int i = 0; i < 12; ++i) EXPECT_TRUE(clients[i].ended()) << i;
  expect_bitten(Limit::header_time, 0);
}

constexpr std::string_view kAsk = "GET / HTTP/1.1\r\nHost: test\r\n\r\n";

TEST_F(Limits, WhoNeverAskedGoesBeforeWhoDid) {
  options_.connections_max = 3;
  start();
  RawClient asked(socket());
  ASSERT_EQ(asked.ask(kAsk).status, 200);
  RawClient silent(socket());
  RawClient half(socket());
  half.send("GET / HT");
  RawClient next(socket());
  EXPECT_EQ(next.ask(kAsk).status, 200);
  EXPECT_TRUE(silent.ended());
  RawClient another(socket());
  EXPECT_EQ(another.ask(kAsk).status, 200);
  EXPECT_TRUE(half.ended());
  EXPECT_EQ(asked.ask(kAsk).status, 200) << "it is kept";
  expect_bitten(Limit::connections, 2);
}

TEST_F(Limits, AConnectionOverTheLimitWaitsWhileAllAreServed) {
  options_.connections_max = 2;
  options_.accept_backoff = 20ms;
  Door door;
  start([&](const Request& request) {
    if (request.target == "/slow") door.pass();
    return echo(request);
  });
  std::array<RawClient, 2> served{RawClient(socket()), RawClient(socket())};
  for (RawClient& client : served) client.send("GET /slow HTTP/1.1\r\nHost: test\r\n\r\n");
  door.wait_for_visitors(2);
  RawClient third(socket());
  third.send(kAsk);
  limits_.wait_for(Limit::connections);
  door.open();
  for (RawClient& client : served) EXPECT_EQ(client.receive().status, 200);
  EXPECT_EQ(third.receive().status, 200);
  listener_.reset();
}

TEST_F(Limits, AClientThatIsServedOnAllItsConnectionsGetsNoFurther) {
  options_.client_connections_max = 1;
  Door door;
  start([&](const Request& request) {
    door.pass();
    return echo(request);
  });
  RawClient served(socket());
  served.send(kAsk);
  door.wait_for_visitors(1);
  RawClient more(socket());
  EXPECT_TRUE(more.ended());
  door.open();
  EXPECT_EQ(served.receive().status, 200);
  listener_.reset();
}

// While the process has no descriptor left, clients wait; the server does not spin, and goes on
// afterwards.
TEST_F(Limits, WithoutDescriptorsTheServerBacksOff) {
  options_.accept_backoff = 20ms;
  start();
  expect_answers();
  RawClient client;  // has its descriptor before they run out
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const UniqueFd next(::fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0));  // the lowest that is free
  rlimit none = before;
  none.rlim_cur = static_cast<rlim_t>(next.get());
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  ASSERT_TRUE(client.connect(socket()));
  client.send("GET / HTTP/1.1\r\nHost: test\r\n\r\n");
  limits_.wait_for(Limit::descriptors, 2);
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_EQ(client.receive().status, 200);
  expect_answers();
}

TEST_F(Limits, WhatBitIsASample) {
  counters_.hit(Limit::body_bytes);
  counters_.hit(Limit::body_bytes);
  counters_.malformed();
  counters_.connections(+3);
  std::map<std::string, double> values;
  for (const Sample& sample : counters_.samples())
    values[sample.name + (sample.labels.empty() ? "" : '/' + sample.labels[0].second)] =
        sample.value;
  EXPECT_EQ(values.at("vservices_http_limits_total/body_bytes"), 2);
  EXPECT_EQ(values.at("vservices_http_limits_total/header_time"), 0);
  EXPECT_EQ(values.at("vservices_http_malformed_total"), 1);
  EXPECT_EQ(values.at("vservices_http_connections"), 3);
  EXPECT_EQ(values.size(), kLimits + 5);
}

}  // namespace
}  // namespace vs::http
