// What holds for every change over REST: If-Match, merge patches, Idempotency-Key, dry runs, diffs, pruning, waiting.

#include <thread>

#include "tests/vsmgrd/api/rest_fixture.h"

namespace vs::http {
namespace {

class WriteConventions : public RestFixture {
 protected:
  static json files(const std::string& text) { return {{"files", {{{"name", "f.yaml"}, {"text", text}}}}}; }
  static std::string domain_text(const std::string& name, const std::string& labels = "{}",
                                 const std::string& description = "") {
    return "---\napiVersion: vservices/v1\nkind: Domain\nmetadata: {name: " + name + ", labels: " + labels +
           "}\nspec: {type: sandbox, description: \"" + description + "\"}\n";
  }
  std::int64_t version() { return *store_->resource_version(); }
  std::string stored_description(const std::string& name) {
    return parsed(ask("GET", "/v1/domains/" + name))["spec"]["description"];
  }
};

using Patch = WriteConventions;

TEST_F(Patch, ReplacesOnlyWhatItNames) {
  put_all({{"/v1/domains/web1", domain("web1", "before")}});
  const json change{{"metadata", {{"labels", {{"env", "prod"}}}}}, {"spec", {{"memoryMiB", 256}}}};
  const Response response =
      ask("PATCH", "/v1/domains/web1", change, {{"if-match", etag_of("/v1/domains/web1")}});
  EXPECT_EQ(response.status, 200) << response.body;
  EXPECT_EQ(header(response, "ETag"), etag_of("/v1/domains/web1"));
  const json now = parsed(ask("GET", "/v1/domains/web1"));
  EXPECT_EQ(now["spec"]["description"], "before");
  EXPECT_EQ(now["spec"]["memoryMiB"], 256);
  EXPECT_EQ(now["metadata"]["labels"]["env"], "prod");
  EXPECT_EQ(now["metadata"]["generation"], 2);
}

TEST_F(Patch, RemovesAMemberByNull) {
  put_all({{"/v1/domains/web1", domain("web1", "before")}});
  EXPECT_EQ(ask("PATCH", "/v1/domains/web1", {{"spec", {{"description", nullptr}}}}, {{"if-match", "*"}}).status, 200);
  EXPECT_EQ(stored_description("web1"), "");
}

TEST_F(Patch, NeedsIfMatch) {
  put_all({{"/v1/domains/web1", domain("web1")}});
  const json body = problem(ask("PATCH", "/v1/domains/web1", {{"spec", json::object()}}), 428);
  EXPECT_EQ(body["code"], "if_match_required");
  EXPECT_EQ(body["currentETag"], etag_of("/v1/domains/web1"));
}

TEST_F(Patch, OfTwoThatSawTheSameVersionRefusesOneWithTheCurrentETag) {
  put_all({{"/v1/domains/web1", domain("web1")}});
  const std::string seen = etag_of("/v1/domains/web1");
  const json first{{"spec", {{"description", "first"}}}};
  const json second{{"spec", {{"description", "second"}}}};
  EXPECT_EQ(ask("PATCH", "/v1/domains/web1", first, {{"if-match", seen}}).status, 200);
  const Response refused = ask("PATCH", "/v1/domains/web1", second, {{"if-match", seen}});
  const json body = problem(refused, 412);
  EXPECT_EQ(body["code"], "stale");
  EXPECT_EQ(header(refused, "ETag"), etag_of("/v1/domains/web1"));
  EXPECT_EQ(stored_description("web1"), "first");
}

TEST_F(Patch, OfManyWritersAtOnceLosesNoAcceptedChange) {
  put_all({{"/v1/domains/web1", domain("web1")}});
  constexpr int kWriters = 4;
  constexpr int kChanges = 5;
  std::vector<std::thread> writers;
  for (int writer = 0; writer < kWriters; ++writer)
    writers.emplace_back([&, writer] {
      for (int done = 0; done < kChanges;) {
        const Response seen = ask("GET", "/v1/domains/web1");
        const json change{{"metadata", {{"labels", {{"w" + std::to_string(writer) + "-" + std::to_string(done), "x"}}}}}};
        const int status = ask("PATCH", "/v1/domains/web1", change, {{"if-match", header(seen, "ETag")}}).status;
        ASSERT_TRUE(status == 200 || status == 412) << status;
        done += status == 200 ? 1 : 0;
      }
    });
  for (std::thread& writer : writers) writer.join();
  const json now = parsed(ask("GET", "/v1/domains/web1"));
  EXPECT_EQ(now["metadata"]["labels"].size(), std::size_t{kWriters * kChanges});
  EXPECT_EQ(now["metadata"]["generation"], 1 + kWriters * kChanges);
}

TEST_F(Patch, MayNotRename) {
  put_all({{"/v1/domains/web1", domain("web1")}});
  const json body =
      problem(ask("PATCH", "/v1/domains/web1", {{"metadata", {{"name", "web2"}}}}, {{"if-match", "*"}}), 400);
  EXPECT_EQ(body["errors"][0]["pointer"], "/metadata/name");
}

TEST_F(Patch, IsCheckedAsADocumentIs) {
  put_all({{"/v1/domains/web1", domain("web1")}});
  const json body =
      problem(ask("PATCH", "/v1/domains/web1", {{"spec", {{"colour", "red"}, {"memoryMiB", 0}}}}, {{"if-match", "*"}}), 400);
  EXPECT_EQ(body["errors"].size(), 2U) << body;
}

TEST_F(Patch, OfWhatIsNotThereIs404) {
  EXPECT_EQ(ask("PATCH", "/v1/domains/web1", json::object(), {{"if-match", "*"}}).status, 404);
}

TEST_F(Patch, TakesMergePatchesOnly) {
  put_all({{"/v1/domains/web1", domain("web1")}});
  const Response response = ask("PATCH", "/v1/domains/web1", json::object(),
                                {{"if-match", "*"}, {"content-type", "application/json"}});
  EXPECT_EQ(response.status, 415);
}

class Yaml : public WriteConventions {
 protected:
  Response put(const std::string& text, Headers headers = {{"if-match", "*"}, {"content-type", "application/yaml; charset=utf-8"}}) {
    return ask_text("PUT", "/v1/domains/web1", text, headers);
  }
};

TEST_F(Yaml, IsTakenByPutAsApplyTakesIt) {
  const std::string text = "# as a person writes it\n" + domain_text("web1", "{team: web}", "mine");
  EXPECT_EQ(put(text, {{"content-type", "application/yaml"}}).status, 201);
  EXPECT_EQ(stored_description("web1"), "mine");
  EXPECT_EQ(parsed(put(text))["changes"][0]["action"], "unchanged");
  EXPECT_EQ(put(domain_text("web1", "{}", "other")).status, 200);
  EXPECT_EQ(stored_description("web1"), "other");
  const json stored = parsed(ask("GET", "/v1/domains/web1"));
  EXPECT_TRUE(!stored["metadata"].contains("sources") || stored["metadata"]["sources"].empty())
      << "a text that nobody keeps is no place to send people to";
}

TEST_F(Yaml, OfAnOldVersionIsRefused) {
  EXPECT_EQ(put(domain_text("web1"), {{"content-type", "application/yaml"}}).status, 201);
  EXPECT_EQ(put(domain_text("web1", "{}", "x"), {{"content-type", "application/yaml"}}).status, 428);
  EXPECT_EQ(put(domain_text("web1", "{}", "x"), {{"if-match", "\"77\""}, {"content-type", "application/yaml"}}).status, 412);
}

TEST_F(Yaml, IsRefusedWithLineAndColumnOfEachFault) {
  put_all({{"/v1/domains/web1", domain("web1")}});
  const json refused = problem(put("kind: Domain\napiVersion: vservices/v1\nmetadata: {name: web1}\nspec:\n  typ: sandbox\n  type: 7\n"), 400);
  ASSERT_EQ(refused["errors"].size(), 2u) << refused;
  EXPECT_EQ(refused["errors"][0]["source"], (json{{"file", "body"}, {"line", 5}, {"column", 3}}));
  EXPECT_EQ(refused["errors"][0]["hint"], "did you mean \"type\"?");
  EXPECT_EQ(refused["errors"][1]["source"]["line"], 6);
  EXPECT_EQ(problem(put("spec: [\n"), 400)["errors"][0]["source"]["file"], "body");
}

TEST_F(Yaml, IsOneDocumentOfTheObjectThatThePathNames) {
  put_all({{"/v1/domains/web1", domain("web1")}});
  EXPECT_EQ(problem(put(domain_text("web2")), 400)["errors"][0]["pointer"], "/metadata/name");
  EXPECT_NE(std::string(problem(put(domain_text("web1") + domain_text("web2")), 400)["detail"]).find("2 documents"), std::string::npos);
  EXPECT_EQ(problem(put("# nothing\n"), 400)["code"], "invalid");
  EXPECT_EQ(ask_text("PATCH", "/v1/domains/web1", "spec: {}\n", {{"if-match", "*"}, {"content-type", "application/yaml"}}).status, 415);
  EXPECT_EQ(ask_text("POST", "/v1/apply", "files: []\n", {{"content-type", "application/yaml"}}).status, 415);
}

using IdempotencyKeys = WriteConventions;

TEST_F(IdempotencyKeys, AnswerARepeatedRequestWithoutDoingItAgain) {
  const json body = files(domain_text("web1"));
  const Response first = ask("POST", "/v1/apply", body, {{"idempotency-key", "k1"}});
  EXPECT_EQ(first.status, 200);
  EXPECT_EQ(header(first, "Idempotency-Replayed"), "");
  const std::int64_t after = version();
  const Response again = ask("POST", "/v1/apply", body, {{"idempotency-key", "k1"}});
  EXPECT_EQ(again.status, 200);
  EXPECT_EQ(header(again, "Idempotency-Replayed"), "true");
  EXPECT_EQ(again.body, first.body) << "created, as the first time: not unchanged";
  EXPECT_EQ(version(), after);
}

TEST_F(IdempotencyKeys, AnswerAfterARestartBetweenCommitAndReply) {
  const json body = files(domain_text("web1"));
  const std::string first = ask("POST", "/v1/apply", body, {{"idempotency-key", "k1"}}).body;
  open_store(directory_.path() / "state.db");  // the reply above might as well not have arrived
  const Response again = ask("POST", "/v1/apply", body, {{"idempotency-key", "k1"}});
  EXPECT_EQ(header(again, "Idempotency-Replayed"), "true");
  EXPECT_EQ(again.body, first);
}

TEST_F(IdempotencyKeys, RefuseAnotherRequestOfTheSameKey) {
  ask("POST", "/v1/apply", files(domain_text("web1")), {{"idempotency-key", "k1"}});
  const json body =
      problem(ask("POST", "/v1/apply", files(domain_text("web2")), {{"idempotency-key", "k1"}}), 422);
  EXPECT_EQ(body["code"], "key_reused");
  EXPECT_EQ(ask("GET", "/v1/domains/web2").status, 404);
  EXPECT_EQ(ask("POST", "/v1/apply?prune=a", files(domain_text("web1")), {{"idempotency-key", "k1"}}).status, 422)
      << "the query counts, too";
}

TEST_F(IdempotencyKeys, OfRequestsThatWereRefusedMayBeUsedAgain) {
  EXPECT_EQ(ask("POST", "/v1/apply", files("kind: Nothing"), {{"idempotency-key", "k1"}}).status, 400);
  EXPECT_EQ(ask("POST", "/v1/apply", files(domain_text("web1")), {{"idempotency-key", "k1"}}).status, 200);
}

TEST_F(IdempotencyKeys, AreNotUsedUpByDryRuns) {
  const json body = files(domain_text("web1"));
  EXPECT_EQ(ask("POST", "/v1/apply?dryRun=true", body, {{"idempotency-key", "k1"}}).status, 200);
  const Response done = ask("POST", "/v1/apply", body, {{"idempotency-key", "k1"}});
  EXPECT_EQ(header(done, "Idempotency-Replayed"), "");
  EXPECT_EQ(ask("GET", "/v1/domains/web1").status, 200);
}

TEST_F(IdempotencyKeys, HaveALimit) {
  const std::string key(kIdempotencyKeyBytesMax + 1, 'k');
  EXPECT_EQ(ask("POST", "/v1/apply", files(domain_text("web1")), {{"idempotency-key", key}}).status, 400);
}

TEST_F(IdempotencyKeys, OfTwoAtOnceDoOneAndTellTheOther) {
  const json body = files(domain_text("web1"));
  std::vector<std::thread> clients;
  std::atomic<int> created = 0;
  std::atomic<int> others = 0;
  for (int i = 0; i < 8; ++i)
    clients.emplace_back([&] {
      const Response response = ask("POST", "/v1/apply", body, {{"idempotency-key", "k1"}});
      const bool replayed = header(response, "Idempotency-Replayed") == "true";
      if (response.status == 200 && !replayed) ++created;
      if (replayed || response.status == 409) ++others;
    });
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(created, 1);
  EXPECT_EQ(others, 7);
}

using Apply = WriteConventions;

TEST_F(Apply, TwiceIsUnchanged) {
  const json body = files(domain_text("web1") + domain_text("web2"));
  ask("POST", "/v1/apply", body);
  const json again = parsed(ask("POST", "/v1/apply", body));
  for (const json& change : again["changes"]) EXPECT_EQ(change["action"], "unchanged");
}

TEST_F(Apply, AnswersADryRunAsItAnswersTheApply) {
  ask("POST", "/v1/apply", files(domain_text("web1", "{app: x}") + domain_text("web2", "{app: x}")));
  const json body = files(domain_text("web1", "{app: x}", "changed") + domain_text("web3"));
  const std::int64_t before = version();
  const std::string dry = ask("POST", "/v1/apply?dryRun=true&prune=app%3Dx", body).body;
  EXPECT_EQ(version(), before);
  EXPECT_EQ(ask("POST", "/v1/apply?prune=app%3Dx", body).body, dry);
}

TEST_F(Apply, PrunesWhatTheSelectorHoldsForAndTheFilesDoNotName) {
  ask("POST", "/v1/apply", files(domain_text("web1", "{app: x}") + domain_text("web2", "{app: x}") + domain_text("db")));
  const json outcome = parsed(ask("POST", "/v1/apply?prune=app%3Dx", files(domain_text("web1", "{app: x}"))));
  ASSERT_EQ(outcome["changes"].size(), 2U) << outcome;
  EXPECT_EQ(outcome["changes"][1]["name"], "web2");
  EXPECT_EQ(outcome["changes"][1]["action"], "deleted");
  EXPECT_EQ(ask("GET", "/v1/domains/web2").status, 404);
  EXPECT_EQ(ask("GET", "/v1/domains/db").status, 200);
}

TEST_F(Apply, PrunesNothingWithoutASelector) {
  EXPECT_EQ(ask("POST", "/v1/apply?prune=", files(domain_text("web1"))).status, 400);
  EXPECT_EQ(ask("POST", "/v1/apply?prune=a%20like%20b", files(domain_text("web1"))).status, 400);
}

TEST_F(Apply, PrunesNothingThatOthersNeed) {
  put_all({{"/v1/domains/web1", domain("web1")}, {"/v1/services/dns", service("dns")}});
  json labelled = domain("web2");
  labelled["metadata"]["labels"]["app"] = "x";
  put_all({{"/v1/domains/web2", labelled}, {"/v1/bindings/b", binding("b", "web2", "dns")}});
  const std::int64_t before = version();
  const Response refused = ask("POST", "/v1/apply?prune=app%3Dx", files(domain_text("web3")));
  EXPECT_GE(refused.status, 400) << refused.body;
  EXPECT_EQ(version(), before) << "nothing is half applied";
  EXPECT_EQ(ask("GET", "/v1/domains/web3").status, 404);
}

TEST_F(Apply, TouchesNothingOutsideTheScopeOfWhoAsks) {
  put_all({{"/v1/domains/db", domain("db", "theirs")}});
  Access scoped(kOwner, {.roles = {*RoleRule::parse("uid:1234=operator@app=x")}}, {}, clock_);
  const Dispatcher dispatcher(make_router(*store_, *background_, [] { return std::string(); }), scoped, clock_, nullptr);
  const auto apply_as_scoped = [&](const std::string& text) {
    Request request{.method = "POST", .target = "/v1/apply", .body = files(text).dump(), .origin = {.peer = Peer{1234, 0, 1}}};
    request.headers.emplace("content-type", "application/json");
    return dispatcher.handle(std::move(request));
  };
  EXPECT_EQ(apply_as_scoped(domain_text("web1", "{app: x}")).status, 200);
  EXPECT_EQ(apply_as_scoped(domain_text("web2", "{app: x}") + domain_text("db", "{app: x}", "mine")).status, 403);
  EXPECT_EQ(apply_as_scoped(domain_text("web3")).status, 403) << "it could not see what it made";
  EXPECT_EQ(stored_description("db"), "theirs");
  EXPECT_EQ(ask("GET", "/v1/domains/web2").status, 404) << "nothing is half applied";
}

using Diff = WriteConventions;

TEST_F(Diff, NamesEachPlaceWithBothValues) {
  ask("POST", "/v1/apply", files(domain_text("web1", "{env: test}", "before")));
  const json body = parsed(ask("POST", "/v1/diff", files(domain_text("web1", "{env: prod}", "after"))));
  EXPECT_TRUE(body["differs"]);
  EXPECT_EQ(body["changes"][0]["action"], "updated");
  EXPECT_EQ(body["changes"][0]["differences"],
            json::parse(R"([{"pointer": "/metadata/labels/env", "before": "test", "after": "prod"},
                            {"pointer": "/spec/description", "before": "before", "after": "after"}])"));
}

TEST_F(Diff, SeesNoDifferenceInDefaultsThatAreWrittenOut) {
  ask("POST", "/v1/apply", files("apiVersion: vservices/v1\nkind: Domain\nmetadata: {name: web1}\nspec: {}\n"));
  const json body = parsed(ask(
      "POST", "/v1/diff",
      files("apiVersion: vservices/v1\nkind: Domain\nmetadata: {name: web1}\nspec: {type: sandbox, memoryMiB: 128}\n")));
  EXPECT_FALSE(body["differs"]);
  EXPECT_EQ(body["changes"][0]["differences"], json::array());
}

TEST_F(Diff, ShowsWhatIsMadeAndWhatGoesAsAWhole) {
  ask("POST", "/v1/apply", files(domain_text("old", "{app: x}")));
  const json body = parsed(ask("POST", "/v1/diff?prune=app", files(domain_text("new"))));
  EXPECT_EQ(body["changes"][0]["differences"][0]["after"]["metadata"]["name"], "new");
  EXPECT_FALSE(body["changes"][0]["differences"][0].contains("before"));
  EXPECT_EQ(body["changes"][1]["differences"][0]["before"]["metadata"]["name"], "old");
  EXPECT_FALSE(body["changes"][1]["differences"][0].contains("after"));
}

TEST_F(Diff, ChangesNothing) {
  const std::int64_t before = version();
  ask("POST", "/v1/diff", files(domain_text("web1")));
  EXPECT_EQ(version(), before);
  EXPECT_EQ(ask("GET", "/v1/domains/web1").status, 404);
}

TEST_F(Diff, IsRefusedForWhatAnApplyIsRefusedFor) {
  const json body = files("apiVersion: vservices/v1\nkind: Binding\nmetadata: {name: b}\nspec: {domain: no, service: no}\n");
  const Response applied = ask("POST", "/v1/apply", body);
  const Response compared = ask("POST", "/v1/diff", body);
  EXPECT_EQ(compared.status, applied.status);
  EXPECT_EQ(parsed(compared)["errors"], parsed(applied)["errors"]);
}

using WaitApplied = WriteConventions;

TEST_F(WaitApplied, AnswersWhenTheDataPlaneHasIt) {
  std::thread reconciler([&] {
    while (!store_->get(Kind::domain, "web1")) std::this_thread::yield();
    ASSERT_TRUE(store_->observe(
        {{.kind = Kind::domain, .name = "web1", .observed_generation = 1, .state = State::ready, .reason = "SocketReady"}}));
  });
  const Response response = ask("PUT", "/v1/domains/web1?wait=applied&timeout=20s", domain("web1"));
  reconciler.join();
  EXPECT_EQ(response.status, 201) << response.body;
  EXPECT_EQ(parsed(response)["applied"], true);
}

TEST_F(WaitApplied, SaysWhatIsCommittedAndNotApplied) {
  const Response response = ask("POST", "/v1/apply?wait=applied&timeout=1ms", files(domain_text("web1")));
  EXPECT_EQ(response.status, 202);
  const json body = parsed(response);
  EXPECT_EQ(body["code"], "committed_not_applied");
  EXPECT_EQ(body["applied"], false);
  EXPECT_EQ(body["pending"][0]["name"], "web1");
  EXPECT_EQ(ask("GET", "/v1/domains/web1").status, 200) << "it is committed";
}

TEST_F(WaitApplied, DoesNotTakeAnOlderGenerationForIt) {
  put_all({{"/v1/domains/web1", domain("web1")}});
  ASSERT_TRUE(store_->observe({{.kind = Kind::domain, .name = "web1", .observed_generation = 1, .state = State::ready}}));
  const Response response =
      ask("PUT", "/v1/domains/web1?wait=applied&timeout=1ms", domain("web1", "new"), {{"if-match", "*"}});
  EXPECT_EQ(response.status, 202);
}

TEST_F(WaitApplied, KnowsNoOtherWait) {
  EXPECT_EQ(ask("PUT", "/v1/domains/web1?wait=done", domain("web1")).status, 400);
  EXPECT_EQ(ask("PUT", "/v1/domains/web1?timeout=1s", domain("web1")).status, 400);
  EXPECT_EQ(ask("PUT", "/v1/domains/web1?wait=applied&timeout=soon", domain("web1")).status, 400);
  EXPECT_EQ(ask("GET", "/v1/domains/web1").status, 404);
}

}  // namespace
}  // namespace vs::http
