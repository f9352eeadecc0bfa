// How the server serves, starts and ends.

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "tests/vsmgrd/api/server_fixture.h"
#include "vsmgrd/api/unix_socket.h"

namespace vs::http {
namespace {

const std::string kGet = "GET /x HTTP/1.1\r\nHost: test\r\n\r\n";

class Server : public ServerFixture {
 protected:
  // The handler's view of a request, from echo().
  static nlohmann::json seen(const RawResponse& response) {
    EXPECT_EQ(response.status, 200);
    return nlohmann::json::parse(response.body, nullptr, false);
  }
};

TEST_F(Server, HandsOverTheRequestAsItWas) {
  start();
  RawClient client(socket());
  const auto request = seen(
      client.ask("PUT /v1/a%20b?x=1&y=%C3%BC HTTP/1.1\r\nHost: test\r\nX-One: 1\r\nx-ONE: 2\r\n"
                 "Content-Length: 5\r\n\r\nhello"));
  EXPECT_EQ(request["method"], "PUT");
  EXPECT_EQ(request["target"], "/v1/a%20b?x=1&y=%C3%BC");
  EXPECT_EQ(request["headers"]["x-one"], "1, 2");
  EXPECT_EQ(request["body"], "hello");
}

TEST_F(Server, KnowsItsPeerFromTheKernel) {
  start();
  RawClient client(socket());
  EXPECT_EQ(seen(client.ask(kGet))["peer"], described({.peer = Peer{::getuid(), ::getgid(), ::getpid()}}));
}

TEST_F(Server, KeepsTheConnectionForTheNextRequest) {
  start();
  RawClient client(socket());
  for (int i = 0; i < 10; ++i) {
    const RawResponse response = client.ask(kGet);
    EXPECT_EQ(response.status, 200);
    EXPECT_EQ(response.header("Connection"), "keep-alive");
    EXPECT_TRUE(response.header("Date").ends_with(" GMT"));
  }
}

TEST_F(Server, AnswersPipelinedRequestsInOrder) {
  start();
  RawClient client(socket());
  std::string all;
  for (int i = 0; i < 50; ++i) {
    const std::string body(static_cast<std::size_t>(i), 'b');
    all += "PUT /" + std::to_string(i) +
           " HTTP/1.1\r\nHost: test\r\nContent-Length: " + std::to_string(i) + "\r\n\r\n" + body;
  }
  client.send(all);
  for (int i = 0; i < 50; ++i) {
    const auto request = seen(client.receive());
    EXPECT_EQ(request["target"], "/" + std::to_string(i));
    EXPECT_EQ(request["body"].get<std::string>().size(), static_cast<std::size_t>(i));
  }
}

TEST_F(Server, AnswersAClientThatEndedSending) {
  start();
  RawClient client(socket());
  client.send(kGet + kGet);
  client.end_sending();
  EXPECT_EQ(client.receive().status, 200);
  EXPECT_EQ(client.receive().status, 200);
  EXPECT_TRUE(client.ended());
}

TEST_F(Server, ClosesWhenAsked) {
  start();
  RawClient client(socket());
  const RawResponse response =
      client.ask("GET / HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n" + kGet);
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.header("Connection"), "close");
  EXPECT_TRUE(client.ended()) << "a request behind the last one was answered";
}

TEST_F(Server, ClosesAfterHttp10) {
  start();
  RawClient client(socket());
  EXPECT_EQ(client.ask("GET / HTTP/1.0\r\n\r\n").status, 200);
  EXPECT_TRUE(client.ended());
}

TEST_F(Server, KeepsAnHttp10ConnectionWhenAsked) {
  start();
  RawClient client(socket());
  const std::string ask = "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n";
  EXPECT_EQ(client.ask(ask).header("Connection"), "keep-alive");
  EXPECT_EQ(client.ask(ask).status, 200);
}

TEST_F(Server, AnswersHeadWithTheLengthAndNoBody) {
  start();
  RawClient client(socket());
  client.send("HEAD / HTTP/1.1\r\nHost: test\r\n\r\n" + kGet);
  const RawResponse head = client.receive(true);
  EXPECT_EQ(head.status, 200);
  EXPECT_NE(head.header("Content-Length"), "0");
  EXPECT_EQ(seen(client.receive())["method"], "GET") << "a body stood between the answers";
}

TEST_F(Server, PutsChunksTogetherByteByByte) {
  start();
  RawClient client(socket());
  for (const char byte :
       std::string("PUT / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n"
                   "\r\n5;ext=\"x\"\r\nhello\r\n1\r\n \r\n5\r\nworld\r\n0\r\n\r\n"))
    client.send({&byte, 1});
  EXPECT_EQ(seen(client.receive())["body"], "hello world");
}

TEST_F(Server, TakesNoHeaderFromTrailers) {
  start();
  RawClient client(socket());
  const auto request =
      seen(client.ask("PUT / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n"
                      "1\r\na\r\n0\r\nIf-Match: \"1\"\r\n\r\n"));
  EXPECT_FALSE(request["headers"].contains("if-match"));
}

TEST_F(Server, TellsAClientThatAsksToContinue) {
  start();
  RawClient client(socket());
  client.send("PUT / HTTP/1.1\r\nHost: test\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n");
  EXPECT_EQ(client.receive().status, 100);
  EXPECT_EQ(seen(client.ask("abc"))["body"], "abc");
}

TEST_F(Server, AnswersOptionsAndTraceLikeAnyOther) {
  start();
  RawClient client(socket());
  EXPECT_EQ(seen(client.ask("OPTIONS / HTTP/1.1\r\nHost: test\r\n\r\n"))["method"], "OPTIONS");
  EXPECT_EQ(seen(client.ask("TRACE / HTTP/1.1\r\nHost: test\r\n\r\n"))["method"], "TRACE");
}

TEST_F(Server, AnswersAHandlerThatThrowsWith500) {
  start([](const Request& request) {
    if (request.target == "/throw") throw std::runtime_error("secret");
    if (request.target == "/throw_int") throw 7;
    return echo(request);
  });
  for (const std::string path : {"/throw", "/throw_int"}) {
    RawClient client(socket());
    const RawResponse response = client.ask("GET " + path + " HTTP/1.1\r\nHost: test\r\n\r\n");
    EXPECT_EQ(response.status, 500);
    EXPECT_EQ(nlohmann::json::parse(response.body)["code"], "internal");
    EXPECT_EQ(response.body.find("secret"), std::string::npos);
    EXPECT_EQ(client.ask(kGet).status, 200) << "the connection is lost";
  }
}

TEST_F(Server, LetsNoHandlerForgeAHeader) {
  start([](const Request&) {
    return Response{.headers = {{"X-Good", "1"}, {"X-Evil", "a\r\nX-Forged: 1"}}, .body = "x"};
  });
  RawClient client(socket());
  const RawResponse response = client.ask(kGet);
  EXPECT_EQ(response.header("X-Good"), "1");
  EXPECT_EQ(response.header("X-Evil"), "");
  EXPECT_EQ(response.header("X-Forged"), "");
}

TEST_F(Server, OutlivesClientsThatVanishMidReply) {
  start([](const Request& request) {
    return request.target == "/alive" ? echo(request) : Response{.body = std::string(8 << 20, 'x')};
  });
  for (int i = 0; i < 10; ++i) {
    RawClient client(socket());
    client.send(kGet);
    EXPECT_TRUE(client.receive_some());
    client.close();
  }
  expect_answers();
}

TEST_F(Server, ServesManyAtOnce) {
  start();
  std::atomic<int> right{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&, i] {
      RawClient client(socket());
      for (int j = 0; j < 50; ++j) {
        const std::string target = "/" + std::to_string(i) + "/" + std::to_string(j);
        const auto response = client.ask("GET " + target + " HTTP/1.1\r\nHost: test\r\n\r\n");
        if (nlohmann::json::parse(response.body, nullptr, false)["target"] == target) ++right;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(right, 400);
}

TEST_F(Server, FinishesWhatIsBeingHandledWhenItStops) {
  Door door;
  start([&](const Request& request) {
    door.pass();
    return echo(request);
  });
  std::vector<RawClient> clients(3);
  for (RawClient& client : clients) {
    ASSERT_TRUE(client.connect(socket()));
    client.send(kGet);
  }
  RawClient idle(socket());
  RawClient half(socket());
  half.send("GET / HT");
  door.wait_for_visitors(3);
  std::thread stopping([&] { listener_->stop(); });
  EXPECT_TRUE(idle.ended());
  EXPECT_TRUE(half.ended());
  EXPECT_FALSE(RawClient().connect(socket()));
  door.open();
  for (RawClient& client : clients) {
    const RawResponse response = client.receive();
    EXPECT_EQ(response.status, 200);
    EXPECT_EQ(response.header("Connection"), "close");
    EXPECT_TRUE(client.ended());
  }
  stopping.join();
  EXPECT_FALSE(std::filesystem::exists(socket()));
}

TEST_F(Server, DoesNotWaitForEverForAClientThatDoesNotRead) {
  options_.drain_timeout = std::chrono::milliseconds(100);
  start([](const Request&) { return Response{.body = std::string(32 << 20, 'x')}; });
  RawClient client(socket());
  client.send(kGet);
  EXPECT_TRUE(client.receive_some());
  listener_->stop();
  EXPECT_EQ(counters_.hits(Limit::drain_time), 1u);
}

TEST_F(Server, StartsAgainAfterItStopped) {
  for (int i = 0; i < 5; ++i) {
    start();
    expect_answers();
    listener_->stop();
    listener_->stop();
  }
}

TEST_F(Server, IsOneAProcess) {
  start();
  ServerOptions other = options_;
  other.socket_path = directory_.path() / "other.sock";
  const auto second = Listener::start(other, counters_, clock_, echo);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::conflict);
  EXPECT_FALSE(std::filesystem::exists(other.socket_path));
  expect_answers();
}

class SocketFile : public ::testing::Test {
 protected:
  [[nodiscard]] std::filesystem::path path() const { return directory_.path() / "s.sock"; }
  test::TemporaryDirectory directory_;
};

TEST_F(SocketFile, HasTheModeAndGroupThatWereAsked) {
  const auto made = UnixSocket::listen(path(), 0620, ::getgid());
  ASSERT_TRUE(made);
  struct stat status {};
  ASSERT_EQ(::stat(path().c_str(), &status), 0);
  EXPECT_TRUE(S_ISSOCK(status.st_mode));
  EXPECT_EQ(status.st_mode & 07777, 0620u);
  EXPECT_EQ(status.st_gid, ::getgid());
}

TEST_F(SocketFile, GoesWithItsOwner) {
  { ASSERT_TRUE(UnixSocket::listen(path(), 0660, {})); }
  EXPECT_FALSE(std::filesystem::exists(path()));
}

TEST_F(SocketFile, OfADeadProcessIsReplaced) {
  {
    const UniqueFd dead(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
    std::strcpy(address.sun_path, path().c_str());
    ASSERT_EQ(::bind(dead.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  }
  ASSERT_TRUE(std::filesystem::exists(path()));
  ASSERT_TRUE(UnixSocket::listen(path(), 0660, {}));
}

TEST_F(SocketFile, ThatSomebodyListensOnIsKept) {
  const auto first = UnixSocket::listen(path(), 0660, {});
  ASSERT_TRUE(first);
  const auto second = UnixSocket::listen(path(), 0660, {});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::conflict);
  EXPECT_TRUE(RawClient().connect(path()));
}

TEST_F(SocketFile, ThatIsNoSocketIsKept) {
  const UniqueFd file(::open(path().c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
  const auto made = UnixSocket::listen(path(), 0660, {});
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, ErrorCode::conflict);
  EXPECT_TRUE(std::filesystem::is_regular_file(path()));
}

TEST_F(SocketFile, OfAnotherIsNotRemoved) {
  auto first = UnixSocket::listen(path(), 0660, {});
  ASSERT_TRUE(first);
  std::filesystem::rename(path(), directory_.path() / "moved");
  const auto second = UnixSocket::listen(path(), 0660, {});
  ASSERT_TRUE(second);
  { const UnixSocket gone = std::move(*first); }
  EXPECT_TRUE(RawClient().connect(path()));
}

TEST_F(SocketFile, WithATooLongNameIsInvalid) {
  const auto made = UnixSocket::listen(directory_.path() / std::string(108, 'x'), 0660, {});
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, ErrorCode::invalid);
}

}  // namespace
}  // namespace vs::http
