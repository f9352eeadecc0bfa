// apply and explain, and what tells about the daemon itself.

#include <string>

#include <gtest/gtest.h>

#include "tests/vsmgrd/api/rest_fixture.h"

namespace vs::http {
namespace {

constexpr char kDemo[] = R"(apiVersion: vservices/v1
kind: Domain
metadata: {name: web1}
spec: {type: sandbox}
---
apiVersion: vservices/v1
kind: Domain
metadata: {name: web2}
spec: {type: sandbox}
---
apiVersion: vservices/v1
kind: Service
metadata: {name: dns}
spec: {kind: dns}
---
apiVersion: vservices/v1
kind: AccessPolicy
metadata: {name: demo}
spec:
  rules:
    - id: allow-web1
      effect: allow
      message: web1 may resolve names
      match: {domains: [web1], services: [dns]}
    - id: deny-web2
      effect: deny
      message: web2 has no business with names
      match: {domains: [web2]}
---
apiVersion: vservices/v1
kind: Binding
metadata: {name: web1-dns}
spec: {domain: web1, service: dns}
---
apiVersion: vservices/v1
kind: Binding
metadata: {name: web2-dns}
spec: {domain: web2, service: dns}
)";

class Policies : public RestFixture {
 protected:
  static json files(const std::string& text, const std::string& name = "demo.yaml") {
    return {{"files", {{{"name", name}, {"text", text}}}}};
  }
  json explain(const std::string& of_domain, const std::string& to_service) {
    const Response response =
        ask("POST", "/v1/explain", {{"domain", of_domain}, {"service", to_service}});
    EXPECT_EQ(response.status, 200) << response.body;
    return parsed(response);
  }
};

TEST_F(Policies, ApplyRefusesAPolicyOfMoreThanOneMebibyteWithItsPlace) {
  std::string rules;
  for (int number = 0; rules.size() <= 1'100'000; ++number)
    rules += "\n    - {id: r" + std::to_string(number) + ", effect: allow, message: m, match: {domains: [" +
             std::string(63, 'a') + "]}}";
  const std::string text = std::string(kDemo) +
                           "---\napiVersion: vservices/v1\nkind: AccessPolicy\nmetadata: {name: huge}\nspec:\n  rules:" + rules + "\n";
  const json refused = problem(ask("POST", "/v1/apply", {{"files", {{{"name", "huge.yaml"}, {"text", text}}}}}), 400);
  const json& error = refused["errors"][0];
  EXPECT_EQ(error["message"], "a document of more than 1048576 bytes");
  EXPECT_EQ(error["source"]["file"], "huge.yaml");
  EXPECT_GT(error["source"]["line"], 30) << "where that document begins";
  EXPECT_EQ(store_->list(Kind::domain)->size(), 0u) << "nothing of the others either";
}

TEST_F(Policies, ApplyCreatesWhatTheFilesDeclare) {
  const Response response = ask("POST", "/v1/apply", files(kDemo));
  ASSERT_EQ(response.status, 200) << response.body;
  const json outcome = parsed(response);
  ASSERT_EQ(outcome["changes"].size(), 6u);
  for (const json& change : outcome["changes"]) EXPECT_EQ(change["action"], "created");
  EXPECT_EQ(outcome["changes"][0],
            (json{{"kind", "Domain"}, {"name", "web1"}, {"action", "created"}}));
  ASSERT_EQ(outcome["decisionsChanged"].size(), 2u);
  const json& denied = outcome["decisionsChanged"][1];
  EXPECT_EQ(denied["binding"], "web2-dns");
  EXPECT_EQ(denied["decision"]["allowed"], false);
  EXPECT_EQ(denied["decision"]["rule"], "deny-web2");
  EXPECT_EQ(denied["decision"]["source"]["file"], "demo.yaml");
  EXPECT_EQ(outcome["resourceVersion"], parsed(ask("GET", "/healthz"))["resourceVersion"]);
}

TEST_F(Policies, ApplyTwiceChangesNothing) {
  const json first = parsed(ask("POST", "/v1/apply", files(kDemo)));
  const json second = parsed(ask("POST", "/v1/apply", files(kDemo)));
  for (const json& change : second["changes"]) EXPECT_EQ(change["action"], "unchanged");
  EXPECT_TRUE(second["decisionsChanged"].empty());
  EXPECT_EQ(second["resourceVersion"], first["resourceVersion"]);
}

TEST_F(Policies, ApplyTakesItsFilesTogether) {
  const std::string binding_first =
      "apiVersion: vservices/v1\nkind: Binding\nmetadata: {name: b}\n"
      "spec: {domain: d, service: s}\n";
  const std::string rest =
      "apiVersion: vservices/v1\nkind: Service\nmetadata: {name: s}\nspec: {kind: dns}\n---\n"
      "apiVersion: vservices/v1\nkind: Domain\nmetadata: {name: d}\nspec: {}\n";
  const Response response = ask(
      "POST", "/v1/apply",
      {{"files",
        {{{"name", "a.yaml"}, {"text", binding_first}}, {{"name", "b.yaml"}, {"text", rest}}}}});
  EXPECT_EQ(response.status, 200) << response.body;
  EXPECT_EQ(ask("GET", "/v1/bindings/b").status, 200);
}

TEST_F(Policies, ApplyDryRunChangesNothing) {
  const Response response = ask("POST", "/v1/apply?dryRun=true", files(kDemo));
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(parsed(response)["changes"].size(), 6u);
  EXPECT_EQ(parsed(response)["decisionsChanged"].size(), 2u);
  EXPECT_TRUE(parsed(ask("GET", "/v1/domains"))["items"].empty());
}

TEST_F(Policies, ApplyRefusesWithEveryFaultAndItsPlace) {
  const std::string text =
      "apiVersion: vservices/v1\n"
      "kind: Domain\n"
      "metadata: {name: web1}\n"
      "spec:\n"
      "  typ: sandbox\n"
      "---\n"
      "apiVersion: vservices/v1\n"
      "kind: Service\n"
      "metadata: {name: dns}\n"
      "spec: {kind: 7}\n";
  const json refused = problem(ask("POST", "/v1/apply", files(text, "bad.yaml")), 400);
  EXPECT_EQ(refused["code"], "invalid");
  ASSERT_EQ(refused["errors"].size(), 2u) << refused;
  EXPECT_EQ(refused["errors"][0]["source"],
            (json{{"file", "bad.yaml"}, {"line", 5}, {"column", 3}}));
  EXPECT_EQ(refused["errors"][0]["hint"], "did you mean \"type\"?");
  EXPECT_EQ(refused["errors"][1]["source"]["line"], 10);
  EXPECT_EQ(parsed(ask("GET", "/healthz"))["resourceVersion"], 0) << "something was written";
}

TEST_F(Policies, ApplyRefusesAReferenceToNothing) {
  const json refused =
      problem(ask("POST", "/v1/apply",
                  files("apiVersion: vservices/v1\nkind: Binding\nmetadata: {name: b}\n"
                        "spec:\n  domain: web1\n  service: dns\n")),
              400);
  ASSERT_EQ(refused["errors"].size(), 2u);
  EXPECT_EQ(refused["errors"][0]["pointer"], "/spec/domain");
  EXPECT_EQ(refused["errors"][0]["source"]["line"], 5);
}

TEST_F(Policies, ApplyTakesOnlyAnApply) {
  const auto pointers = [&](const json& body) {
    std::vector<std::string> found;
    const json refused = problem(ask("POST", "/v1/apply", body), 400);
    for (const json& error : refused["errors"]) found.push_back(error["pointer"]);
    return found;
  };
  using Pointers = std::vector<std::string>;
  EXPECT_EQ(pointers(json::array()), Pointers{""});
  EXPECT_EQ(pointers(json::object()), Pointers{"/files"});
  EXPECT_EQ(pointers({{"file", json::array()}}), (Pointers{"/file", "/files"}));
  EXPECT_EQ(pointers({{"files", 7}}), Pointers{"/files"});
  EXPECT_EQ(pointers({{"files", {7, {{"name", 1}}, {{"name", "a"}, {"text", "x"}, {"more", 1}}}}}),
            (Pointers{"/files/0", "/files/1/text", "/files/1/name", "/files/2/more"}));
  EXPECT_EQ(pointers({{"files", json::array_t(1001, json::object())}}), Pointers{"/files"});
  EXPECT_EQ(problem(ask("POST", "/v1/apply", {{"files", json::array()}}), 400)["code"], "invalid");
}

TEST_F(Policies, ApplyLimitsTheFaultsItLists) {
  json many = json::array();
  for (int i = 0; i < 500; ++i) many.push_back(7);
  const json refused = problem(ask("POST", "/v1/apply", {{"files", many}}), 400);
  EXPECT_EQ(refused["errors"].size(), kProblemsMax + 1);
}

TEST_F(Policies, ExplainSaysWhichRuleAllows) {
  ASSERT_EQ(ask("POST", "/v1/apply", files(kDemo)).status, 200);
  const json why = explain("web1", "dns");
  EXPECT_EQ(why["decision"]["allowed"], true);
  EXPECT_EQ(why["decision"]["rule"], "allow-web1");
  ASSERT_EQ(why["matched"].size(), 1u);
  EXPECT_EQ(why["matched"][0]["effect"], "allow");
  EXPECT_EQ(why["matched"][0]["matched"], true);
  EXPECT_EQ(why["matched"][0]["source"], why["decision"]["source"]);
}

TEST_F(Policies, ExplainSaysWhatMayBeDoneWithAChannel) {
  ASSERT_EQ(ask("POST", "/v1/apply", files(kDemo)).status, 200);
  ASSERT_EQ(ask("POST", "/v1/apply", files(R"(apiVersion: vservices/v1
kind: Service
metadata: {name: bus}
spec: {kind: pubsub}
---
apiVersion: vservices/v1
kind: AccessPolicy
metadata: {name: channels}
spec:
  rules:
    - {id: all, effect: allow, message: m, match: {services: [bus]}}
  channelRules:
    - id: rooms
      effect: allow
      message: web1 measures rooms
      match: {domains: [web1]}
      channels: [room.>]
      verbs: [publish]
      rate: 10
)", "bus.yaml")).status, 200);
  const auto about = [&](json extra) {
    json question{{"domain", "web1"}, {"service", "bus"}};
    question.update(extra);
    return ask("POST", "/v1/explain", question);
  };
  const json why = parsed(about({{"channel", "room.north"}}));
  ASSERT_EQ(why["channels"].size(), 3u);
  EXPECT_EQ(why["channels"][0]["verb"], "create");
  EXPECT_EQ(why["channels"][0]["allowed"], false);
  EXPECT_EQ(why["channels"][1]["allowed"], true);
  EXPECT_EQ(why["channels"][1]["rule"], "rooms");
  EXPECT_EQ(why["channels"][1]["source"]["line"], 13);
  EXPECT_EQ(why["channels"][1]["limits"][0]["rate"], 10);
  EXPECT_EQ(parsed(about({{"channel", "hall"}, {"verb", "publish"}}))["channels"].size(), 1u);
  EXPECT_EQ(problem(about({{"channel", "a..b"}}), 400)["errors"][0]["pointer"], "/channel");
  EXPECT_EQ(problem(about({{"channel", "a"}, {"verb", "read"}}), 400)["errors"][0]["pointer"], "/verb");
  EXPECT_EQ(problem(about({{"verb", "publish"}}), 400)["errors"][0]["pointer"], "/verb");
}

TEST_F(Policies, ExplainSaysWhichRuleDeniesAndWhatToChange) {
  ASSERT_EQ(ask("POST", "/v1/apply", files(kDemo)).status, 200);
  const json why = explain("web2", "dns");
  EXPECT_EQ(why["decision"]["allowed"], false);
  EXPECT_EQ(why["decision"]["policy"], "demo");
  EXPECT_EQ(why["decision"]["rule"], "deny-web2");
  EXPECT_EQ(why["decision"]["message"], "web2 has no business with names");
  EXPECT_EQ(why["decision"]["source"]["file"], "demo.yaml");
  EXPECT_EQ(why["decision"]["source"]["line"], 25);
  EXPECT_NE(why["fix"], "");
}

TEST_F(Policies, ExplainShowsTheNearestMiss) {
  ASSERT_EQ(ask("POST", "/v1/apply", files(kDemo)).status, 200);
  put_all({{"/v1/domains/web3", domain("web3")}});
  const json why = explain("web3", "dns");
  EXPECT_EQ(why["decision"]["allowed"], false);
  EXPECT_EQ(why["decision"]["rule"], "");
  EXPECT_TRUE(why["matched"].empty());
  ASSERT_EQ(why["nearest"].size(), 1u);
  EXPECT_EQ(why["nearest"][0]["rule"], "allow-web1");
  EXPECT_NE(why["nearest"][0]["because"], "");
}

TEST_F(Policies, ExplainHintsAtWhatWasMeant) {
  ASSERT_EQ(ask("POST", "/v1/apply", files(kDemo)).status, 200);
  const json refused =
      problem(ask("POST", "/v1/explain", {{"domain", "wbe1"}, {"service", "dnss"}}), 404);
  EXPECT_EQ(refused["code"], "not_found");
  ASSERT_EQ(refused["errors"].size(), 2u);
  EXPECT_EQ(refused["errors"][0]["pointer"], "/domain");
  EXPECT_EQ(refused["errors"][0]["hint"], "did you mean \"web1\"?");
  EXPECT_EQ(refused["errors"][1]["pointer"], "/service");
  EXPECT_EQ(refused["errors"][1]["hint"], "did you mean \"dns\"?");
}

TEST_F(Policies, ExplainTakesOnlyAQuestion) {
  EXPECT_EQ(problem(ask("POST", "/v1/explain", {{"domain", "web1"}}), 400)["errors"][0]["pointer"],
            "/service");
  EXPECT_EQ(problem(ask("POST", "/v1/explain", {{"domain", 1}, {"service", "dns"}}),
                    400)["errors"][0]["pointer"],
            "/domain");
  EXPECT_EQ(ask("POST", "/v1/explain", json::array({1})).status, 400);
}

TEST_F(Policies, ExplainDoesNotMakeTheDecisionsItTells) {
  ASSERT_EQ(ask("POST", "/v1/apply", files(kDemo)).status, 200);
  for (const std::string name : {"web1", "web2"}) {
    json made = parsed(ask("GET", "/v1/bindings/" + name + "-dns"))["status"]["decision"];
    EXPECT_EQ(made.erase("id"), 1u) << "what was made is recorded, what is only asked is not";
    EXPECT_EQ(explain(name, "dns")["decision"], made);
  }
}

class Status : public RestFixture {};

TEST_F(Status, IsHealthyWhenTheStoreCanBeRead) {
  const Response response = ask("GET", "/healthz");
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(parsed(response),
            (json{{"status", "ok"}, {"version", VS_VERSION}, {"resourceVersion", 0}}));
}

TEST_F(Status, ShowsMetricsAsPrometheusWantsThem) {
  const Response response = ask("GET", "/metrics");
  EXPECT_EQ(response.content_type, "text/plain; version=0.0.4; charset=utf-8");
  EXPECT_EQ(response.body, "x_total 1\n");
}

TEST_F(Status, TellsItsVersionAndKinds) {
  const json about = parsed(ask("GET", "/v1"));
  EXPECT_EQ(about["version"], VS_VERSION);
  EXPECT_EQ(about["apiVersion"], "vservices/v1");
  for (const json& kind : about["kinds"]) EXPECT_EQ(ask("GET", kind["path"]).status, 200) << kind;
  EXPECT_EQ(about["kinds"].size(), kKinds.size());
}

}  // namespace
}  // namespace vs::http
