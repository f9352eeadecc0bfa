// schemas/openapi.yaml says what the daemon does: the same routes, and responses of the form it
// promises.

#include <map>
#include <set>
#include <string>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/vsmgrd/api/rest_fixture.h"

namespace vs::http {
namespace {

using nlohmann::json;

class OpenApi : public RestFixture {
 protected:
  const json& document_ = OpenApiCheck::shared().document();

  static std::string faults(const std::string& schema_name, const json& value) {
    return OpenApiCheck::shared().faults(schema_name, value);
  }
  // The parameters of an operation, its path's included, as "in/name".
  static std::set<std::string> parameters_of(const json& path, const json& operation) {
    std::set<std::string> names;
    for (const json* holder : {&path, &operation})
      for (const json& given : holder->value("parameters", json::array())) {
        const json& parameter = OpenApiCheck::shared().resolved(given);
        names.insert(parameter["in"].get<std::string>() + '/' + parameter["name"].get<std::string>());
      }
    return names;
  }
  Router router() { return make_router(*store_, *background_, [] { return std::string(); }); }
};

void check_references(const json& document, const json& node) {
  if (node.is_object() && node.contains("$ref")) {
    const auto pointer = json::json_pointer(node["$ref"].get<std::string>().substr(1));
    EXPECT_TRUE(document.contains(pointer)) << node;
  }
  if (node.is_structured())
    for (const json& child : node) check_references(document, child);
}

TEST_F(OpenApi, IsOfVersion31AndRefersToWhatIsThere) {
  EXPECT_EQ(document_["openapi"], "3.1.0");
  EXPECT_EQ(document_["info"]["version"], VS_VERSION);
  check_references(document_, document_);
}

TEST_F(OpenApi, HasTheRoutesTheRouterHas) {
  std::set<std::string> said;
  std::set<std::string> ids;
  for (const auto& [path, operations] : document_["paths"].items()) {
    for (const auto& [verb, operation] : operations.items()) {
      if (verb == "parameters") continue;
      std::string method = verb;
      for (char& c : method) c = static_cast<char>(std::toupper(c));
      said.insert(method + ' ' + path);
      EXPECT_TRUE(ids.insert(operation["operationId"]).second) << operation["operationId"];
    }
  }
  std::set<std::string> done;
  const Router all = router();
  for (const Route& route : all.routes()) done.insert(route.method + ' ' + route.path);
  EXPECT_EQ(said, done);
  EXPECT_EQ(done.size(), all.routes().size()) << "a route stands twice";
}

TEST_F(OpenApi, HasTheParametersAndBodiesTheRouterTakes) {
  const Router all = router();
  for (const Route& route : all.routes()) {
    SCOPED_TRACE(route.method + ' ' + route.path);
    std::string verb = route.method;
    for (char& c : verb) c = static_cast<char>(std::tolower(c));
    const json& path = document_["paths"][route.path];
    const json& operation = path[verb];
    std::set<std::string> expected{"header/X-Request-Id"};
    if (route.path.find("{name}") != std::string::npos) expected.insert("path/name");
    if (route.path.find("{id}") != std::string::npos) expected.insert("path/id");
    if (route.writes) expected.insert("query/dryRun");
    for (const std::string& parameter : route.query) expected.insert("query/" + parameter);
    if (route.method == "POST" && !route.secret) expected.insert("header/Idempotency-Key");
    if (route.path == "/v1/events") expected.insert("header/Last-Event-ID");
    if (route.path == "/v1/apply") expected.insert("header/Prefer");
    const bool versioned = !route.path.starts_with("/v1/tokens");
    if (versioned && (route.method == "PUT" || route.method == "PATCH" || route.method == "DELETE"))
      expected.insert("header/If-Match");
    if (route.method == "PUT") expected.insert("header/If-None-Match");
    EXPECT_EQ(parameters_of(path, operation), expected);
    EXPECT_EQ(operation.contains("requestBody"), route.takes_body);
    EXPECT_TRUE(operation["responses"].contains("default"));
    EXPECT_FALSE(operation.value("summary", "").empty());
  }
}

TEST_F(OpenApi, TellsTheFormOfRealResponses) {
  const json files{{"files", {{{"name", "p.yaml"}, {"text", R"(
apiVersion: vservices/v1
kind: AccessPolicy
metadata: {name: p}
spec:
  rules:
    - {id: a, effect: allow, message: so, match: {domains: [web1]}}
)"}}}}};
  ask("POST", "/v1/apply?dryRun=true", files);
  ask("POST", "/v1/apply", files);
  const std::map<std::string, json> documents{{"/v1/domains/web1", domain("web1")},
                                              {"/v1/services/dns", service("dns")},
                                              {"/v1/policies/q", policy("q", "deny")},
                                              {"/v1/bindings/b", binding("b", "web1", "dns")}};
  for (const std::string path :
       {"/v1/domains/web1", "/v1/services/dns", "/v1/policies/q", "/v1/bindings/b"}) {
    const json& sent = documents.at(path);
    EXPECT_EQ(faults(sent["kind"], sent), "");
    ask("GET", path);  // 404
    ask("PUT", path + "?dryRun=true", sent);
    EXPECT_EQ(ask("PUT", path, sent).status, 201);
    EXPECT_EQ(ask("PUT", path, sent).status, 428);
    EXPECT_EQ(ask("PUT", path, sent, {{"if-match", "*"}}).status, 200);
    EXPECT_EQ(ask("PUT", path, sent, {{"if-match", "\"0\""}}).status, 412);
    EXPECT_EQ(ask("PUT", path, json::array({1})).status, 400);
    EXPECT_EQ(ask("DELETE", path).status, 428);
  }
  ASSERT_TRUE(store_->observe({{.kind = Kind::domain,
                                .name = "web1",
                                .observed_generation = 1,
                                .state = State::ready,
                                .reason = "SocketReady",
                                .socket_directory = "/run/x"},
                               {.kind = Kind::binding, .name = "b", .state = State::denied}}));
  for (const std::string kind : {"domains", "services", "policies", "bindings"}) {
    const std::string all = "/v1/" + kind;
    const json list = parsed(ask("GET", all));
    ASSERT_FALSE(list["items"].empty());
    for (const json& item : list["items"])
      ask("GET", all + '/' + item["metadata"]["name"].get<std::string>());
  }
  for (const std::string path : {"/healthz", "/metrics", "/v1", "/openapi.json"})
    EXPECT_EQ(ask("GET", path).status, 200);
  ask("POST", "/v1/explain", {{"domain", "web1"}, {"service", "dns"}});
  EXPECT_EQ(ask("POST", "/v1/explain", {{"domain", "web3"}, {"service", "dns"}}).status, 404);
  EXPECT_EQ(ask("DELETE", "/v1/domains/web1", nullptr, {{"if-match", "*"}}).status, 409);
  for (const std::string path :
       {"/v1/bindings/b", "/v1/policies/q", "/v1/services/dns", "/v1/domains/web1"})
    EXPECT_EQ(ask("DELETE", path, nullptr, {{"if-match", "*"}}).status, 200);
}

TEST_F(OpenApi, IsServedByTheDaemon) {
  EXPECT_EQ(parsed(ask("GET", "/openapi.json")), document_);
}

// The check itself must be able to fail.
TEST_F(OpenApi, RefusesAnswersThatItDoesNotPromise) {
  const auto& check = OpenApiCheck::shared();
  const auto answer = [](int status, const json& body) { return json_response(status, body); };
  EXPECT_NE(check.faults("GET", "/v1/domains", answer(299, json::object())), "");
  EXPECT_NE(check.faults("GET", "/v1/domains", answer(200, json::object())), "");
  EXPECT_NE(check.faults("GET", "/v1/domains/a", answer(200, domain("a"))), "") << "no ETag";
  EXPECT_NE(check.faults("GET", "/nothing", answer(200, json::object())), "");
  Response text = answer(200, {{"items", json::array()}, {"metadata", {{"resourceVersion", 1}, {"eventId", 1}}}});
  text.headers.emplace_back("X-Request-Id", "x");
  EXPECT_EQ(check.faults("GET", "/v1/domains", text), "");
  text.content_type = "text/html";
  EXPECT_NE(check.faults("GET", "/v1/domains", text), "");
}

TEST_F(OpenApi, SchemasRefuseWhatIsNotOfTheirForm) {
  EXPECT_NE(faults("Domain", service("dns")), "");
  EXPECT_NE(faults("Problem", {{"status", 400}}), "");
  EXPECT_NE(faults("DomainList", {{"items", {1}}, {"metadata", {{"resourceVersion", 1}}}}), "");
}

}  // namespace
}  // namespace vs::http
