#include "dataplane/filter/event_schema.h"

#include <algorithm>
#include <optional>

#include "base/check.h"
#include "dataplane/filter/compile.h"
#include "dataplane/filter/syntax.h"
#include "dataplane/filter/words.h"

namespace vs::filter {
namespace {

constexpr std::size_t kContentTypeBytesMax = 127;  // as of an event

std::optional<Type> type_named(std::string_view name) {
  for (const Type type : {Type::boolean, Type::integer, Type::real, Type::text, Type::bytes})
    if (name == name_of(type)) return type;
  return std::nullopt;
}

// It is shown in errors.
std::string in_quotes(std::string_view word) { return "\"" + std::string(word.substr(0, kAttributeNameBytesMax)) + "\""; }

}  // namespace

Schema event_names() {
  Schema names;
  for (const auto& [name, type] : std::initializer_list<std::pair<const char*, Type>>{{"channel", Type::text},
                                                                                      {"key", Type::text},
                                                                                      {"contentType", Type::text},
                                                                                      {"sequence", Type::integer},
                                                                                      {"payload", Type::bytes}})
    VS_CHECK(names.declare(name, type).has_value());
  VS_CHECK(names.slots() == kFixedSlots);
  return names;
}

bool is_attribute_name(std::string_view name) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
  };
  return !name.empty() && name.size() <= kAttributeNameBytesMax && std::all_of(name.begin(), name.end(), allowed);
}

Result<EventSchema> EventSchema::parse(std::string_view text, std::string_view content_type) {
  EventSchema schema;
  if (text.size() > kSchemaTextBytesMax)
    return fail(ErrorCode::invalid, "schema: longer than " + std::to_string(kSchemaTextBytesMax) + " bytes");
  const auto printable = [](char c) { return c >= ' ' && c <= '~'; };
  if (content_type.size() > kContentTypeBytesMax || !std::all_of(content_type.begin(), content_type.end(), printable))
    return fail(ErrorCode::invalid, "content type: at most " + std::to_string(kContentTypeBytesMax) + " printable characters");
  schema.content_type_ = content_type;
  Words words(text);
  if (words.peek().ends()) return schema;
  schema.open_ = false;
  do {
    const DeclaredWord name = words.take();
    if (name.is("...")) {
      schema.open_ = true;
      break;
    }
    if (!is_attribute_name(name.text)) return fail_at(name.column, "an attribute's name belongs here");
    if (schema.find(name.text) != nullptr) return fail_at(name.column, in_quotes(name.text) + " is declared twice");
    if (schema.declared_.size() == kSchemaAttributesMax)
      return fail_at(name.column, "more than " + std::to_string(kSchemaAttributesMax) + " attributes");
    const DeclaredWord type = words.take();
    const auto known = type_named(type.text);
    if (!known) return fail_at(type.column, in_quotes(name.text) + " is of type bool, int, double, string or bytes");
    const bool required = words.take_if("required");
    schema.declared_.push_back({std::string(name.text), *known, required});
    schema.required_ += required ? 1 : 0;
  } while (words.take_if(","));
  if (!words.peek().ends()) return fail_at(words.peek().column, "a comma, or the end, belongs here");
  return schema;
}

std::string EventSchema::text() const {
  std::string text;
  const auto add = [&](const std::string& part) { text += (text.empty() ? "" : ", ") + part; };
  for (const Declared& one : declared_)
    add(one.name + " " + std::string(name_of(one.type)) + (one.required ? " required" : ""));
  if (open_ && !declared_.empty()) add("...");
  return text;
}

const EventSchema::Declared* EventSchema::find(std::string_view name) const {
  const auto found = std::find_if(declared_.begin(), declared_.end(), [&](const Declared& one) { return one.name == name; });
  return found == declared_.end() ? nullptr : &*found;
}

std::optional<Type> EventSchema::type_of(std::string_view attribute) const {
  if (const Declared* declared = find(attribute)) return declared->type;
  return open_ ? std::optional(Type::dynamic) : std::nullopt;
}

Result<> EventSchema::judge(std::span<const Attribute> attributes, std::string_view content_type) const {
  if (!content_type_.empty() && content_type != content_type_)
    return fail(ErrorCode::invalid, "its content type is " + in_quotes(content_type) + ", not " + in_quotes(content_type_));
  for (const auto& [name, value] : attributes) {
    const Declared* declared = find(name);
    if (declared == nullptr && !open_) return fail(ErrorCode::invalid, "attribute " + in_quotes(name) + " is not of the schema");
    if (declared == nullptr) continue;
    if (declared->type != value.type())
      return fail(ErrorCode::invalid, "attribute " + in_quotes(name) + " is " + std::string(name_of(value.type())) + ", the schema has " +
                                          std::string(name_of(declared->type)));
  }
  if (required_ == 0) return {};
  // An event may have an attribute twice: that it has as many as are required says nothing.
  const auto missing = std::find_if(declared_.begin(), declared_.end(), [&](const Declared& one) {
    return one.required &&
           std::none_of(attributes.begin(), attributes.end(), [&](const Attribute& given) { return given.first == one.name; });
  });
  if (missing == declared_.end()) return {};
  return fail(ErrorCode::invalid, "attribute " + in_quotes(missing->name) + " is required, and is not there");
}

Result<> EventSchema::judge_filter(std::string_view text) const {
  if (text.empty()) return {};
  Schema names = event_names();
  for (const Declared& one : declared_) VS_CHECK(names.declare(std::string(kAttributes) + "." + one.name, one.type).has_value());
  if (open_) names.open(kAttributes);
  if (auto compiled = compile(text, names); !compiled) return fail(std::move(compiled.error()));
  return {};
}

}  // namespace vs::filter
