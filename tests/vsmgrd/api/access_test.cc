// Who is who, and who may do what: every route with every role.

#include "vsmgrd/api/access.h"

#include <cctype>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "tests/fakes/clock.h"
#include "tests/vsmgrd/api/rest_fixture.h"
#include "vsmgrd/api/refusal_log.h"

namespace vs::http {
namespace {

constexpr uid_t kOwner = 990;

Request from(Origin origin) { return {.method = "GET", .target = "/v1", .origin = std::move(origin)}; }

std::vector<RoleRule> rules(std::initializer_list<std::string> texts) {
  std::vector<RoleRule> read;
  for (const std::string& text : texts) {
    auto rule = RoleRule::parse(text);
    EXPECT_TRUE(rule) << text << ": " << rule.error().message;
    if (rule) read.push_back(std::move(*rule));
  }
  return read;
}

class AccessTest : public ::testing::Test {
 protected:
  std::unique_ptr<Access> with(std::vector<RoleRule> roles) {
    AccessSettings settings{.roles = std::move(roles)};
    if (metrics_secret_) settings.metrics_secret = SecretHash::of(*metrics_secret_);
    const auto find = [this](std::string_view secret) -> std::optional<Token> {
      const auto found = tokens_.find(std::string(secret));
      if (found == tokens_.end()) return std::nullopt;
      return found->second;
    };
    return std::make_unique<Access>(kOwner, std::move(settings), find, clock_);
  }
  static Request with_token(Origin origin, const std::string& token) {
    Request request = from(std::move(origin));
    request.headers["authorization"] = "Bearer " + token;
    return request;
  }

  test::ManualClock clock_;
  std::map<std::string, Token> tokens_;
  std::optional<std::string> metrics_secret_;
};

TEST_F(AccessTest, KnowsRootAndTheDaemonsUserAsAdmins) {
  const auto access = with(rules({"uid:990=viewer", "gid:0=viewer"}));
  for (const uid_t uid : {uid_t{0}, kOwner}) {
    const auto identity = access->identify(from({.peer = Peer{uid, 0, 1}}));
    ASSERT_TRUE(identity);
    EXPECT_EQ(identity->principal, "uid:" + std::to_string(uid));
    EXPECT_EQ(identity->role, Role::admin);
    EXPECT_FALSE(identity->scoped());
  }
}

TEST_F(AccessTest, GivesTheRoleOfTheFirstRuleThatFits) {
  const auto access = with(rules({"uid:1000=operator@env=prod", "gid:44=policy-admin",
                                     "uid:1001=viewer", "gid:45=admin"}));
  const auto role = [&](Peer peer, std::vector<gid_t> groups = {}) {
    return access->identify(from({.peer = peer, .groups = std::move(groups)}))->role;
  };
  EXPECT_EQ(role({1000, 44, 1}), Role::operator_);
  EXPECT_EQ(role({1001, 44, 1}), Role::policy_admin) << "its own group, and before its user's rule";
  EXPECT_EQ(role({1001, 7, 1}, {44}), Role::policy_admin) << "one of its other groups";
  EXPECT_EQ(role({1001, 7, 1}, {45}), Role::viewer);
  EXPECT_EQ(role({1002, 7, 1}, {5, 45}), Role::admin);
  EXPECT_EQ(role({1002, 7, 1}, {5}), Role::viewer) << "who can reach the socket may read";
  EXPECT_EQ(access->identify(from({.peer = Peer{1000, 1, 1}}))->scope.text(), "env=prod");
}

TEST_F(AccessTest, MakesEverybodyAViewerOnTheReadOnlySocket) {
  const auto access = with(rules({"uid:1000=admin"}));
  for (const uid_t uid : {uid_t{0}, kOwner, uid_t{1000}}) {
    const auto identity =
        access->identify(from({.channel = Channel::local_read_only, .peer = Peer{uid, 0, 1}}));
    ASSERT_TRUE(identity);
    EXPECT_EQ(identity->role, Role::viewer);
    EXPECT_EQ(identity->channel, Channel::local_read_only);
  }
}

TEST_F(AccessTest, KnowsNobodyWhomTheKernelDoesNotName) {
  const auto identity = with({})->identify(from({}));
  ASSERT_FALSE(identity);
  EXPECT_EQ(identity.error().status, 403);
}

constexpr char kDigest[] = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

Origin certificate(const std::string& name, const std::string& digest = kDigest) {
  return {.channel = Channel::remote,
          .address = "192.0.2.1",
          .certificate_sha256 = digest,
          .certificate_subject = name};
}

TEST_F(AccessTest, KnowsARemoteClientByItsCertificate) {
  const auto access = with(rules({"cn:ops=operator@env=prod", "cert:" + std::string(kDigest) + "=admin"}));
  const auto named = access->identify(from(certificate("ops")));
  ASSERT_TRUE(named);
  EXPECT_EQ(named->principal, "cert:ops");
  EXPECT_EQ(named->role, Role::operator_);
  EXPECT_EQ(named->scope.text(), "env=prod");
  EXPECT_EQ(access->identify(from(certificate("other")))->role, Role::admin);
  const std::string unknown(64, '0');
  EXPECT_EQ(access->identify(from(certificate("other", unknown))).error().status, 401);
  EXPECT_EQ(access->identify(from({.channel = Channel::remote, .certificate_subject = "ops"})).error().status, 401)
      << "a name without a certificate that holds";
}

TEST_F(AccessTest, GivesALocalRuleToNoRemoteClient) {
  const auto access = with(rules({"uid:0=admin", "gid:0=admin"}));
  EXPECT_EQ(access->identify(from(certificate("root"))).error().status, 401);
  EXPECT_EQ(access->identify(from({.channel = Channel::remote})).error().status, 401);
}

TEST_F(AccessTest, TakesATokenForWhoHoldsIt) {
  tokens_["secret-1"] = {.name = "ci", .role = "operator", .scope = "env=prod"};
  const auto access = with({});
  for (const Origin& origin : {Origin{.channel = Channel::remote, .address = "192.0.2.1"},
                               certificate("ops"), Origin{.peer = Peer{0, 0, 1}}}) {
    const auto identity = access->identify(with_token(origin, "secret-1"));
    ASSERT_TRUE(identity);
    EXPECT_EQ(identity->principal, "token:ci");
    EXPECT_EQ(identity->role, Role::operator_) << "root, too, is only what the token it shows says";
    EXPECT_EQ(identity->scope.text(), "env=prod");
    EXPECT_EQ(access->identify(with_token(origin, "secret-2")).error().status, 401);
  }
  EXPECT_EQ(access->identify(with_token({.channel = Channel::local_read_only, .peer = Peer{7, 7, 1}}, "secret-1"))->role,
            Role::viewer);
  Request basic = from({.channel = Channel::remote, .address = "192.0.2.9"});
  basic.headers["authorization"] = "Basic secret-1";
  EXPECT_EQ(access->identify(basic).error().status, 401);
}

TEST_F(AccessTest, LetsNoTokenLoseItsScope) {
  tokens_["bad-scope"] = {.name = "a", .role = "admin", .scope = "env in"};
  tokens_["bad-role"] = {.name = "b", .role = "root"};
  tokens_["peer-role"] = {.name = "c", .role = "peer"};
  const auto access = with({});
  EXPECT_FALSE(access->identify(with_token({.channel = Channel::remote}, "bad-scope")));
  EXPECT_FALSE(access->identify(with_token({.channel = Channel::remote}, "bad-role")));
  EXPECT_FALSE(access->identify(with_token({.channel = Channel::remote}, "peer-role")));
}

TEST_F(AccessTest, MakesWhoFailsTooOftenWait) {
  tokens_["right"] = {.name = "ci", .role = "viewer"};
  const auto access = with({});
  const Origin guesser{.channel = Channel::remote, .address = "2001:db8::1"};
  const Origin neighbour{.channel = Channel::remote, .address = "2001:db8::2:3"};
  const Origin other{.channel = Channel::remote, .address = "2001:db8:0:1::1"};
  for (int i = 0; i < kFailuresMax; ++i)
    EXPECT_EQ(access->identify(with_token(guesser, "wrong")).error().status, 401);
  for (const Origin& origin : {guesser, neighbour}) {
    const auto refused = access->identify(with_token(origin, "right"));
    ASSERT_FALSE(refused) << "the same /64";
    EXPECT_EQ(refused.error().status, 429);
    EXPECT_EQ(refused.error().retry_after, kFailureWindow);
  }
  EXPECT_TRUE(access->identify(with_token(other, "right")));
  clock_.advance(kFailureWindow);
  EXPECT_TRUE(access->identify(with_token(guesser, "right")));
  std::map<std::string, double> samples;
  for (const Sample& sample : access->samples()) samples[sample.name] = sample.value;
  EXPECT_EQ(samples.at("vservices_auth_failures_total"), kFailuresMax);
  EXPECT_EQ(samples.at("vservices_auth_throttled_total"), 2);
}

TEST_F(AccessTest, KeepsTheMetricsSecretApart) {
  metrics_secret_ = "a secret of the metrics channel";
  tokens_["token"] = {.name = "ci", .role = "admin"};
  const auto access = with({});
  const Origin origin{.channel = Channel::metrics, .address = "127.0.0.1"};
  EXPECT_EQ(access->identify(with_token(origin, *metrics_secret_))->role, Role::viewer);
  EXPECT_FALSE(access->identify(with_token(origin, "token")));
  EXPECT_FALSE(access->identify(from(origin)));
  EXPECT_FALSE(access->identify(with_token({.channel = Channel::remote}, *metrics_secret_)));
}

TEST_F(AccessTest, TakesOtherSettingsWhileItServes) {
  const auto access = with(rules({"uid:7=admin"}));
  access->reload({.roles = rules({"uid:7=operator"})});
  EXPECT_EQ(access->identify(from({.peer = Peer{7, 7, 1}}))->role, Role::operator_);
}

TEST(FailureLimit, ForgetsTheOldestWhenItKnowsTooMany) {
  test::ManualClock clock;
  FailureLimit limit(clock);
  for (int i = 0; i < kFailuresMax; ++i) limit.failed("first");
  EXPECT_GT(limit.wait("first").count(), 0);
  clock.advance(std::chrono::seconds{1});
  for (std::size_t i = 0; i < kFailingClientsMax; ++i) limit.failed(std::to_string(i));
  EXPECT_EQ(limit.wait("first").count(), 0);
}

TEST(RoleRule, RefusesWhatIsNoneAndSaysWhy) {
  for (const std::string text :
       {"", "uid:", "uid:=viewer", "uid:x=viewer", "uid:1000", "uid:1000=", "uid:1000=root",
        "uid:1000=nobody", "uid:1000=peer", "cn:node2=peer", "uid:-1=viewer", "uid:4294967296=viewer", "user:a=viewer",
        "uid:1000=viewer@", "uid:1 =viewer", "uid:1000=viewer@env in prod", "cert:12=admin",
        "cn:=admin", "cn:a"}) {
    const auto rule = RoleRule::parse(text);
    ASSERT_FALSE(rule) << text;
    EXPECT_EQ(rule.error().code, ErrorCode::invalid);
    EXPECT_TRUE(rule.error().message.starts_with("role rule ")) << rule.error().message;
  }
  EXPECT_EQ(RoleRule::parse("cn:Anna Example=viewer@env=")->text, "Anna Example");
  std::string upper = kDigest, colons;
  for (char& c : upper) c = static_cast<char>(std::toupper(c));
  for (std::size_t i = 0; i < upper.size(); i += 2) colons += (i ? ":" : "") + upper.substr(i, 2);
  EXPECT_EQ(RoleRule::parse("cert:" + colons + "=admin")->text, kDigest) << "as openssl prints it";
}

// What was written, and what it said.
class RefusalLogTest : public ::testing::Test {
 protected:
  static RefusalLog::Refusal refusal(const std::string& who, int status = 403) {
    return {.actor = {.principal = who, .channel = "tls", .request_id = "r"},
            .verb = "PUT /v1/domains/{name}",
            .status = status,
            .code = "denied",
            .message = "no"};
  }
  test::ManualClock clock_;
  std::vector<AuditEntry> rows_;
  RefusalLog log_{[this](AuditEntry entry) -> Result<> {
                    rows_.push_back(std::move(entry));
                    return {};
                  },
                  clock_};
};

TEST_F(RefusalLogTest, WritesTheFirstAtOnceAndCountsTheRest) {
  for (int i = 0; i < 1000; ++i) log_.add(refusal("token:ci"));
  log_.add(refusal("token:ci", 429));
  ASSERT_EQ(rows_.size(), 2u);
  EXPECT_EQ(rows_[0].outcome, "refused");
  EXPECT_EQ(rows_[0].actor.principal, "token:ci");
  clock_.advance(kRefusalWindow);
  log_.tick();
  ASSERT_EQ(rows_.size(), 3u);
  EXPECT_TRUE(rows_[2].message.starts_with("999 more times")) << rows_[2].message;
  log_.add(refusal("token:ci"));
  EXPECT_EQ(rows_.size(), 4u) << "a new window";
}

TEST_F(RefusalLogTest, IsBoundedWhoeverIsRefused) {
  for (int i = 0; i < 100'000; ++i) log_.add(refusal("nobody at " + std::to_string(i)));
  EXPECT_EQ(rows_.size(), kRefusalKindsMax);
  log_.flush();
  ASSERT_EQ(rows_.size(), kRefusalKindsMax + 1);
  EXPECT_TRUE(rows_.back().message.starts_with(std::to_string(100'000 - kRefusalKindsMax) + " more"));
}

TEST(Identity, WritesWhatItsRoleAndItsScopeAllow) {
  const auto scope = *LabelSelector::parse("env=prod");
  const Labels prod{{"env", "prod"}};
  const Identity everywhere{.principal = "a", .role = Role::operator_};
  const Identity scoped{.principal = "b", .role = Role::operator_, .scope = scope};
  const Identity policies{.principal = "c", .role = Role::policy_admin};
  const Identity scoped_policies{.principal = "d", .role = Role::policy_admin, .scope = scope};
  EXPECT_TRUE(everywhere.may_write(Kind::domain, {}));
  EXPECT_FALSE(everywhere.may_write(Kind::access_policy, {}));
  EXPECT_TRUE(scoped.may_write(Kind::binding, prod));
  EXPECT_FALSE(scoped.may_write(Kind::binding, {}));
  EXPECT_TRUE(policies.may_write(Kind::access_policy, {}));
  EXPECT_TRUE(scoped_policies.may_write(Kind::domain, prod));
  EXPECT_FALSE(scoped_policies.may_write(Kind::access_policy, prod))
      << "a policy decides about every domain";
  EXPECT_FALSE((Identity{.principal = "e", .role = Role::viewer}.may_write(Kind::domain, {})));
}

// What each route needs, one row a route: a new route without a row here is a failure. The four of
// each kind of object are written once.
std::map<std::string, Role> needed() {
  std::map<std::string, Role> needs{
      {"GET /healthz", Role::viewer},
      {"GET /metrics", Role::viewer},
      {"GET /ui", Role::viewer},
      {"GET /ui/{name}", Role::viewer},
      {"GET /v1", Role::viewer},
      {"POST /v1/apply", Role::operator_},
      {"POST /v1/explain", Role::viewer},
      {"POST /v1/diff", Role::operator_},
      {"POST /v1/policies:test", Role::viewer},
      {"POST /v1/policies:lint", Role::viewer},
      {"POST /v1/policies:simulate", Role::viewer},
      {"GET /v1/policies:history", Role::viewer},
      {"POST /v1/policies:rollback", Role::policy_admin},
      {"POST /v1/services/{name}:flush", Role::operator_},
      {"GET /openapi.json", Role::viewer},
      {"GET /v1/events", Role::viewer},
      {"GET /v1/tokens", Role::admin},
      {"POST /v1/tokens", Role::admin},
      {"GET /v1/tokens/{id}", Role::admin},
      {"DELETE /v1/tokens/{id}", Role::admin},
      {"POST /v1/tokens/{id}:rotate", Role::admin},
      {"GET /v1/operations", Role::viewer},
      {"GET /v1/operations/{id}", Role::viewer},
      {"GET /v1/operations/{id}/wait", Role::viewer},
      {"POST /v1/operations/{id}:cancel", Role::operator_},
      {"GET /v1/warnings", Role::viewer},
      {"GET /v1/warnings/{id}", Role::viewer},
      {"POST /v1/warnings/{id}:ack", Role::operator_},
      {"GET /v1/decisions", Role::viewer},
      {"GET /v1/decisions/{id}", Role::viewer},
      {"GET /v1/audit", Role::admin},
      {"GET /v1/audit/verify", Role::admin},
      {"GET /v1/nodes", Role::viewer},
      {"GET /v1/nodes/{name}", Role::viewer},
      {"GET /v1/placement", Role::viewer},
      {"GET /v1/migrations", Role::viewer},
      {"POST /v1/migrations", Role::operator_},
      {"GET /v1/migrations/{id}", Role::viewer},
      {"POST /v1/migrations/{id}:cancel", Role::operator_},
      {"POST /v1/migrations/{id}:freeze", Role::operator_},
      {"POST /v1/migrations/{id}:commit", Role::operator_},
      {"POST /v1/migrations/{id}:resolve", Role::admin},
      {"GET /v1/peers", Role::viewer},
      {"GET /v1/peers/{name}", Role::viewer},
      {"POST /v1/admin/backup", Role::admin},
      {"GET /v1/admin/backups", Role::admin},
      {"POST /v1/admin/doctor", Role::admin},
      {"POST /v1/peer-messages", Role::peer},
  };
  const std::map<std::string, Role> writers{{"domains", Role::operator_},
                                            {"services", Role::operator_},
                                            {"policies", Role::policy_admin},
                                            {"sharing-policies", Role::policy_admin},
                                            {"slas", Role::operator_},
                                            {"placements", Role::operator_},
                                            {"buffers", Role::operator_},
                                            {"bindings", Role::operator_}};
  for (const auto& [kind, writer] : writers) {
    needs["GET /v1/" + kind] = needs["GET /v1/" + kind + "/{name}"] = Role::viewer;
    for (const char* method : {"PUT", "PATCH", "DELETE"})
      needs[std::string(method) + " /v1/" + kind + "/{name}"] = writer;
  }
  return needs;
}

class EveryRoute : public RestFixture {
 protected:
  static std::string target_of(const Route& route) {
    std::string target = route.path;
    for (const std::string parameter : {"{name}", "{id}"})
      if (const auto at = target.find(parameter); at != std::string::npos)
        target.replace(at, parameter.size(), "none");
    return target;
  }
};

TEST_F(EveryRoute, NeedsTheRoleThatIsWrittenDown) {
  const Router router = make_router(*store_, *background_, [] { return ""; });
  std::map<std::string, Role> needs;
  for (const Route& route : router.routes()) needs[route.method + ' ' + route.path] = route.needs;
  EXPECT_EQ(needs, needed());
}

TEST_F(EveryRoute, IsRefusedToLesserRolesAndOpenToOthers) {
  const Router router = make_router(*store_, *background_, [] { return ""; });
  int asked = 0;
  for (const Route& route : router.routes()) {
    for (const Role role : kRoles) {
      const std::string rule = "uid:7=" + std::string(name_of(role));
      Access access(kOwner, {.roles = rules({rule})}, {}, clock_);
      const Dispatcher dispatcher(make_router(*store_, *background_, [] { return ""; }), access, clock_, nullptr);
      const Response response = dispatcher.handle({.method = route.method,
                                                   .target = target_of(route),
                                                   .headers = {{"content-type", "application/json"}},
                                                   .body = route.takes_body ? "{}" : "",
                                                   .origin = {.peer = Peer{7, 7, 1}}});
      EXPECT_EQ(response.status == 403, route.needs == Role::peer || role < route.needs)
          << route.method << ' ' << route.path << " by " << name_of(role) << ": "
          << response.status;
      EXPECT_LT(response.status, 500) << response.body;
      ++asked;
    }
  }
  EXPECT_EQ(asked, static_cast<int>(needed().size() * kRoles.size()));
}

}  // namespace
}  // namespace vs::http
