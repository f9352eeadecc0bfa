// Responses that go on, and responses that come later.

#include "vsmgrd/api/stream.h"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "tests/vsmgrd/api/server_fixture.h"

namespace vs::http {
namespace {

constexpr std::size_t kStreamBytes = 1024;

TEST(Stream, GivesWhatWasPutInOrder) {
  Stream stream(kStreamBytes);
  EXPECT_TRUE(stream.put("one "));
  EXPECT_TRUE(stream.put("two"));
  EXPECT_EQ(stream.take(), "one two");
  EXPECT_EQ(stream.take(), "");
}

TEST(Stream, TakesNothingWithoutRoomAndTellsWhenThereIsSome) {
  Stream stream(10);
  int told = 0;
  stream.on_room([&] { ++told; });
  EXPECT_TRUE(stream.put("12345678"));
  EXPECT_FALSE(stream.put("abc"));
  EXPECT_EQ(told, 0);
  EXPECT_EQ(stream.take(), "12345678");
  EXPECT_EQ(told, 1);
  EXPECT_TRUE(stream.put("abc"));
}

TEST(Stream, HasRoomForAnythingWhenItIsEmpty) {
  Stream stream(4);
  EXPECT_TRUE(stream.put("longer than four"));
  EXPECT_EQ(stream.take(), "longer than four");
}

TEST(Stream, TellsOfTheFirstTextAndOfTheEnd) {
  Stream stream(kStreamBytes);
  int told = 0;
  stream.on_text([&] { ++told; });
  stream.put("a");
  stream.put("b");
  EXPECT_EQ(told, 1);
  stream.end();
  EXPECT_EQ(told, 2);
}

TEST(Stream, IsDrainedWhenItEndedAndAllWasTaken) {
  Stream stream(kStreamBytes);
  stream.put("rest");
  stream.end();
  EXPECT_FALSE(stream.put("too late"));
  EXPECT_FALSE(stream.drained());
  EXPECT_EQ(stream.take(), "rest");
  EXPECT_TRUE(stream.drained());
}

TEST(Stream, TellsTheMakerThatTheReaderIsGone) {
  Stream stream(kStreamBytes);
  int told = 0;
  stream.on_room([&] { ++told; });
  stream.close();
  stream.close();
  EXPECT_EQ(told, 1);
  EXPECT_TRUE(stream.over());
  EXPECT_FALSE(stream.put("x"));
}

// Answers /stream with a stream that the test fills, everything else at once.
class StreamServer : public ServerFixture {
 protected:
  void start_streams() {
    start([this](const Request& request) {
      if (!request.target.starts_with("/stream")) return echo(request);
      auto stream = std::make_shared<Stream>(kStreamBytes);
      const std::lock_guard lock(mutex_);
      streams_.emplace_back(stream);
      changed_.notify_all();
      return Response{.content_type = "text/event-stream", .stream = std::move(stream)};
    });
  }
  // The stream of the oldest request that has not been taken yet.
  std::shared_ptr<Stream> next_stream() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return !streams_.empty(); });
    auto stream = streams_.front().lock();
    streams_.pop_front();
    return stream;
  }
  static void wait_until_over(const Stream& stream) {
    while (!stream.over()) std::this_thread::yield();
  }
  static constexpr std::string_view kAsk = "GET /stream HTTP/1.1\r\nHost: test\r\n\r\n";

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::weak_ptr<Stream>> streams_;
};

TEST_F(StreamServer, SendsPartsWhenTheyAreMadeAndClosesAtTheEnd) {
  start_streams();
  RawClient client(socket());
  const RawResponse head = client.ask(kAsk);
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.header("Transfer-Encoding"), "chunked");
  EXPECT_EQ(head.header("Content-Length"), "");
  EXPECT_EQ(head.header("Content-Type"), "text/event-stream");
  const auto stream = next_stream();
  stream->put("first");
  EXPECT_EQ(client.receive_chunk(), "first");
  stream->put("second");
  EXPECT_EQ(client.receive_chunk(), "second");
  stream->put("last words");
  stream->end();
  EXPECT_EQ(client.receive_chunk(), "last words");
  EXPECT_EQ(client.receive_chunk(), "");
  EXPECT_TRUE(client.ended());
}

TEST_F(StreamServer, EndsTheBodyOfAnOldClientWithTheConnection) {
  start_streams();
  RawClient client(socket());
  const RawResponse head = client.ask("GET /stream HTTP/1.0\r\n\r\n");
  EXPECT_EQ(head.header("Transfer-Encoding"), "");
  const auto stream = next_stream();
  stream->put("plain");
  stream->end();
  EXPECT_TRUE(client.receive_some());
  while (client.receive_some()) {
  }
}

TEST_F(StreamServer, SendsNoBodyToHead) {
  start_streams();
  RawClient client(socket());
  EXPECT_EQ(client.ask("HEAD /stream HTTP/1.1\r\nHost: test\r\n\r\n").status, 200);
  EXPECT_TRUE(client.ended());
  EXPECT_EQ(counters_.stream_count(), 0);
}

TEST_F(StreamServer, LetsGoOfAStreamWhoseClientLeft) {
  start_streams();
  RawClient client(socket());
  EXPECT_EQ(client.ask(kAsk).status, 200);
  const auto stream = next_stream();
  client.close();
  wait_until_over(*stream);
  expect_answers();
}

TEST_F(StreamServer, GivesUpAClientThatDoesNotReadAndCountsIt) {
  options_.write_timeout = std::chrono::milliseconds(200);
  start_streams();
  RawClient client(socket());
  EXPECT_EQ(client.ask(kAsk).status, 200);
  const auto stream = next_stream();
  // More than the socket's buffers hold.
  const std::string part(1 << 20, 'x');
  while (!stream->over())
    if (!stream->put(part)) std::this_thread::yield();
  limits_.wait_for(Limit::stream_time);
  EXPECT_EQ(counters_.hits(Limit::stream_time), 1U);
}

TEST_F(StreamServer, HoldsABoundedAmountForAClientThatDoesNotRead) {
  start_streams();
  RawClient client(socket());
  EXPECT_EQ(client.ask(kAsk).status, 200);
  const auto stream = next_stream();
  const std::string part(kStreamBytes, 'x');
  std::size_t put = 0;
  for (int tries = 0; tries < 100'000; ++tries) put += stream->put(part) ? part.size() : 0;
  EXPECT_LT(put, std::size_t{16} << 20);  // the socket's buffers, and one part
  EXPECT_FALSE(stream->put(part));
}

TEST_F(StreamServer, ServesOthersWhileEveryStreamIsOpen) {
  options_.handler_threads = 1;
  options_.io_threads = 1;
  start_streams();
  std::vector<std::unique_ptr<RawClient>> watchers;
  std::vector<std::shared_ptr<Stream>> streams;
  for (int i = 0; i < 16; ++i) {
    watchers.push_back(std::make_unique<RawClient>(socket()));
    EXPECT_EQ(watchers.back()->ask(kAsk).status, 200);
    streams.push_back(next_stream());
  }
  expect_answers();
  for (const auto& stream : streams) stream->put("to all");
  for (const auto& watcher : watchers) EXPECT_EQ(watcher->receive_chunk(), "to all");
}

TEST_F(StreamServer, RefusesMoreStreamsThanItMayHave) {
  options_.streams_max = 1;
  start_streams();
  RawClient first(socket());
  EXPECT_EQ(first.ask(kAsk).status, 200);
  RawClient second(socket());
  EXPECT_EQ(second.ask(kAsk).status, 503);
  EXPECT_EQ(counters_.hits(Limit::streams), 1U);
  const auto stream = next_stream();
  stream->end();
  EXPECT_EQ(first.receive_chunk(), "");
}

TEST_F(StreamServer, EndsItsStreamsWhenItStops) {
  start_streams();
  RawClient client(socket());
  EXPECT_EQ(client.ask(kAsk).status, 200);
  const auto stream = next_stream();
  stream->put("before");
  listener_->stop();
  EXPECT_EQ(client.receive_chunk(), "before");
  EXPECT_EQ(client.receive_chunk(), "");
  EXPECT_TRUE(client.ended());
  EXPECT_EQ(counters_.hits(Limit::drain_time), 0U);
}

TEST_F(ServerFixture, GivesAnAnswerThatComesLater) {
  std::mutex mutex;
  std::condition_variable changed;
  Response::Answer answer;
  options_.handler_threads = 1;
  start([&](const Request& request) {
    if (request.target != "/later") return echo(request);
    return Response{.later = [&](Response::Answer given) {
      const std::lock_guard lock(mutex);
      answer = std::move(given);
      changed.notify_all();
    }};
  });
  RawClient client(socket());
  client.send("GET /later HTTP/1.1\r\nHost: test\r\n\r\n");
  std::unique_lock lock(mutex);
  changed.wait(lock, [&] { return answer != nullptr; });
  expect_answers();  // no handler thread waits for it
  EXPECT_FALSE(client.answered_within(std::chrono::milliseconds(0)));
  answer({.status = 200, .content_type = "text/plain", .body = "at last"});
  answer = nullptr;
  EXPECT_EQ(client.receive().body, "at last");
}

TEST_F(ServerFixture, AnswersInPlaceOfWhoForgetsToAnswerLater) {
  start([](const Request&) { return Response{.later = [](const Response::Answer&) {}}; });
  RawClient client(socket());
  EXPECT_EQ(client.ask("GET /later HTTP/1.1\r\nHost: test\r\n\r\n").status, 503);
}

}  // namespace
}  // namespace vs::http
