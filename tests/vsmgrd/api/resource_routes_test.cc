// The full life of each kind of resource, and every combination of preconditions.

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/vsmgrd/api/rest_fixture.h"
#include "vsmgrd/api/etag.h"

namespace vs::http {
namespace {

class Resources : public RestFixture {
 protected:
  static json change_of(const Response& response) {
    const json outcome = parsed(response);
    EXPECT_EQ(outcome.value("changes", json::array()).size(), 1u) << response.body;
    return outcome["changes"][0];
  }
};

TEST_F(Resources, LiveFromPutToDelete) {
  put_all({{"/v1/domains/base", domain("base")}, {"/v1/services/base", service("base")}});
  struct Life {
    std::string path;
    std::string kind;
    json first;
    json second;
  };
  json other_service = service("one");
  other_service["spec"]["parameters"]["tries"] = 5;
  json other_binding = binding("one", "base", "base");
  other_binding["spec"]["device"] = "resolver";
  for (const auto& [path, kind, first, second] : std::vector<Life>{
           {"/v1/domains/one", "Domain", domain("one"), domain("one", "changed")},
           {"/v1/services/one", "Service", service("one"), other_service},
           {"/v1/policies/one", "AccessPolicy", policy("one", "allow"), policy("one", "deny")},
           {"/v1/bindings/one", "Binding", binding("one", "base", "base"), other_binding}}) {
    SCOPED_TRACE(kind);
    EXPECT_EQ(problem(ask("GET", path), 404)["code"], "not_found");

    const Response created = ask("PUT", path, first);
    EXPECT_EQ(created.status, 201) << created.body;
    EXPECT_EQ(header(created, "Location"), path);
    EXPECT_EQ(change_of(created), (json{{"kind", kind}, {"name", "one"}, {"action", "created"}}));

    const Response got = ask("GET", path);
    EXPECT_EQ(got.status, 200);
    EXPECT_EQ(got.content_type, "application/json");
    EXPECT_EQ(header(got, "ETag"), header(created, "ETag"));
    const json shown = parsed(got);
    EXPECT_EQ(shown["kind"], kind);
    EXPECT_EQ(shown["metadata"]["generation"], 1);
    EXPECT_EQ(header(got, "ETag"), format_etag(shown["metadata"]["resourceVersion"]));

    const Response same = ask("PUT", path, first, {{"if-match", header(got, "ETag")}});
    EXPECT_EQ(same.status, 200) << same.body;
    EXPECT_EQ(change_of(same)["action"], "unchanged");
    EXPECT_EQ(header(same, "ETag"), header(got, "ETag"));

    const Response updated = ask("PUT", path, second, {{"if-match", header(got, "ETag")}});
    EXPECT_EQ(updated.status, 200) << updated.body;
    EXPECT_EQ(change_of(updated)["action"], "updated");
    EXPECT_NE(header(updated, "ETag"), header(got, "ETag"));
    EXPECT_EQ(header(updated, "ETag"), etag_of(path));
    EXPECT_EQ(parsed(ask("GET", path))["metadata"]["generation"], 2);

    const Response gone = ask("DELETE", path, nullptr, {{"if-match", header(updated, "ETag")}});
    EXPECT_EQ(gone.status, 200) << gone.body;
    EXPECT_EQ(change_of(gone)["action"], "deleted");
    EXPECT_EQ(header(gone, "ETag"), "");
    EXPECT_EQ(ask("GET", path).status, 404);
  }
}

TEST_F(Resources, ShownCanBePutAgain) {
  put_all({{"/v1/domains/web1", domain("web1")},
           {"/v1/services/dns", service("dns")},
           {"/v1/policies/p", policy("p", "allow")},
           {"/v1/bindings/b", binding("b", "web1", "dns")}});
  for (const std::string path :
       {"/v1/domains/web1", "/v1/services/dns", "/v1/policies/p", "/v1/bindings/b"}) {
    const Response got = ask("GET", path);
    const Response put = ask("PUT", path, parsed(got), {{"if-match", header(got, "ETag")}});
    EXPECT_EQ(put.status, 200) << put.body;
    EXPECT_EQ(change_of(put)["action"], "unchanged") << path;
  }
}

TEST_F(Resources, AreListedByName) {
  const json none = parsed(ask("GET", "/v1/domains"));
  EXPECT_EQ(none, (json{{"items", json::array()}, {"metadata", {{"resourceVersion", 0}, {"eventId", 0}}}}));
  put_all({{"/v1/domains/web2", domain("web2")}, {"/v1/domains/web1", domain("web1")}});
  const json list = parsed(ask("GET", "/v1/domains"));
  ASSERT_EQ(list["items"].size(), 2u);
  EXPECT_EQ(list["items"][0], parsed(ask("GET", "/v1/domains/web1")));
  EXPECT_EQ(list["items"][1], parsed(ask("GET", "/v1/domains/web2")));
  EXPECT_EQ(list["metadata"]["resourceVersion"],
            list["items"][0]["metadata"]["resourceVersion"]);  // written last
  EXPECT_TRUE(parsed(ask("GET", "/v1/services"))["items"].empty());
}

TEST_F(Resources, ShowWhatWasObservedAndDecided) {
  put_all({{"/v1/domains/web1", domain("web1")},
           {"/v1/services/dns", service("dns")},
           {"/v1/policies/p", policy("p", "deny")},
           {"/v1/bindings/b", binding("b", "web1", "dns")}});
  const std::string etag = etag_of("/v1/bindings/b");
  ASSERT_TRUE(store_->observe({{.kind = Kind::binding,
                                .name = "b",
                                .observed_generation = 1,
                                .state = State::denied,
                                .reason = "PolicyDenied"}}));
  const Response got = ask("GET", "/v1/bindings/b");
  const json status = parsed(got)["status"];
  EXPECT_EQ(status["state"], "Denied");
  EXPECT_EQ(status["decision"]["allowed"], false);
  EXPECT_EQ(status["decision"]["rule"], "deny-web1");
  EXPECT_EQ(header(got, "ETag"), etag) << "the status is not part of the version";
}

// What a PUT gets, by what is there and what it expects.
TEST_F(Resources, PutMatrixOfPreconditions) {
  put_all({{"/v1/domains/there", domain("there")}});
  const std::string stale = etag_of("/v1/domains/there");
  ASSERT_EQ(ask("PUT", "/v1/domains/there", domain("there", "1"), {{"if-match", stale}}).status,
            200);
  struct Row {
    const char* header;
    std::string value;
    int when_there;
    int when_absent;
  };
  for (const auto& [name, value, when_there, when_absent] :
       std::vector<Row>{{"x-none", "", 428, 201},
                        {"if-none-match", "*", 412, 201},
                        {"if-match", "*", 200, 412},
                        {"if-match", "now", 200, 412},  // replaced by the ETag below
                        {"if-match", stale, 412, 412},
                        {"if-match", "\"not-ours\"", 412, 412},
                        {"if-match", "W/" + stale, 412, 412},
                        {"if-match", "no-quotes", 400, 400},
                        {"if-none-match", stale, 400, 400}}) {
    SCOPED_TRACE(std::string(name) + ": " + value);
    const std::string now = etag_of("/v1/domains/there");
    const json before = parsed(ask("GET", "/v1/domains/there"));
    const Response there = ask("PUT", "/v1/domains/there", domain("there", now + value),
                               {{name, value == "now" ? now : value}});
    EXPECT_EQ(there.status, when_there) << there.body;
    if (when_there >= 400) {
      EXPECT_EQ(parsed(ask("GET", "/v1/domains/there")), before);
    }
    if (when_there == 412 || when_there == 428) {
      EXPECT_EQ(header(there, "ETag"), now);
      EXPECT_EQ(problem(there, when_there)["currentETag"], now);
      EXPECT_EQ(problem(there, when_there)["code"], when_there == 428 ? "if_match_required" : "stale");
    }

    const Response absent =
        ask("PUT", "/v1/domains/absent", domain("absent"), {{name, value == "now" ? now : value}});
    EXPECT_EQ(absent.status, when_absent) << absent.body;
    EXPECT_EQ(header(absent, "ETag").empty(), when_absent != 201);
    if (when_absent == 201) {
      ASSERT_EQ(ask("DELETE", "/v1/domains/absent", nullptr, {{"if-match", header(absent, "ETag")}})
                    .status,
                200);
    }
    EXPECT_EQ(ask("GET", "/v1/domains/absent").status, 404);
  }
}

TEST_F(Resources, DeleteMatrixOfPreconditions) {
  const auto remove = [&](const std::string& name, const std::string& value) {
    return ask("DELETE", "/v1/domains/it", nullptr, {{name, value}});
  };
  const auto expect = [&](const std::string& name, const std::string& value, int there) {
    SCOPED_TRACE(name + ": " + value);
    const std::string now = etag_of("/v1/domains/it");
    const Response response = remove(name, value == "now" ? now : value);
    EXPECT_EQ(response.status, there) << response.body;
    if (there == 412 || there == 428) {
      EXPECT_EQ(problem(response, there)["currentETag"], now);
    }
    if (there == 200) {
      EXPECT_EQ(ask("GET", "/v1/domains/it").status, 404);
      EXPECT_EQ(remove(name, value == "now" ? now : value).status, 404) << "gone already";
      put_all({{"/v1/domains/it", domain("it")}});
    }
  };
  put_all({{"/v1/domains/it", domain("it")}});
  const std::string stale = etag_of("/v1/domains/it");
  expect("if-match", "now", 200);
  expect("if-match", "*", 200);
  expect("x-none", "", 428);
  expect("if-match", stale, 412);
  expect("if-match", "\"not-ours\"", 412);
  expect("if-match", "no-quotes", 400);
  expect("if-none-match", "*", 400);
}

TEST_F(Resources, OfTwoWritersOneIsTold) {
  put_all({{"/v1/domains/web1", domain("web1")}});
  const std::string etag = etag_of("/v1/domains/web1");
  EXPECT_EQ(ask("PUT", "/v1/domains/web1", domain("web1", "a"), {{"if-match", etag}}).status, 200);
  EXPECT_EQ(ask("PUT", "/v1/domains/web1", domain("web1", "b"), {{"if-match", etag}}).status, 412);
  EXPECT_EQ(parsed(ask("GET", "/v1/domains/web1"))["spec"]["description"], "a");
}

TEST_F(Resources, DryRunsAnswerAndChangeNothing) {
  const Response created = ask("PUT", "/v1/domains/web1?dryRun=true", domain("web1"));
  EXPECT_EQ(created.status, 200);
  EXPECT_EQ(change_of(created)["action"], "created");
  EXPECT_EQ(header(created, "ETag"), "");
  EXPECT_EQ(header(created, "Location"), "");
  EXPECT_EQ(ask("GET", "/v1/domains/web1").status, 404);

  put_all({{"/v1/domains/web1", domain("web1")}});
  const json before = parsed(ask("GET", "/v1/domains/web1"));
  const std::string etag = etag_of("/v1/domains/web1");
  const Response updated =
      ask("PUT", "/v1/domains/web1?dryRun=true", domain("web1", "x"), {{"if-match", etag}});
  EXPECT_EQ(change_of(updated)["action"], "updated");
  const Response removed =
      ask("DELETE", "/v1/domains/web1?dryRun=true", nullptr, {{"if-match", etag}});
  EXPECT_EQ(change_of(removed)["action"], "deleted");
  EXPECT_EQ(parsed(ask("GET", "/v1/domains/web1")), before);

  EXPECT_EQ(ask("PUT", "/v1/domains/web1?dryRun=true", domain("web1", "x")).status, 428);
  EXPECT_EQ(ask("DELETE", "/v1/domains/web1?dryRun=true", nullptr, {{"if-match", "\"99\""}}).status,
            412);
  EXPECT_EQ(ask("PUT", "/v1/bindings/b?dryRun=true", binding("b", "none", "none")).status, 400);
}

TEST_F(Resources, SayWhichDecisionsTheyChanged) {
  put_all({{"/v1/domains/web1", domain("web1")},
           {"/v1/services/dns", service("dns")},
           {"/v1/bindings/b", binding("b", "web1", "dns")}});
  const json outcome = parsed(ask("PUT", "/v1/policies/p", policy("p", "allow")));
  ASSERT_EQ(outcome["decisionsChanged"].size(), 1u);
  EXPECT_EQ(outcome["decisionsChanged"][0]["binding"], "b");
  EXPECT_EQ(outcome["decisionsChanged"][0]["decision"]["allowed"], true);
  EXPECT_EQ(outcome["decisionsChanged"][0]["decision"]["rule"], "allow-web1");
  const json gone = parsed(ask("DELETE", "/v1/policies/p", nullptr, {{"if-match", "*"}}));
  EXPECT_EQ(gone["decisionsChanged"][0]["decision"]["allowed"], false);
}

TEST_F(Resources, InUseAreNotDeleted) {
  put_all({{"/v1/domains/web1", domain("web1")},
           {"/v1/services/dns", service("dns")},
           {"/v1/bindings/b1", binding("b1", "web1", "dns")}});
  const json refused =
      problem(ask("DELETE", "/v1/domains/web1", nullptr, {{"if-match", "*"}}), 409);
  EXPECT_EQ(refused["code"], "in_use");
  ASSERT_EQ(refused["errors"].size(), 1u);
  EXPECT_NE(refused["errors"][0]["message"].get<std::string>().find("b1"), std::string::npos);
  EXPECT_EQ(ask("GET", "/v1/domains/web1").status, 200);
}

TEST_F(Resources, AreWhatThePathSays) {
  const json name = problem(ask("PUT", "/v1/domains/web1", domain("web2")), 400);
  EXPECT_EQ(name["errors"][0]["pointer"], "/metadata/name");
  const json kind = problem(ask("PUT", "/v1/domains/web1", service("web1")), 400);
  EXPECT_EQ(kind["errors"][0]["pointer"], "/kind");
  const json both = problem(ask("PUT", "/v1/domains/web1", service("web2")), 400);
  EXPECT_EQ(both["errors"].size(), 2u);
  EXPECT_TRUE(parsed(ask("GET", "/v1/services"))["items"].empty());
}

TEST_F(Resources, AreRefusedWithEveryFault) {
  json wrong = domain("web1");
  wrong["specs"] = 1;
  wrong["spec"]["type"] = 7;
  wrong["metadata"]["labels"] = {{"a", 1}};
  const json refused = problem(ask("PUT", "/v1/domains/web1", wrong), 400);
  EXPECT_EQ(refused["code"], "invalid");
  std::vector<std::string> pointers;
  for (const json& error : refused["errors"]) pointers.push_back(error["pointer"]);
  std::sort(pointers.begin(), pointers.end());
  EXPECT_EQ(pointers, (std::vector<std::string>{"/metadata/labels/a", "/spec/type", "/specs"}));
}

TEST_F(Resources, ReferToWhatIsThere) {
  put_all({{"/v1/domains/web1", domain("web1")}});
  const json refused = problem(ask("PUT", "/v1/bindings/b", binding("b", "web2", "dns")), 400);
  ASSERT_EQ(refused["errors"].size(), 2u);
  EXPECT_EQ(refused["errors"][0]["pointer"], "/spec/domain");
  EXPECT_EQ(refused["errors"][1]["pointer"], "/spec/service");
}

TEST_F(Resources, NeedJsonThatIsJson) {
  const std::string deep = std::string(100, '[') + std::string(100, ']');
  for (const std::string& body :
       {std::string("{"), std::string("{\"a\":1,\"a\":2}"), deep, std::string("nul"),
        std::string("{\"kind\":\"\xff\"}"), std::string("{} {}")})
    EXPECT_EQ(problem(ask_text("PUT", "/v1/domains/web1", body), 400)["code"], "invalid") << body;
  for (const std::string body : {"[]", "null", "7", "\"x\"", "{}"})
    EXPECT_EQ(problem(ask_text("PUT", "/v1/domains/web1", body), 400)["code"], "invalid") << body;
}

TEST_F(Resources, WithNamesThatCannotBeAreNotThere) {
  for (const std::string name : {"UPPER", "%2e%2e", "a%2Fb", "%22", "%F0%9F%98%80"}) {
    EXPECT_EQ(ask("GET", "/v1/domains/" + name).status, 404) << name;
    EXPECT_EQ(ask("DELETE", "/v1/domains/" + name, nullptr, {{"if-match", "*"}}).status, 404);
  }
}

}  // namespace
}  // namespace vs::http
