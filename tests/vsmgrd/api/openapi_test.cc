// schemas/openapi.yaml says what the daemon does: the same routes, and responses of the form it
// promises.

#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <string>

#include <gtest/gtest.h>
#include <yaml-cpp/yaml.h>
#include <nlohmann/json.hpp>
#include <valijson/adapters/nlohmann_json_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validator.hpp>

#include "tests/vsmgrd/api/rest_fixture.h"

namespace vs::http {
namespace {

using nlohmann::json;

json scalar_of(const YAML::Node& node) {
  const std::string& text = node.Scalar();
  if (node.Tag() == "!") return text;  // quoted
  if (text == "true" || text == "false") return text == "true";
  if (!text.empty() && text.find_first_not_of("0123456789") == std::string::npos)
    return std::stoll(text);
  return text;
}

json json_of(const YAML::Node& node) {
  json out;
  switch (node.Type()) {
    case YAML::NodeType::Scalar: return scalar_of(node);
    case YAML::NodeType::Sequence:
      out = json::array();
      for (const auto& item : node) out.push_back(json_of(item));
      return out;
    case YAML::NodeType::Map:
      out = json::object();
      for (const auto& pair : node) {
        const auto key = pair.first.Scalar();
        EXPECT_FALSE(out.contains(key)) << "line " << pair.first.Mark().line + 1 << ": " << key;
        out[key] = json_of(pair.second);
      }
      return out;
    default: return nullptr;
  }
}

class OpenApi : public RestFixture {
 protected:
  void SetUp() override {
    document_ = json_of(YAML::LoadFile(VS_SOURCE_DIR "/schemas/openapi.yaml"));
    RestFixture::SetUp();
  }

  // What `reference` ("#/components/...") stands for; `node` itself when it is not one.
  const json& resolved(const json& node) const {
    if (!node.is_object() || !node.contains("$ref")) return node;
    return document_.at(json::json_pointer(node["$ref"].get<std::string>().substr(1)));
  }

  // Empty when `value` is of the named schema's form, otherwise everything that is not.
  std::string faults(const std::string& schema_name, const json& value) const {
    json root{{"allOf", {{{"$ref", "#/components/schemas/" + schema_name}}}},
              {"components", document_["components"]}};
    valijson::Schema schema;
    valijson::SchemaParser().populateSchema(valijson::adapters::NlohmannJsonAdapter(root), schema);
    valijson::ValidationResults results;
    if (valijson::Validator().validate(schema, valijson::adapters::NlohmannJsonAdapter(value),
                                       &results))
      return {};
    std::ostringstream text;
    for (const auto& error : results) {
      for (const auto& step : error.context) text << step;
      text << ": " << error.description << '\n';
    }
    return text.str();
  }

  // The parameters of an operation, its path's included, as "in/name".
  std::set<std::string> parameters_of(const json& path, const json& operation) const {
    std::set<std::string> names;
    for (const json* holder : {&path, &operation})
      for (const json& parameter : holder->value("parameters", json::array()))
        names.insert(resolved(parameter)["in"].get<std::string>() + '/' +
                     resolved(parameter)["name"].get<std::string>());
    return names;
  }

  // Asks, and holds the answer against what the document says of the operation.
  Response ask_and_check(const std::string& method, const std::string& route,
                         const std::string& target, const json& body = nullptr,
                         Headers headers = {}) {
    SCOPED_TRACE(method + ' ' + target);
    Response response = ask(method, target, body, headers);
    std::string verb = method;
    for (char& c : verb) c = static_cast<char>(std::tolower(c));
    const json& responses = document_["paths"][route][verb]["responses"];
    const std::string status = std::to_string(response.status);
    EXPECT_TRUE(responses.contains(status)) << "undocumented: " << response.body;
    if (!responses.contains(status)) return response;
    const json& said = resolved(responses[status]);
    const json headers_said = said.value("headers", json::object());
    for (const auto& [name, header_said] : headers_said.items()) {
      if (name == "Retry-After" || target.find("dryRun") != std::string::npos) continue;
      EXPECT_NE(header(response, name), "") << "promised header " << name;
    }
    EXPECT_TRUE(said["content"].contains(response.content_type)) << response.content_type;
    const json& schema = said["content"][response.content_type]["schema"];
    if (!schema.contains("$ref")) return response;
    const std::string reference = schema["$ref"];
    EXPECT_EQ(faults(reference.substr(reference.rfind('/') + 1), parsed(response)), "")
        << response.body;
    return response;
  }

  json document_;
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
  const Router router = make_router(*store_, [] { return std::string(); });
  for (const Route& route : router.routes()) done.insert(route.method + ' ' + route.path);
  EXPECT_EQ(said, done);
  EXPECT_EQ(done.size(), router.routes().size()) << "a route stands twice";
}

TEST_F(OpenApi, HasTheParametersAndBodiesTheRouterTakes) {
  const Router router = make_router(*store_, [] { return std::string(); });
  for (const Route& route : router.routes()) {
    SCOPED_TRACE(route.method + ' ' + route.path);
    std::string verb = route.method;
    for (char& c : verb) c = static_cast<char>(std::tolower(c));
    const json& path = document_["paths"][route.path];
    const json& operation = path[verb];
    std::set<std::string> expected{"header/X-Request-Id"};
    if (route.path.ends_with("{name}")) expected.insert("path/name");
    if (route.writes) expected.insert("query/dryRun");
    if (route.method == "PUT" || route.method == "DELETE") expected.insert("header/If-Match");
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
  ask_and_check("POST", "/v1/apply", "/v1/apply?dryRun=true", files);
  ask_and_check("POST", "/v1/apply", "/v1/apply", files);
  const std::map<std::string, json> documents{{"/v1/domains/web1", domain("web1")},
                                              {"/v1/services/dns", service("dns")},
                                              {"/v1/policies/q", policy("q", "deny")},
                                              {"/v1/bindings/b", binding("b", "web1", "dns")}};
  for (const std::string path :
       {"/v1/domains/web1", "/v1/services/dns", "/v1/policies/q", "/v1/bindings/b"}) {
    const std::string route = path.substr(0, path.rfind('/')) + "/{name}";
    const json& sent = documents.at(path);
    EXPECT_EQ(faults(sent["kind"], sent), "");
    ask_and_check("GET", route, path);  // 404
    ask_and_check("PUT", route, path + "?dryRun=true", sent);
    EXPECT_EQ(ask_and_check("PUT", route, path, sent).status, 201);
    EXPECT_EQ(ask_and_check("PUT", route, path, sent).status, 428);
    EXPECT_EQ(ask_and_check("PUT", route, path, sent, {{"if-match", "*"}}).status, 200);
    EXPECT_EQ(ask_and_check("PUT", route, path, sent, {{"if-match", "\"0\""}}).status, 412);
    EXPECT_EQ(ask_and_check("PUT", route, path, json::array({1})).status, 400);
    EXPECT_EQ(ask_and_check("DELETE", route, path).status, 428);
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
    const json list = parsed(ask_and_check("GET", all, all));
    ASSERT_FALSE(list["items"].empty());
    for (const json& item : list["items"])
      ask_and_check("GET", all + "/{name}",
                    all + '/' + item["metadata"]["name"].get<std::string>());
  }
  for (const std::string path : {"/healthz", "/metrics", "/v1"})
    EXPECT_EQ(ask_and_check("GET", path, path).status, 200);
  ask_and_check("POST", "/v1/explain", "/v1/explain", {{"domain", "web1"}, {"service", "dns"}});
  EXPECT_EQ(
      ask_and_check("POST", "/v1/explain", "/v1/explain", {{"domain", "web3"}, {"service", "dns"}})
          .status,
      404);
  EXPECT_EQ(ask_and_check("DELETE", "/v1/domains/{name}", "/v1/domains/web1", nullptr,
                          {{"if-match", "*"}})
                .status,
            409);
  for (const std::string path :
       {"/v1/bindings/b", "/v1/policies/q", "/v1/services/dns", "/v1/domains/web1"})
    EXPECT_EQ(ask_and_check("DELETE", path.substr(0, path.rfind('/')) + "/{name}", path, nullptr,
                            {{"if-match", "*"}})
                  .status,
              200);
}

// The check itself must be able to fail.
TEST_F(OpenApi, SchemasRefuseWhatIsNotOfTheirForm) {
  EXPECT_NE(faults("Domain", service("dns")), "");
  EXPECT_NE(faults("Problem", {{"status", 400}}), "");
  EXPECT_NE(faults("DomainList", {{"items", {1}}, {"metadata", {{"resourceVersion", 1}}}}), "");
}

}  // namespace
}  // namespace vs::http
