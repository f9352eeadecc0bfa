// Two nodes that speak to each other over loopback: the API of one, and the client of the other, with real certificates.

#include "vsmgrd/api/peer_client.h"

#include <arpa/inet.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/clock.h"
#include "tests/temporary_directory.h"
#include "tests/vsmgrd/api/certificates.h"
#include "tests/vsmgrd/api/heard_migrations.h"
#include "vsmgrd/api/api.h"
#include "vsmgrd/api/listening.h"
#include "vsmgrd/policy/engine.h"

namespace vs::http {
namespace {

using test::Authority;
using ::testing::HasSubstr;

inline constexpr std::chrono::minutes kLong{10};

class PeerClientTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto store = Store::open(directory_.path() / "state.db", clock_, decide_bindings);
    ASSERT_TRUE(store) << store.error().message;
    store_ = std::move(*store);
  }
  void TearDown() override {
    client_.reset();
    migrations_.hold(false);
    if (api_) api_->stop();
  }

  // node1, which has node2 as a peer.
  void serve(const std::string& address = "127.0.0.1:0", const Authority::Wanted& wanted = {.name = "node1"}) {
    ApiOptions options;
    options.server.socket_path = directory_.path() / "api.sock";
    options.server.remote_address = address;
    options.server.tls = nodes_.issue(wanted);
    options.server.tls.client_ca = clients_.file();
    options.server.tls.peer_ca = nodes_.file();
    options.access.peers = {"node2"};
    options.access.roles.push_back(*RoleRule::parse("cn:boss=admin"));
    auto api = Api::start(options, *store_, clock_, {.metrics_text = [] { return ""; }, .migrations = &migrations_});
    ASSERT_TRUE(api) << api.error().message;
    api_ = std::move(*api);
  }
  PeerSettings settings(const std::string& node = "node2") {
    PeerSettings settings{.node = node, .tls = nodes_.issue({.name = node})};
    settings.tls.peer_ca = nodes_.file();
    settings.peers.push_back({"node1", api_ ? api_->shown_address(Channel::remote) : "127.0.0.1:1"});
    // What is awaited here comes, however busy the machine is.
    settings.limits.connect = settings.limits.handshake = settings.limits.write = settings.limits.answer = kLong;
    return settings;
  }
  void connect(const PeerSettings& settings) {
    auto client = PeerClient::start(settings);
    ASSERT_TRUE(client) << client.error().message;
    client_ = std::move(*client);
  }
  static handoff::Message message(int number, const std::string& from = "node2") {
    return {.id = std::to_string(number), .verb = handoff::Verb::transfer, .from = from, .to = "node1"};
  }
  handoff::PeerView view(const std::string& peer = "node1") const {
    for (const auto& one : client_->peers())
      if (one.name == peer) return one;
    return {};
  }
  std::string trouble_of(const std::string& peer = "node1") const {
    for (;; std::this_thread::yield())
      if (const auto known = view(peer); !known.trouble.empty()) return known.trouble;
  }
  double counted(const std::string& name, const std::string& reason = "") const {
    for (const Sample& sample : client_->samples())
      if (sample.name == "vservices_peer_messages_" + name + "_total" && sample.labels.front().second == "node1" &&
          (reason.empty() || sample.labels.back().second == reason))
        return sample.value;
    return -1;
  }

  test::TemporaryDirectory directory_;
  SystemClock clock_;
  const Authority nodes_{directory_.path(), "nodes-ca"};
  const Authority clients_{directory_.path(), "clients-ca"};
  const Authority strangers_{directory_.path(), "strangers-ca"};
  test::HeardMigrations migrations_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<Api> api_;
  std::unique_ptr<PeerClient> client_;
};

TEST_F(PeerClientTest, TellsAsItWasSaidAndInOrder) {
  serve();
  connect(settings());
  EXPECT_FALSE(view().heard);
  constexpr int kMessages = 200;
  for (int i = 0; i < kMessages; ++i) client_->send("node1", message(i));
  const auto heard = migrations_.heard(kMessages);
  for (int i = 0; i < kMessages; ++i) EXPECT_EQ(heard[static_cast<std::size_t>(i)], std::pair(std::string("node2"), message(i)));
  while (counted("sent") < kMessages) std::this_thread::yield();
  EXPECT_TRUE(view().heard);
  EXPECT_EQ(view().trouble, "");
  EXPECT_EQ(counted("failed"), 0);
}

TEST_F(PeerClientTest, TellsTheLongestMessageThatThereIs) {
  serve();
  connect(settings());
  handoff::Message longest = message(1);
  longest.parcel.assign(handoff::kParcelBytesMax, '"');
  longest.states.push_back({.binding = "b", .state = std::string(handoff::kStatesBytesMax, '\\')});
  client_->send("node1", longest);
  client_->send("node1", message(2));
  const auto heard = migrations_.heard(2);
  EXPECT_TRUE(heard[0].second == longest);
  EXPECT_EQ(heard[1].second, message(2));
}

TEST_F(PeerClientTest, IsTakenForNoPeerWithAnAuthorityThatIsNone) {
  serve();
  PeerSettings ours = settings();
  ours.tls = strangers_.issue({.name = "node2"});
  ours.tls.peer_ca = test::bundle(directory_.path() / "both.pem", {&nodes_, &strangers_});
  connect(ours);
  client_->send("node1", message(1));
  EXPECT_NE(trouble_of(), "");
  EXPECT_TRUE(migrations_.heard().empty());
  EXPECT_EQ(counted("failed"), 1);
  EXPECT_FALSE(view().heard);
}

TEST_F(PeerClientTest, IsTakenForNoPeerWithACertificateOfAClient) {
  serve();
  for (const std::string name : {"node2", "boss", "node3"}) {
    PeerSettings ours = settings(name);
    ours.tls = (name == "node3" ? nodes_ : clients_).issue({.name = name});
    ours.tls.peer_ca = test::bundle(directory_.path() / "both.pem", {&nodes_, &clients_});
    connect(ours);
    client_->send("node1", message(1, name));
    const std::map<std::string, std::string> answers{
        {"node2", "answers 401: the client certificate is nobody's that is known here"},
        {"boss", "answers 403: POST /v1/peer-messages needs role peer; cert:boss has role admin"},
        {"node3", R"(answers 401: "node3" is no peer that is known here)"}};
    EXPECT_EQ(trouble_of(), answers.at(name));
  }
  EXPECT_TRUE(migrations_.heard().empty());
}

TEST_F(PeerClientTest, SpeaksForItselfAlone) {
  serve();
  connect(settings());
  client_->send("node1", message(1, "node3"));
  EXPECT_THAT(trouble_of(), HasSubstr(R"(answers 403: the message is of "node3", the certificate of "node2")"));
  client_->send("node1", message(2));
  EXPECT_EQ(migrations_.heard(1).front().second, message(2));
}

TEST_F(PeerClientTest, TellsNothingToWhoIsNotThePeer) {
  serve();
  PeerSettings ours = settings();
  ours.peers.front().name = "node9";
  connect(ours);
  client_->send("node9", message(1));
  EXPECT_EQ(trouble_of("node9"), "its certificate is not that of node9");

  ours.peers.front().name = "node1";
  ours.tls = strangers_.issue({.name = "node2"});
  ours.tls.peer_ca = strangers_.file();
  connect(ours);
  client_->send("node1", message(1));
  EXPECT_THAT(trouble_of(), HasSubstr("its certificate does not hold"));
  EXPECT_TRUE(migrations_.heard().empty());
}

TEST_F(PeerClientTest, TellsNothingToACertificateThatDoesNotHoldNow) {
  serve("127.0.0.1:0", {.name = "node1", .begins_s = 1800});
  connect(settings());
  client_->send("node1", message(1));
  EXPECT_EQ(trouble_of(), "its certificate does not hold: certificate is not yet valid");
  EXPECT_TRUE(migrations_.heard().empty());
}

TEST_F(PeerClientTest, IsNotStartedWithWhatOtherNodesWouldNotTake) {
  const auto fault_of = [this](const Authority& authority, const Authority::Wanted& wanted,
                               std::vector<PeerNode> peers = {{"node1", "127.0.0.1:1"}}) {
    PeerSettings ours{.node = "node2", .tls = authority.issue(wanted), .peers = std::move(peers)};
    ours.tls.peer_ca = nodes_.file();
    const auto checked = PeerClient::check(ours);
    return checked ? std::string() : checked.error().message;
  };
  EXPECT_EQ(fault_of(nodes_, {.name = "node2"}), "");
  EXPECT_THAT(fault_of(nodes_, {.name = "node3"}), HasSubstr(R"(its common name is "node3", this node's is "node2")"));
  EXPECT_THAT(fault_of(nodes_, {.name = "node2", .alternative = "DNS:node3"}), HasSubstr("no DNS name of its subjectAltName"));
  EXPECT_THAT(fault_of(strangers_, {.name = "node2"}), HasSubstr("other nodes will not take it: as ssl_client by the CA of"));
  EXPECT_THAT(fault_of(nodes_, {.name = "node2", .begins_s = -3600, .ends_s = -60}), HasSubstr("the certificate has expired"));
  EXPECT_THAT(fault_of(nodes_, {.name = "node2"}, {{"node2", "127.0.0.1:1"}}), HasSubstr("is this node itself"));
  EXPECT_THAT(fault_of(nodes_, {.name = "node2"}, {{"a", "127.0.0.1:1"}, {"a", "127.0.0.1:2"}}), HasSubstr("is there twice"));
  EXPECT_THAT(fault_of(nodes_, {.name = "node2"}, {{"a", "localhost:1"}}), HasSubstr("is not ADDRESS:PORT"));
  EXPECT_THAT(fault_of(nodes_, {.name = "node2"}, std::vector<PeerNode>(kPeersMax + 1)), HasSubstr("more than 64 peers"));
  for (const std::string wrong : {"", "node1", "node1=", "=127.0.0.1:1", "Node1=127.0.0.1:1", "node1=host:1", "node1=127.0.0.1"})
    EXPECT_FALSE(PeerNode::parse(wrong)) << wrong;
  EXPECT_EQ(PeerNode::parse("node1=[::1]:8443")->address, "[::1]:8443");
}

TEST_F(PeerClientTest, NeedsNoFilesWithoutPeersAndTakesSomeLater) {
  serve();
  connect({.node = "node2"});
  EXPECT_TRUE(client_->peers().empty());
  client_->send("node1", message(1));
  ASSERT_TRUE(client_->reload(settings()));
  client_->send("node1", message(2));
  EXPECT_EQ(migrations_.heard(1).front().second, message(2));
  ASSERT_TRUE(client_->reload({.node = "node2"}));
  EXPECT_TRUE(client_->peers().empty());
}

TEST_F(PeerClientTest, ReachesAPeerThatComesBack) {
  serve();
  connect(settings());
  client_->send("node1", message(1));
  EXPECT_EQ(migrations_.heard(1).size(), 1u);
  const std::string address = api_->shown_address(Channel::remote);
  api_->stop();
  api_.reset();
  client_->send("node1", message(2));
  EXPECT_THAT(trouble_of(), HasSubstr("connect"));
  serve(address);
  while (migrations_.heard().size() < 2) {
    client_->send("node1", message(3));
    std::this_thread::yield();
  }
  EXPECT_EQ(migrations_.heard(2)[1].second, message(3)) << "what waited while nobody was there is given up";
  while (!view().trouble.empty()) std::this_thread::yield();
}

TEST_F(PeerClientTest, NoticesAConnectionThatWasClosedBeforeItNeedsIt) {
  serve();
  connect(settings());
  const std::string address = api_->shown_address(Channel::remote);
  client_->send("node1", message(1));
  while (counted("sent") < 1) std::this_thread::yield();
  api_->stop();
  api_.reset();
  serve(address);
  client_->send("node1", message(2));
  EXPECT_EQ(migrations_.heard(2)[1].second, message(2));
  EXPECT_EQ(counted("failed"), 0);
}

// node1 by hand: of each connection it reads so many requests, and answers all but the last.
void answer_all_but_the_last(const Listening& at, SSL_CTX* context, std::initializer_list<int> of_connections) {
  for (const int requests : of_connections) {
    pollfd coming{.fd = at.fd.get(), .events = POLLIN, .revents = 0};
    VS_CHECK(::poll(&coming, 1, -1) == 1);
    const UniqueFd fd(::accept(at.fd.get(), nullptr, nullptr));
    const std::unique_ptr<SSL, CloseWith<&SSL_free>> tls(SSL_new(context));
    VS_CHECK(SSL_set_fd(tls.get(), fd.get()) == 1 && SSL_accept(tls.get()) == 1);
    std::string request(4096, ' ');
    for (int i = 1; i <= requests; ++i) {
      VS_CHECK(SSL_read(tls.get(), request.data(), static_cast<int>(request.size())) > 0);
      static constexpr std::string_view kAnswer = "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n";
      if (i < requests) SSL_write(tls.get(), kAnswer.data(), static_cast<int>(kAnswer.size()));
    }
  }
}

TEST_F(PeerClientTest, SendsAgainOnceWhatMetAConnectionThatWasClosed) {
  const auto at = listen_tcp(Channel::remote, "127.0.0.1:0");
  ASSERT_TRUE(at);
  TlsFiles files = nodes_.issue({.name = "node1"});
  files.peer_ca = nodes_.file();
  TlsContext tls;
  ASSERT_TRUE(tls.load(files));
  PeerSettings ours = settings();
  ours.peers.front().address = at->shown;
  connect(ours);
  // The first answers one, the second none: what meets its end was sent on a new connection, and is given up.
  std::thread node1([&] { answer_all_but_the_last(*at, tls.current().get(), {2, 1, 2}); });
  client_->send("node1", message(1));
  while (counted("sent") < 1) std::this_thread::yield();
  client_->send("node1", message(2));
  EXPECT_EQ(trouble_of(), "closed the connection");
  EXPECT_EQ(counted("failed"), 1) << "sent twice, and not a third time";
  client_->send("node1", message(3));
  while (counted("sent") < 2) std::this_thread::yield();
  EXPECT_EQ(view().trouble, "");
  client_->send("node1", message(4));  // lets the thread end
  node1.join();
}

TEST_F(PeerClientTest, DropsWhatHasNoRoomAndCountsIt) {
  serve();
  PeerSettings ours = settings();
  ours.limits.queue_messages_max = 2;
  ours.limits.queue_bytes_max = 10'000;
  connect(ours);
  migrations_.hold(true);
  client_->send("node1", message(1));
  EXPECT_EQ(migrations_.heard(1).size(), 1u);
  handoff::Message bulky = message(2);
  bulky.parcel.assign(20'000, 'x');
  client_->send("node1", bulky);
  for (int i = 3; i < 8; ++i) client_->send("node1", message(i));
  EXPECT_EQ(counted("dropped", "bytes"), 1);
  EXPECT_EQ(counted("dropped", "messages"), 3);
  migrations_.hold(false);
  const auto heard = migrations_.heard(3);
  EXPECT_EQ(heard[1].second, message(3));
  EXPECT_EQ(heard[2].second, message(4));
}

TEST_F(PeerClientTest, IsDelayedByNobodyWhoDoesNotAnswer) {
  serve();
  // Connected by the kernel, and never spoken to.
  const UniqueFd silent(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{.sin_family = AF_INET, .sin_port = 0, .sin_addr = {htonl(INADDR_LOOPBACK)}, .sin_zero = {}};
  socklen_t size = sizeof address;
  ASSERT_EQ(::bind(silent.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
  ASSERT_EQ(::listen(silent.get(), 8), 0);
  ASSERT_EQ(::getsockname(silent.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
  PeerSettings ours = settings();
  ours.peers.push_back({"node9", "127.0.0.1:" + std::to_string(ntohs(address.sin_port))});
  connect(ours);
  client_->send("node9", message(1));
  client_->send("node1", message(2));
  EXPECT_EQ(migrations_.heard(1).front().second, message(2));
  EXPECT_EQ(view("node9").trouble, "") << "its time is not over";
  client_->stop();  // returns at once, too
  client_->send("node1", message(3));

  ours.limits.handshake = std::chrono::milliseconds{20};
  connect(ours);
  client_->send("node9", message(1));
  EXPECT_EQ(trouble_of("node9"), "agrees on no TLS within 20 ms");
}

TEST_F(PeerClientTest, TakesOtherPeersAndFilesWhileItRuns) {
  serve();
  PeerSettings ours = settings();
  ours.peers.push_back({"node9", "127.0.0.1:1"});
  connect(ours);
  client_->send("node1", message(1));
  while (counted("sent") < 1) std::this_thread::yield();
  PeerSettings fresh = settings();
  ASSERT_TRUE(client_->reload(fresh));
  EXPECT_EQ(client_->peers().size(), 1u);
  client_->send("node1", message(2));
  client_->send("node9", message(3));
  EXPECT_EQ(migrations_.heard(2)[1].second, message(2));
  while (counted("sent") < 2) std::this_thread::yield();
  fresh.tls.key = nodes_.issue({.name = "node2"}).key;
  const auto wrong = client_->reload(fresh);
  ASSERT_FALSE(wrong);
  EXPECT_THAT(wrong.error().message, HasSubstr(fresh.tls.key.native()));
  client_->send("node1", message(4));
  EXPECT_EQ(migrations_.heard(3)[2].second, message(4)) << "with the files that were right";
}

}  // namespace
}  // namespace vs::http
