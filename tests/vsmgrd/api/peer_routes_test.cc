// Who is a peer, what it may tell us, and how it is answered.

#include <string>

#include "tests/vsmgrd/api/heard_migrations.h"
#include "tests/vsmgrd/api/rest_fixture.h"
#include "vsmgrd/api/wire.h"

namespace vs::http {
namespace {

using nlohmann::json;

class PeerRoutes : public RestFixture {
 protected:
  void SetUp() override {
    RestFixture::SetUp();
    peers_access_.reload({.peers = {"node2"}});
    told_ = std::make_unique<Dispatcher>(
        make_router(*store_, *background_, [] { return ""; }, {}, nullptr, {}, {}, &migrations_), peers_access_, clock_, nullptr);
  }
  Response tell(const json& body, Headers headers = {}) {
    const std::string target(kPeerMessagesPath);
    Request request{.method = "POST",
                    .target = target,
                    .headers = {{"content-type", "application/json"}},
                    .body = body.dump(),
                    .origin = {.channel = Channel::remote, .address = "192.0.2.1", .certificate_node = "node2"}};
    for (const auto& [name, value] : headers) request.headers.emplace(name, value);
    Response response = answered(told_->handle(std::move(request)));
    EXPECT_EQ(OpenApiCheck::shared().faults("POST", target, response), "") << response.status << ' ' << response.body;
    return response;
  }
  static handoff::Message message(const std::string& from = "node2") {
    return {.id = "h1", .verb = handoff::Verb::check, .from = from, .to = "node1", .domain = "web1",
            .bindings = {{.name = "b", .epoch = 3}}, .parcel = R"({"a": "b"})"};
  }

  test::HeardMigrations migrations_;
  Access peers_access_{kOwner, {}, {}, clock_};
  std::unique_ptr<Dispatcher> told_;
};

TEST_F(PeerRoutes, HearAMessageAsItWasSaid) {
  const json body = handoff::encode(message());
  EXPECT_EQ(OpenApiCheck::shared().faults("PeerMessage", body), "");
  EXPECT_EQ(tell(body).status, 202);
  const auto heard = migrations_.heard(1);
  EXPECT_EQ(heard.front().first, "node2");
  EXPECT_EQ(heard.front().second, message());
}

TEST_F(PeerRoutes, BelieveNobodyWhoSpeaksForAnother) {
  const json refused = problem(tell(handoff::encode(message("node3"))), 403);
  EXPECT_EQ(refused["detail"], R"(the message is of "node3", the certificate of "node2")");
  EXPECT_TRUE(migrations_.heard().empty());
}

TEST_F(PeerRoutes, SayWhatIsNoMessage) {
  json body = handoff::encode(message());
  body["verb"] = "take";
  EXPECT_EQ(problem(tell(body), 400)["detail"], "handoff message: verb is none of the protocol");
  EXPECT_EQ(tell(json::array({1})).status, 400);
  EXPECT_EQ(tell(json::object()).status, 400);
  EXPECT_EQ(tell(handoff::encode(message()), {{"idempotency-key", "k"}}).status, 400) << "nothing of it is kept";
  EXPECT_TRUE(migrations_.heard().empty());
}

TEST_F(PeerRoutes, SayWhenTooMuchWaits) {
  migrations_.set_full(true);
  EXPECT_EQ(problem(tell(handoff::encode(message())), 429)["detail"], "too much waits");
}

TEST_F(PeerRoutes, AreClosedToAnAdminAndWithoutHandoffs) {
  const json body = handoff::encode(message());
  const json refused = problem(ask("POST", std::string(kPeerMessagesPath), body), 403);
  EXPECT_EQ(refused["detail"], "POST /v1/peer-messages needs role peer; uid:990 has role admin");
  told_ = std::make_unique<Dispatcher>(make_router(*store_, *background_, [] { return ""; }), peers_access_, clock_, nullptr);
  EXPECT_EQ(tell(body).status, 404);
}

TEST_F(PeerRoutes, AreAllThatAPeerMayUse) {
  Dispatcher dispatcher(make_router(*store_, *background_, [] { return ""; }), peers_access_, clock_, nullptr);
  const Router router = make_router(*store_, *background_, [] { return ""; });
  for (const Route& route : router.routes()) {
    std::string target = route.path;
    for (const std::string parameter : {"{name}", "{id}"})
      if (const auto at = target.find(parameter); at != std::string::npos) target.replace(at, parameter.size(), "none");
    const Response response = dispatcher.handle({.method = route.method,
                                                 .target = target,
                                                 .headers = {{"content-type", "application/json"}},
                                                 .body = route.takes_body ? "{}" : "",
                                                 .origin = {.channel = Channel::remote, .certificate_node = "node2"}});
    EXPECT_EQ(response.status, route.needs == Role::peer ? 404 : 403) << route.method << ' ' << route.path;
  }
}

TEST(PeerAccess, IsByACertificateOfThePeersCa) {
  constexpr uid_t kOwner = 990;
  const SystemClock clock;
  AccessSettings settings{.roles = {*RoleRule::parse("cn:node2=admin"), *RoleRule::parse("uid:7=admin")}, .peers = {"node2"}};
  const auto find = [](std::string_view) -> std::optional<Token> { return Token{.name = "ci", .role = "admin"}; };
  Access access(kOwner, settings, find, clock);
  const auto identify = [&](const Origin& origin, std::map<std::string, std::string, std::less<>> headers = {}) {
    return access.identify({.method = "GET", .target = "/v1", .headers = std::move(headers), .origin = origin});
  };
  const Origin client{.channel = Channel::remote, .certificate_sha256 = std::string(64, '0'), .certificate_subject = "node2"};
  EXPECT_EQ(identify(client)->role, Role::admin) << "signed for a client: what the rule says";
  Origin node2 = client;
  node2.certificate_node = "node2";
  const auto peer = identify(node2);
  ASSERT_TRUE(peer);
  EXPECT_EQ(peer->principal, "peer:node2");
  EXPECT_EQ(peer->role, Role::peer) << "before every rule";
  EXPECT_FALSE(peer->scoped());
  EXPECT_TRUE(access.still(*peer, node2));
  EXPECT_EQ(identify(node2, {{"authorization", "Bearer x"}})->role, Role::admin) << "a token is what it says and no more";
  EXPECT_EQ(identify({.channel = Channel::remote, .certificate_node = "node3"}).error().status, 401) << "signed, and none of ours";
  EXPECT_EQ(identify({.channel = Channel::local, .peer = Peer{7, 7, 1}, .certificate_node = "node2"})->role, Role::admin);
  EXPECT_EQ(identify({.channel = Channel::local_read_only, .peer = Peer{7, 7, 1}, .certificate_node = "node2"})->role, Role::viewer);
  settings.peers.clear();
  access.reload(settings);
  EXPECT_FALSE(access.still(*peer, {.channel = Channel::remote, .certificate_node = "node2"}));
  EXPECT_FALSE(access.still(*peer, node2)) << "what the rule gives now is another role";
}

TEST(PeerAccess, MayWhatNobodyElseMayAndNothingElse) {
  const Identity peer{.principal = "peer:node2", .role = Role::peer};
  EXPECT_TRUE(peer.may(Role::peer));
  for (const Role role : kRoles) {
    EXPECT_FALSE(peer.may(role)) << name_of(role);
    EXPECT_FALSE((Identity{.principal = "a", .role = role}.may(Role::peer))) << name_of(role);
  }
  EXPECT_FALSE(peer.may(Role::nobody));
  EXPECT_FALSE(Identity{}.may(Role::peer));
  for (const Kind kind : kKinds) EXPECT_FALSE(peer.may_write(kind, {}));
  EXPECT_EQ(name_of(Role::peer), "peer");
  EXPECT_EQ(role_named("peer"), std::nullopt) << "no rule and no token gives it";
}

}  // namespace
}  // namespace vs::http
