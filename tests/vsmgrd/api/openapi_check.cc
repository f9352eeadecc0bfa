#include "tests/vsmgrd/api/openapi_check.h"

#include <algorithm>
#include <map>
#include <mutex>
#include <set>
#include <sstream>

#include <valijson/adapters/nlohmann_json_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validator.hpp>

#include "vsmgrd/api/openapi.h"
#include "vsmgrd/api/wire.h"

namespace vs::http {
namespace {

using nlohmann::json;

// What any request may get without each operation saying so.
const std::set<int> kOfAny{400, 401, 403, 405, 408, 413, 417, 429, 431, 500, 503};

std::vector<std::string> split(std::string text, char at) {
  std::vector<std::string> parts;
  std::istringstream in(text);
  for (std::string part; std::getline(in, part, at);) parts.push_back(part);
  return parts;
}

bool fits(const std::string& part, const std::string& segment) {
  const std::size_t end = part.find('}');
  if (part.empty() || part[0] != '{') return part == segment;
  const std::string verb = part.substr(end + 1);
  return segment.size() > verb.size() && segment.ends_with(verb);
}

bool fits_path(const std::string& path, const std::string& target) {
  const auto parts = split(path, '/');
  const auto segments = split(target.substr(0, target.find('?')), '/');
  return parts.size() == segments.size() &&
         std::equal(parts.begin(), parts.end(), segments.begin(), fits);
}

std::string lower(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(c));
  return text;
}

}  // namespace

const OpenApiCheck& OpenApiCheck::shared() {
  static const OpenApiCheck check;
  return check;
}

OpenApiCheck::OpenApiCheck() : document_(json::parse(openapi_json())) {}

const json& OpenApiCheck::resolved(const json& node) const {
  if (!node.is_object() || !node.contains("$ref")) return node;
  return document_.at(json::json_pointer(node["$ref"].get<std::string>().substr(1)));
}

std::string OpenApiCheck::faults(const std::string& schema_name, const json& value) const {
  static std::mutex mutex;
  static std::map<std::string, valijson::Schema> schemas;
  const std::lock_guard lock(mutex);
  const auto [found, fresh] = schemas.try_emplace(schema_name);
  if (fresh) {
    const json root{{"allOf", {{{"$ref", "#/components/schemas/" + schema_name}}}},
                    {"components", document_["components"]}};
    valijson::SchemaParser().populateSchema(valijson::adapters::NlohmannJsonAdapter(root), found->second);
  }
  valijson::ValidationResults results;
  if (valijson::Validator().validate(found->second, valijson::adapters::NlohmannJsonAdapter(value), &results))
    return {};
  std::ostringstream text;
  for (const auto& error : results) {
    for (const auto& step : error.context) text << step;
    text << ": " << error.description << '\n';
  }
  return text.str();
}

std::pair<const json*, const json*> OpenApiCheck::operation_of(const std::string& method,
                                                               const std::string& target) const {
  const std::string verb = method == "HEAD" ? "get" : lower(method);
  const json* path_found = nullptr;
  for (const auto& [path, operations] : document_["paths"].items()) {
    if (!fits_path(path, target)) continue;
    path_found = &operations;
    if (operations.contains(verb)) return {path_found, &operations[verb]};
  }
  return {path_found, nullptr};
}

std::string OpenApiCheck::faults(const std::string& method, const std::string& target,
                                 const Response& response) const {
  const auto [path, operation] = operation_of(method, target);
  const int status = response.status;
  std::string said;
  const json* promised = nullptr;
  if (operation) {
    const json& responses = operation->at("responses");
    const std::string code = std::to_string(status);
    if (responses.contains(code))
      promised = &resolved(responses[code]);
    else if (kOfAny.contains(status))
      promised = &resolved(responses["default"]);
    else
      return "status " + code + " is not in the document\n";
  } else {
    if (!kOfAny.contains(status) && status != 404) return "an answer to what the document does not have\n";
    promised = &document_["components"]["responses"]["Failed"];
  }
  const json headers = promised->value("headers", json::object());
  for (const auto& [name, header] : headers.items()) {
    if (name == "Retry-After" || name == "Allow" || target.find("dryRun=true") != std::string::npos) continue;
    if (status == 412 || status == 409) continue;  // no tag of what does not exist
    const bool there = std::any_of(response.headers.begin(), response.headers.end(),
                                   [&, &name = name](const auto& sent) { return same_word(sent.first, name); });
    if (!there) said += "promised header " + name + " is missing\n";
  }
  if (method == "HEAD") return said;
  const json& contents = promised->at("content");
  if (!contents.contains(response.content_type))
    return said + "content type " + response.content_type + " is not in the document\n";
  const json& schema = contents[response.content_type]["schema"];
  if (!schema.contains("$ref")) return said;
  const json body = json::parse(response.body, nullptr, false);
  if (body.is_discarded()) return said + "the body is not JSON\n";
  const std::string reference = schema["$ref"];
  return said + faults(reference.substr(reference.rfind('/') + 1), body);
}

}  // namespace vs::http
