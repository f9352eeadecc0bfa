// /v1/migrations and /v1/peers: what reaches the handoffs, what is answered, who sees it, and what the audit keeps.

#include <map>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/vsmgrd/api/rest_fixture.h"
#include "vsmgrd/migration/migrations.h"

namespace vs::http {
namespace {

using handoff::Migration;
using handoff::Move;
using handoff::Outcome;
using handoff::Phase;
using handoff::Word;

constexpr uid_t kScoped = 1234;  // operator, env=prod
constexpr uid_t kViewer = 7;

// Handoffs to "node2", of a node that has agreed with it on everything but the domain "heavy".
class FakeMigrations : public handoff::Migrations {
 public:
  Result<Migration> start(const Move& move) override {
    if (auto known = known_peer(move); !known) return fail(std::move(known.error()));
    if (full) return fail(ErrorCode::exhausted, "64 handoffs go on already");
    for (const Migration& one : all)
      if (one.domain == move.domain && !handoff::ended(one.outcome))
        return fail(ErrorCode::conflict, "domain " + move.domain + ": moves already");
    Migration begun{.id = std::to_string(10000000 + all.size()) + std::string(56, '0'),
                    .domain = move.domain,
                    .labels = labels[move.domain],
                    .peer = move.peer,
                    .manual = move.manual,
                    .bindings = {{"b", 3}}};
    all.insert(all.begin(), begun);
    return begun;
  }
  Result<> check(const Move& move) override {
    ++checks;
    if (auto known = known_peer(move); !known) return known;
    if (silent) return fail(ErrorCode::unavailable, "peer " + move.peer + ": no answer within 5000 ms");
    if (move.domain == "heavy") return fail(ErrorCode::denied, "node2 refuses: no room for it");
    return {};
  }
  Result<Migration> say(std::string_view id, Word word) override {
    for (Migration& one : all) {
      if (one.id != id) continue;
      if (full) return fail(ErrorCode::exhausted, "the disk is full");
      if (handoff::ended(one.outcome)) return fail(ErrorCode::conflict, "it has ended; node2 owns the bindings");
      said.push_back(word);
      if (word == Word::cancel) one.outcome = Outcome::cancelled;
      if (word == Word::take_back) one.outcome = Outcome::taken_back;
      if (word == Word::freeze) one.waits_for = Word::commit;
      return one;
    }
    return fail(ErrorCode::not_found, "no such handoff");
  }
  [[nodiscard]] std::vector<Migration> list() const override { return all; }
  [[nodiscard]] std::vector<handoff::PeerView> peers() const override {
    return {{.name = "node2", .address = "192.0.2.2:7443", .heard = true},
            {.name = "node3", .address = "192.0.2.3:7443", .trouble = "refused"}};
  }
  Result<> hear(std::string_view, handoff::Message) override { return {}; }

  std::vector<Migration> all;
  std::map<std::string, Labels> labels;
  std::vector<Word> said;
  int checks = 0;
  bool full = false;
  bool silent = false;

 private:
  static Result<> known_peer(const Move& move) {
    if (move.peer == "node1") return fail(ErrorCode::invalid, "node node1: it is here");
    if (move.peer != "node2") return fail(ErrorCode::not_found, "peer " + move.peer + ": not known here");
    return {};
  }
};

class MigrationRoutes : public RestFixture {
 protected:
  void SetUp() override {
    RestFixture::SetUp();
    for (const auto& [name, env] : std::map<std::string, std::string>{{"web1", "prod"}, {"web2", "test"}, {"heavy", "prod"}}) {
      json declared = domain(name);
      declared["metadata"]["labels"]["env"] = env;
      put_all({{"/v1/domains/" + name, declared}});
      migrations_.labels[name] = {{"env", env}};
    }
    dispatcher_ = make(access_);
    limited_dispatcher_ = make(limited_);
  }
  std::unique_ptr<Dispatcher> make(Access& access) {
    return std::make_unique<Dispatcher>(
        make_router(*store_, *background_, [] { return std::string(); }, {}, nullptr, {}, {}, &migrations_), access, clock_, nullptr);
  }
  Response ask_as(uid_t uid, const std::string& method, const std::string& target, const json& body = nullptr) {
    Request request{.method = method, .target = target, .body = body.is_null() ? "" : body.dump(), .origin = {.peer = Peer{uid, 0, 1}}};
    if (!body.is_null()) request.headers.emplace("content-type", "application/json");
    return limited_dispatcher_->handle(std::move(request));
  }
  std::string start(const std::string& of, bool manual = false) {
    const Response begun = ask("POST", "/v1/migrations", {{"domain", of}, {"node", "node2"}, {"manual", manual}});
    EXPECT_EQ(begun.status, 202) << begun.body;
    return parsed(begun)["id"];
  }
  std::vector<AuditEntry> audit() { return store_->audit().list({.kind = "Migration"}).value(); }

  FakeMigrations migrations_;
  Access limited_{kOwner, {.roles = {*RoleRule::parse("uid:1234=operator@env=prod"), *RoleRule::parse("uid:7=viewer")}}, {}, clock_};
  std::unique_ptr<Dispatcher> limited_dispatcher_;
};

TEST_F(MigrationRoutes, StartsAndShowsOne) {
  const Response begun = ask("POST", "/v1/migrations", {{"domain", "web1"}, {"node", "node2"}});
  ASSERT_EQ(begun.status, 202) << begun.body;
  const json migration = parsed(begun);
  EXPECT_EQ(migration["role"], "source");
  EXPECT_EQ(migration["peer"], "node2");
  EXPECT_EQ(migration["phase"], "check");
  EXPECT_EQ(migration["outcome"], "Running");
  EXPECT_EQ(migration["manual"], false);
  EXPECT_EQ(migration["bindings"], json::array({{{"name", "b"}, {"epoch", 3}}}));
  EXPECT_FALSE(migration.contains("blackoutMs"));
  EXPECT_FALSE(migration.contains("waitsFor"));
  const std::string id = migration["id"];
  EXPECT_EQ(header(begun, "Location"), "/v1/migrations/" + id);
  migrations_.all[0].blackout = handoff::Time{48};
  migrations_.all[0].waits_for = Word::commit;
  const json shown = parsed(ask("GET", "/v1/migrations/" + id));
  EXPECT_EQ(shown["blackoutMs"], 48);
  EXPECT_EQ(shown["waitsFor"], "commit");
  problem(ask("POST", "/v1/migrations", {{"domain", "web1"}, {"node", "node2"}}), 409);
}

TEST_F(MigrationRoutes, FindsOneByABeginningThatNoOtherHas) {
  const std::string one = start("web1");
  const std::string two = start("web2");
  ASSERT_EQ(one.substr(0, 7), two.substr(0, 7));
  EXPECT_EQ(parsed(ask("GET", "/v1/migrations/" + one.substr(0, 8)))["id"], one);
  problem(ask("GET", "/v1/migrations/" + one.substr(0, 7)), 404);
  migrations_.all[0].id = one.substr(0, 8) + two.substr(8, 55) + "f";
  problem(ask("GET", "/v1/migrations/" + one.substr(0, 8)), 409);
  EXPECT_EQ(parsed(ask("GET", "/v1/migrations/" + one))["id"], one) << "the whole id is always of one";
}

TEST_F(MigrationRoutes, ListsByPagesAndFilters) {
  start("web1");
  start("web2");
  start("heavy");
  json page = parsed(ask("GET", "/v1/migrations?limit=2"));
  ASSERT_EQ(page["items"].size(), 2u);
  EXPECT_EQ(page["items"][0]["domain"], "heavy") << "the newest first";
  page = parsed(ask("GET", "/v1/migrations?limit=2&continue=" + page["metadata"]["continue"].get<std::string>()));
  ASSERT_EQ(page["items"].size(), 1u);
  EXPECT_EQ(page["items"][0]["domain"], "web1");
  EXPECT_FALSE(page["metadata"].contains("continue"));
  EXPECT_EQ(parsed(ask("GET", "/v1/migrations?filter=domain%20eq%20%27web2%27"))["items"].size(), 1u);
  EXPECT_EQ(parsed(ask("GET", "/v1/migrations?labelSelector=env%3Dprod"))["items"].size(), 2u);
  problem(ask("GET", "/v1/migrations?filter=("), 400);
}

TEST_F(MigrationRoutes, ADryRunOnlyAsks) {
  const auto check = [&](const json& body) { return ask("POST", "/v1/migrations?dryRun=true", body); };
  EXPECT_EQ(parsed(check({{"domain", "web1"}, {"node", "node2"}})), (json{{"domain", "web1"}, {"node", "node2"}, {"answer", "ok"}}));
  const json refused = problem(check({{"domain", "heavy"}, {"node", "node2"}}), 409);
  EXPECT_EQ(refused["code"], "conflict");
  EXPECT_EQ(refused["detail"], "node2 refuses: no room for it");
  migrations_.silent = true;
  problem(check({{"domain", "web1"}, {"node", "node2"}}), 503);
  EXPECT_EQ(migrations_.checks, 3);
  EXPECT_TRUE(migrations_.all.empty());
  EXPECT_TRUE(audit().empty()) << "nothing was changed, and nothing was to be";
}

TEST_F(MigrationRoutes, RefusesWhatIsNoMove) {
  for (const json& body :
       {json::object(), json{{"domain", "web1"}}, json{{"domain", "web1"}, {"node", "../x"}}, json{{"domain", 5}, {"node", "node2"}},
        json{{"domain", "web1"}, {"node", "node2"}, {"manual", "yes"}}, json{{"domain", "web1"}, {"node", "node2"}, {"force", true}},
        json{{"domain", "web1"}, {"node", "node1"}}})
    problem(ask("POST", "/v1/migrations", body), 400);
  problem(ask("POST", "/v1/migrations", {{"domain", "none"}, {"node", "node2"}}), 404);
  problem(ask("POST", "/v1/migrations", {{"domain", "web1"}, {"node", "node9"}}), 404);
  migrations_.full = true;
  problem(ask("POST", "/v1/migrations", {{"domain", "web1"}, {"node", "node2"}}), 503);
  EXPECT_TRUE(migrations_.all.empty());
}

TEST_F(MigrationRoutes, SayItsWords) {
  const std::string at = "/v1/migrations/" + start("web1", true);
  EXPECT_EQ(parsed(ask("POST", at + ":freeze"))["waitsFor"], "commit");
  EXPECT_EQ(ask("POST", at + ":commit").status, 202);
  EXPECT_EQ(ask("POST", at + ":resolve", {{"word", "takeBack"}}).status, 202);
  EXPECT_EQ(migrations_.said, (std::vector<Word>{Word::freeze, Word::commit, Word::take_back}));
  const json late = problem(ask("POST", at + ":cancel"), 409);
  EXPECT_EQ(late["detail"], "it has ended; node2 owns the bindings");
  for (const json& body : {json::object(), json{{"word", "take back"}}, json{{"word", 1}}, json{{"word", "keep"}, {"why", "so"}}})
    problem(ask("POST", at + ":resolve", body), 400);
  problem(ask("POST", "/v1/migrations/0123456789abcdef:cancel"), 404);
  const std::string other = "/v1/migrations/" + start("web2");
  EXPECT_EQ(ask("POST", other + ":resolve", {{"word", "giveUp"}}).status, 202);
  EXPECT_EQ(ask("POST", other + ":resolve", {{"word", "keep"}}).status, 202);
  EXPECT_EQ(migrations_.said.back(), Word::keep);
  migrations_.full = true;
  problem(ask("POST", other + ":cancel"), 507);
  migrations_.full = false;
  EXPECT_EQ(parsed(ask("POST", other + ":cancel"))["outcome"], "Cancelled");
}

TEST_F(MigrationRoutes, KeepsInTheAuditWhatWasDoneAndWhatWasRefused) {
  const std::string id = start("web1");
  ask("POST", "/v1/migrations/" + id + ":resolve", {{"word", "takeBack"}});
  ask("POST", "/v1/migrations/" + id + ":cancel");
  const auto entries = audit();
  ASSERT_EQ(entries.size(), 3u);
  const auto row = [](const AuditEntry& entry) {
    return entry.verb + ' ' + entry.name + ' ' + entry.outcome + ' ' + entry.code + ": " + entry.message;
  };
  EXPECT_EQ(row(entries[0]), "cancel web1 refused conflict: cancel: it has ended; node2 owns the bindings");
  EXPECT_EQ(row(entries[1]), "resolve web1 done : takeBack");
  EXPECT_EQ(row(entries[2]), "start web1 done : to node2");
  EXPECT_EQ(entries[1].uid, id);
  EXPECT_EQ(entries[1].actor.principal, "uid:990");
}

TEST_F(MigrationRoutes, KnowNothingOutsideOfAScope) {
  const std::string mine = start("web1");
  const std::string theirs = start("web2");
  const auto detail = [&](const Response& response, const std::string& name) {
    std::string text = problem(response, 404)["detail"];
    if (const auto at = text.find(name); at != std::string::npos) text.replace(at, name.size(), "*");
    return text;
  };
  const json items = parsed(ask_as(kScoped, "GET", "/v1/migrations"))["items"];
  ASSERT_EQ(items.size(), 1u);
  EXPECT_EQ(items[0]["id"], mine);
  const std::string unknown(64, 'f');
  for (const std::string verb : {"cancel", "freeze", "commit"})
    EXPECT_EQ(detail(ask_as(kScoped, "POST", "/v1/migrations/" + theirs + ":" + verb), theirs),
              detail(ask_as(kScoped, "POST", "/v1/migrations/" + unknown + ":" + verb), unknown));
  EXPECT_EQ(ask_as(kScoped, "GET", "/v1/migrations/" + theirs).status, 404);
  EXPECT_EQ(detail(ask_as(kScoped, "POST", "/v1/migrations", {{"domain", "web2"}, {"node", "node2"}}), "web2"),
            detail(ask_as(kScoped, "POST", "/v1/migrations", {{"domain", "none"}, {"node", "node2"}}), "none"));
  EXPECT_TRUE(migrations_.said.empty());
  EXPECT_EQ(ask_as(kScoped, "POST", "/v1/migrations/" + mine + ":cancel").status, 202);
  migrations_.all[0].labels.clear();
  EXPECT_EQ(ask_as(kScoped, "GET", "/v1/migrations/" + migrations_.all[0].id).status, 404) << "of what has no labels it knows nothing";
  EXPECT_EQ(ask_as(kViewer, "GET", "/v1/migrations/" + theirs).status, 200);
  EXPECT_EQ(ask_as(kViewer, "POST", "/v1/migrations/" + theirs + ":cancel").status, 403);
}

TEST_F(MigrationRoutes, ShowThePeers) {
  const json items = parsed(ask("GET", "/v1/peers"))["items"];
  ASSERT_EQ(items.size(), 2u);
  EXPECT_EQ(items[1]["metadata"]["name"], "node3");
  EXPECT_EQ(items[1]["status"], (json{{"address", "192.0.2.3:7443"}, {"heard", false}, {"trouble", "refused"}}));
  EXPECT_EQ(parsed(ask("GET", "/v1/peers/node2"))["status"]["heard"], true);
  problem(ask("GET", "/v1/peers/node9"), 404);
}

TEST_F(MigrationRoutes, SayThatANodeHasNoPeers) {
  dispatcher_ = std::make_unique<Dispatcher>(make_router(*store_, *background_, [] { return std::string(); }), access_, clock_, nullptr);
  EXPECT_TRUE(parsed(ask("GET", "/v1/migrations"))["items"].empty());
  EXPECT_TRUE(parsed(ask("GET", "/v1/peers"))["items"].empty());
  EXPECT_EQ(problem(ask("POST", "/v1/migrations", {{"domain", "web1"}, {"node", "node2"}}), 404)["detail"],
            "peer \"node2\": this node has no peers");
  problem(ask("POST", "/v1/migrations/0123456789abcdef:cancel"), 404);
}

TEST_F(MigrationRoutes, DoNothingTwiceForOneKey) {
  const json body{{"domain", "web1"}, {"node", "node2"}};
  const Response first = ask("POST", "/v1/migrations", body, {{"idempotency-key", "k"}});
  const Response again = ask("POST", "/v1/migrations", body, {{"idempotency-key", "k"}});
  EXPECT_EQ(again.status, 202);
  EXPECT_EQ(again.body, first.body);
  EXPECT_EQ(header(again, "Idempotency-Replayed"), "true");
  EXPECT_EQ(migrations_.all.size(), 1u);
}

}  // namespace
}  // namespace vs::http
