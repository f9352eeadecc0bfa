#include "vsctl/commands/schema.h"

#include <algorithm>
#include <sstream>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/check.h"
#include "base/json.h"
#include "vsctl/client/fields.h"
#include "vsctl/commands/kinds.h"
#include "vsctl/output/table.h"

namespace vs::ctl {

extern const char* const kDocumentSchema;  // schemas/policy.schema.json

namespace {

using nlohmann::json;

constexpr int kReferencesMax = 16;  // one after the other

// Follows "$ref" to where it leads.
const json& resolved(const json& root, const json& schema) {
  const json* at = &schema;
  for (int i = 0; i < kReferencesMax && at->is_object() && at->contains("$ref"); ++i) {
    const std::string reference = text(*at, "$ref");
    constexpr std::string_view prefix = "#/definitions/";
    if (!reference.starts_with(prefix)) return *at;
    at = &field(field(root, "definitions"), reference.substr(prefix.size()));
  }
  return *at;
}

// Of several forms the one that has members.
const json& with_members(const json& root, const json& schema) {
  const json& here = resolved(root, schema);
  if (here.is_object() && here.contains("properties")) return here;
  if (here.contains("items")) return with_members(root, field(here, "items"));
  for (const char* choice : {"oneOf", "anyOf", "allOf"})
    if (const json& list = field(here, choice); list.is_array())
      for (const json& one : list)
        if (const json& found = with_members(root, one); found.contains("properties")) return found;
  return here;
}

std::string type_text(const json& root, const json& schema) {
  const json& here = resolved(root, schema);
  if (const json& fixed = field(here, "const"); !fixed.is_null()) return fixed.dump();
  if (const json& words = field(here, "enum"); words.is_array()) {
    constexpr std::size_t kShownMax = 6;
    if (words.size() > kShownMax) return fmt::format("{} | {} | ... | {}", text(words[0]), text(words[1]), text(words.back()));
    std::string line;
    for (const json& word : words) line += (line.empty() ? "" : " | ") + text(word);
    return line;
  }
  for (const char* choice : {"oneOf", "anyOf"})
    if (const json& list = field(here, choice); list.is_array()) {
      std::string line;
      for (const json& one : list) line += (line.empty() ? "" : " | ") + type_text(root, one);
      return line;
    }
  const std::string type = text(here, "type");
  if (type == "array") return "list of " + type_text(root, field(here, "items"));
  if (type == "object") return "mapping";
  return type.empty() ? "any" : type;
}

std::string limits_text(const json& schema) {
  std::string line;
  for (const char* key : {"default", "minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems", "pattern"})
    if (const json& value = field(schema, key); !value.is_null())
      line += fmt::format("{}{}: {}", line.empty() ? "" : ", ", key, text(value));
  return line;
}

// The schema of a document of this kind: the root, with the kind's own spec.
json schema_of_kind(const json& root, const std::string& kind) {
  json schema = root;
  for (const json& rule : field(root, "allOf"))
    if (text(field(field(field(rule, "if"), "properties"), "kind"), "const") == kind)
      schema["properties"]["spec"] = field(field(field(rule, "then"), "properties"), "spec");
  return schema;
}

std::vector<std::string> members_of(const json& schema) {
  std::vector<std::string> names;
  const json& properties = field(schema, "properties");
  if (properties.is_object())
    for (const auto& [name, value] : properties.items()) names.push_back(name);
  return names;
}

std::string joined_words(const std::vector<std::string>& words) {
  std::string line;
  for (const std::string& word : words) line += (line.empty() ? "" : ", ") + word;
  return line;
}

struct Place {
  json root;
  json schema;
};

Outcome<Place> find_place(const std::string& path) {
  const auto root = parse_json(kDocumentSchema);
  VS_CHECK(root.has_value());  // our own
  std::istringstream words(path);
  std::string word;
  std::getline(words, word, '.');
  const auto kind = parse_kind(word);
  if (!kind) return give_up(kind.error());
  json here = schema_of_kind(*root, std::string(kind->kind));
  std::string so_far(kind->singular);
  while (std::getline(words, word, '.')) {
    const json& inner = with_members(*root, here);
    const json& next = field(field(inner, "properties"), word);
    if (next.is_null())
      return give_up(ExitCode::not_found,
                     fmt::format("{} has no \"{}\"; it has {}", so_far, word,
                                 inner.contains("properties") ? joined_words(members_of(inner)) : "no members"));
    json copy = next;
    here = std::move(copy);
    so_far += "." + word;
  }
  return Place{.root = *root, .schema = std::move(here)};
}

std::string describe_place(const std::string& path, const Place& place) {
  const json& here = resolved(place.root, place.schema);
  std::string lines = fmt::format("{}: {}\n", path, type_text(place.root, place.schema));
  for (const json* one : {&place.schema, &here})
    if (const std::string what = text(*one, "description"); !what.empty()) {
      lines += "  " + what + "\n";
      break;
    }
  if (const std::string limits = limits_text(here); !limits.empty()) lines += "  " + limits + "\n";
  const json& inner = with_members(place.root, place.schema);
  const json& required = field(inner, "required");
  Table table({"MEMBER", "TYPE", "REQUIRED", "MEANING"});
  for (const std::string& name : members_of(inner)) {
    const json& member = field(field(inner, "properties"), name);
    const bool needed = required.is_array() && std::find(required.begin(), required.end(), name) != required.end();
    std::string meaning = text(member, "description");
    if (meaning.empty()) meaning = text(resolved(place.root, member), "description");
    table.add({name, type_text(place.root, member), needed ? "yes" : "", meaning});
  }
  return table.empty() ? lines : lines + "\n" + table.to_string(2);
}

}  // namespace

Outcome<ExitCode> explain_schema(Session& session, const SchemaOptions& options) {
  const auto place = find_place(options.path);
  if (!place) return give_up(place.error());
  if (for_people(session.format))
    session.out << describe_place(options.path, *place);
  else
    session.out << render(with_members(place->root, place->schema), session.format);
  return ExitCode::ok;
}

}  // namespace vs::ctl
