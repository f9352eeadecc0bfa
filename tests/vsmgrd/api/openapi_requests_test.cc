// What schemas/openapi.yaml lets clients send: no file's path, no library's name and no URL, anywhere;
// and who may send it.

#include <array>
#include <map>
#include <regex>
#include <set>
#include <string>

#include "tests/vsmgrd/api/rest_fixture.h"

namespace vs::http {
namespace {

using nlohmann::json;

// What a daemon that is told so would open, load or fetch.
constexpr std::array kPlaces{"/etc/passwd", "../../etc/shadow", "etc/passwd", "~/.ssh/id_rsa", "C:\\x.dll",
                             "libevil.so.1", "file:///etc/passwd", "http://192.0.2.1/x", "https://e.test",
                             "//host/share", "data:text/plain,x"};

// Texts that no pattern can bound, by what they are: each is shown, compared, or parsed by a grammar of
// ours, and none is a place. A new one is a decision that is made here.
const std::set<std::string> kFreeTexts{"for-people",  "label-selector", "filter",    "expression",
                                       "compared-only", "file-label",     "yaml",   "json-of-peers"};
// Names of the DNS and of channels (x-dotted-name), which guests use: a library's file looks like one.
constexpr std::string_view kLibrary = "libevil.so.1";

class OpenApiRequests : public RestFixture {
 protected:
  const json& document_ = OpenApiCheck::shared().document();

  // Every string that `schema` has, with what is wrong with it.
  void walk(const json& given, const std::string& at, std::set<std::string>& faults) {
    if (given.is_object() && given.contains("$ref")) {
      const std::string reference = given["$ref"];
      if (!open_.insert(reference).second) return;
      walk(OpenApiCheck::shared().resolved(given), at, faults);
      open_.erase(reference);
      return;
    }
    if (!given.is_object() || given.value("readOnly", false)) return;
    for (const char* many : {"oneOf", "anyOf", "allOf"})
      if (given.contains(many))
        for (const json& one : given[many]) walk(one, at, faults);
    if (given.contains("properties"))
      for (const auto& [name, property] : given["properties"].items()) walk(property, at + '/' + name, faults);
    if (given.contains("additionalProperties")) walk(given["additionalProperties"], at + "/*", faults);
    if (given.contains("items")) walk(given["items"], at + "/N", faults);
    if (given.value("type", json()) == "array" && !given.contains("items")) faults.insert(at + ": a list of anything");
    if (given.value("type", json()) == "string") check_string(given, at, faults);
  }
  void check_string(const json& schema, const std::string& at, std::set<std::string>& faults) {
    ++strings_;
    if (schema.contains("enum") || schema.contains("const")) return;
    if (schema.contains("pattern")) {
      const std::string pattern = schema["pattern"];
      for (const std::string place : kPlaces)
        if (!(schema.value("x-dotted-name", false) && place == kLibrary) &&
            std::regex_search(place, std::regex(pattern)))
          faults.insert(at + ": its pattern takes " + place);
      if (pattern.front() != '^' || pattern.back() != '$') faults.insert(at + ": its pattern is not of the whole");
      return;
    }
    if (!kFreeTexts.contains(schema.value("x-free-text", ""))) faults.insert(at + ": neither enum, pattern nor a free text that is known");
    if (!schema.contains("maxLength")) faults.insert(at + ": of any length");
  }

  std::set<std::string> open_;  // references that are being followed
  int strings_ = 0;
};

TEST_F(OpenApiRequests, TakeNoPathNoLibraryAndNoUrl) {
  std::set<std::string> faults;
  for (const auto& [path, operations] : document_["paths"].items())
    for (const auto& [verb, operation] : operations.items()) {
      const std::string at = verb + ' ' + path;
      const json parameters = verb == "parameters" ? operation : operation.value("parameters", json::array());
      for (const json& given : parameters) {
        const json& parameter = OpenApiCheck::shared().resolved(given);
        walk(parameter["schema"], at + " ?" + parameter["name"].get<std::string>(), faults);
      }
      if (verb == "parameters" || !operation.contains("requestBody")) continue;
      for (const auto& [type, content] : operation["requestBody"]["content"].items())
        walk(content["schema"], at, faults);
    }
  EXPECT_GT(strings_, 200) << "there are strings to look at";
  for (const std::string& fault : faults) ADD_FAILURE() << fault;
}

TEST_F(OpenApiRequests, AreFoundOutWhenAStringIsUnbounded) {
  const auto faults_of = [&](const json& schema) {
    std::set<std::string> faults;
    walk(schema, "x", faults);
    return faults.size();
  };
  EXPECT_EQ(faults_of({{"type", "string"}}), 2u);
  EXPECT_EQ(faults_of({{"type", "string"}, {"maxLength", 9}, {"x-free-text", "path"}}), 1u);
  EXPECT_GT(faults_of({{"type", "string"}, {"pattern", "^.*$"}}), 5u);
  EXPECT_EQ(faults_of({{"type", "object"}, {"properties", {{"a", {{"type", "array"}, {"items", {{"type", "string"}}}}}}}}), 2u);
  EXPECT_EQ(faults_of({{"$ref", "#/components/schemas/Name"}}), 0u);
}

TEST_F(OpenApiRequests, SayWhoMaySendThem) {
  const Router all = make_router(*store_, *background_, [] { return std::string(); });
  for (const Route& route : all.routes()) {
    std::string verb = route.method;
    for (char& c : verb) c = static_cast<char>(std::tolower(c));
    const json& operation = document_["paths"][route.path][verb];
    EXPECT_EQ(operation.value("x-role", ""), name_of(route.needs)) << route.method << ' ' << route.path;
    EXPECT_EQ(operation.value("x-node-wide", false), route.node_wide) << route.method << ' ' << route.path;
  }
}

}  // namespace
}  // namespace vs::http
