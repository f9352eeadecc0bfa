// What lies outside of a scope: not seen, not changed, and not told apart from what is not there.

#include <string>
#include <utility>
#include <vector>

#include "tests/vsmgrd/api/rest_fixture.h"

namespace vs::http {
namespace {

constexpr uid_t kScoped = 1234;  // operator, env=prod

class Scope : public RestFixture {
 protected:
  void SetUp() override {
    RestFixture::SetUp();
    scoped_ = std::make_unique<Dispatcher>(
        make_router(*store_, *background_, [] { return std::string(); }), limited_, clock_, nullptr);
    put_all({{"/v1/services/dns", service("dns")},
             {"/v1/domains/web1", labelled(domain("web1"), "prod")},
             {"/v1/domains/secret", labelled(domain("secret", "theirs"), "test")},
             {"/v1/bindings/hidden", labelled(binding("hidden", "secret", "dns"), "test")}});
  }
  static json labelled(json document, const std::string& env) {
    document["metadata"]["labels"]["env"] = env;
    return document;
  }
  Response ask_scoped(const std::string& method, const std::string& target, const json& body = nullptr,
                      Headers headers = {}) {
    Request request{.method = method,
                    .target = target,
                    .body = body.is_null() ? "" : body.dump(),
                    .origin = {.peer = Peer{kScoped, 0, 1}}};
    for (const auto& [name, value] : headers) request.headers.emplace(name, value);
    if (!body.is_null())
      request.headers.emplace("content-type", method == "PATCH" ? "application/merge-patch+json"
                                                                : "application/json");
    return answered(scoped_->handle(std::move(request)));
  }
  // Status, headers and body, but for the request's own id and name.
  static std::string said(const Response& response, const std::string& name) {
    json body = parsed(response);
    body.erase("requestId");
    std::string text = std::to_string(response.status) + ' ' + body.dump();
    for (const auto& [header, value] : response.headers)
      if (header != "X-Request-Id") text += ' ' + header + ": " + value;
    for (auto at = text.find(name); at != std::string::npos; at = text.find(name)) text.replace(at, name.size(), "*");
    return text;
  }
  std::int64_t version_of_secret() {
    return store_->get(Kind::domain, "secret")->resource.metadata.resource_version;
  }

  Access limited_{kOwner, {.roles = {*RoleRule::parse("uid:1234=operator@env=prod")}}, {}, clock_};
  std::unique_ptr<Dispatcher> scoped_;
};

TEST_F(Scope, AnswersOfWhatIsOutsideAsOfWhatIsNotThere) {
  const std::string right = '"' + std::to_string(version_of_secret()) + '"';
  struct Try {
    std::string method;
    json body;
    std::vector<std::pair<std::string, std::string>> headers;
  };
  const json patch{{"spec", {{"description", "mine"}}}};
  std::vector<Try> tries{{"GET", nullptr, {}}, {"DELETE", nullptr, {}}, {"PATCH", patch, {}}};
  for (const std::string& tag : {right, std::string("\"999\""), std::string("*")}) {
    tries.push_back({"PUT", "prod", {{"if-match", tag}}});
    tries.push_back({"PUT", "test", {{"if-match", tag}}});
    tries.push_back({"PATCH", patch, {{"if-match", tag}}});
    tries.push_back({"DELETE", nullptr, {{"if-match", tag}}});
  }
  // Labels that are not the client's to give: refused whether the name is free or not.
  tries.push_back({"PUT", "test", {}});
  tries.push_back({"PUT", "test", {{"if-none-match", "*"}}});
  for (const Try& one : tries) {
    const auto ask_for = [&](const std::string& name) {
      const json body = one.body.is_string() ? labelled(domain(name), one.body) : one.body;
      Request request{.method = one.method,
                      .target = "/v1/domains/" + name,
                      .body = body.is_null() ? "" : body.dump(),
                      .origin = {.peer = Peer{kScoped, 0, 1}}};
      for (const auto& header : one.headers) request.headers.insert(header);
      if (!body.is_null())
        request.headers.emplace("content-type", one.method == "PATCH"
                                                    ? "application/merge-patch+json"
                                                    : "application/json");
      return said(answered(scoped_->handle(std::move(request))), name);
    };
    EXPECT_EQ(ask_for("secret"), ask_for("absent")) << one.method << ' ' << one.body;
  }
  EXPECT_EQ(ask("GET", "/v1/domains/absent").status, 404);
  EXPECT_EQ(store_->get(Kind::domain, "secret")->resource.metadata.labels.at("env"), "test");
}

TEST_F(Scope, RefusesANameThatIsTakenOutsideWithoutItsVersion) {
  const std::string version = std::to_string(version_of_secret());
  for (const Headers headers : {Headers{}, Headers{{"if-none-match", "*"}}}) {
    const Response refused =
        ask_scoped("PUT", "/v1/domains/secret", labelled(domain("secret"), "prod"), headers);
    EXPECT_EQ(refused.status, 403) << refused.body;
    EXPECT_EQ(header(refused, "ETag"), "");
    EXPECT_FALSE(parsed(refused).contains("currentETag"));
    EXPECT_EQ(refused.body.find("theirs"), std::string::npos);
    EXPECT_EQ(refused.body.find("version " + version), std::string::npos) << refused.body;
  }
  EXPECT_EQ(ask_scoped("PUT", "/v1/domains/mine", labelled(domain("mine"), "prod")).status, 201);
}

TEST_F(Scope, NamesNothingOutsideInHintsAndConflicts) {
  const Response near = ask_scoped("PUT", "/v1/bindings/b", labelled(binding("b", "secre", "dns"), "prod"));
  EXPECT_EQ(near.status, 400);
  EXPECT_EQ(near.body.find("secret"), std::string::npos) << near.body;
  put_all({{"/v1/bindings/other", labelled(binding("other", "web1", "dns"), "test")}});
  const Response taken = ask_scoped("PUT", "/v1/bindings/b", labelled(binding("b", "web1", "dns"), "prod"));
  EXPECT_EQ(taken.status, 400);
  EXPECT_EQ(taken.body.find("\\\"other\\\""), std::string::npos) << taken.body;
  const Response in_use = ask_scoped("DELETE", "/v1/domains/web1", nullptr, {{"if-match", "*"}});
  EXPECT_EQ(in_use.status, 409) << in_use.body;
  EXPECT_EQ(parsed(in_use)["errors"].size(), 1u);
  EXPECT_EQ(in_use.body.find("\\\"other\\\""), std::string::npos) << in_use.body;
}

TEST_F(Scope, GivesNoDeviceToADomainOutside) {
  const json theirs = labelled(binding("mine", "secret", "dns"), "prod");
  const json nobodys = labelled(binding("mine", "nobody", "dns"), "prod");
  const Response refused = ask_scoped("PUT", "/v1/bindings/mine", theirs);
  EXPECT_EQ(refused.status, 400);
  EXPECT_EQ(said(refused, "secret"), said(ask_scoped("PUT", "/v1/bindings/mine", nobodys), "nobody"));
}

TEST_F(Scope, TellsNoDecisionAboutABindingOutside) {
  put_all({{"/v1/bindings/other", labelled(binding("other", "web1", "dns"), "test")},
           {"/v1/policies/p",
            {{"apiVersion", "vservices/v1"},
             {"kind", "AccessPolicy"},
             {"metadata", {{"name", "p"}}},
             {"spec",
              {{"rules",
                {{{"id", "tier"},
                  {"effect", "allow"},
                  {"message", "so"},
                  {"match", {{"domainLabels", {{"tier", "front"}}}}}}}}}}}}});
  json relabelled = labelled(domain("web1"), "prod");
  relabelled["metadata"]["labels"]["tier"] = "front";
  const Response changed = ask_scoped("PUT", "/v1/domains/web1", relabelled, {{"if-match", "*"}});
  ASSERT_EQ(changed.status, 200) << changed.body;
  EXPECT_TRUE(parsed(changed)["decisionsChanged"].empty()) << changed.body;
  EXPECT_TRUE(store_->get(Kind::binding, "other")->decision->allowed) << "it was decided anew";
}

TEST_F(Scope, OfAnApplyIsHeldAlsoWhereNothingWouldChange) {
  const json files{{"files",
                    {{{"name", "a.yaml"},
                      {"text",
                       "apiVersion: vservices/v1\nkind: Domain\nmetadata: {name: secret, labels: {env: test}}\n"
                       "spec: {description: theirs}\n"}}}}};
  EXPECT_EQ(ask_scoped("POST", "/v1/apply", files).status, 403);
  EXPECT_EQ(ask_scoped("POST", "/v1/diff", files).status, 403);
}

TEST_F(Scope, WhoBeganAnOperationSeesHowItEnds) {
  const std::string text =
      "apiVersion: vservices/v1\nkind: Domain\nmetadata: {name: mine, labels: {env: prod}}\nspec: {type: sandbox}\n";
  const json files{{"files", {{{"name", "f"}, {"text", text}}}}};
  const Response mine = ask_scoped("POST", "/v1/apply", files, {{"prefer", "respond-async"}});
  ASSERT_EQ(mine.status, 202) << mine.body;
  const Response theirs = ask("POST", "/v1/apply", files, {{"prefer", "respond-async"}});
  ASSERT_EQ(theirs.status, 202) << theirs.body;
  EXPECT_EQ(ask_scoped("GET", "/v1/operations/" + std::string(parsed(mine)["id"])).status, 200);
  EXPECT_EQ(ask_scoped("GET", "/v1/operations/" + std::string(parsed(theirs)["id"])).status, 404);
  EXPECT_EQ(parsed(ask_scoped("GET", "/v1/operations"))["items"].size(), 1u);
}

}  // namespace
}  // namespace vs::http
