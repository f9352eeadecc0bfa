// Schemas and chains of operators of anything, with filters of anything on them: refused with a column, or read the same way twice; and
// events judged by a schema are judged as its text says.
//
// The input is three texts, a schema, a chain and a filter, with zero bytes between, and what an event's attributes are made of.
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/check.h"
#include "dataplane/filter/chain.h"
#include "dataplane/filter/compile.h"
#include "dataplane/filter/event_schema.h"

namespace vs::filter {
namespace {

std::string_view take_text(std::string_view& rest) {
  const std::size_t zero = rest.find('\0');
  const std::string_view text = rest.substr(0, zero);
  rest = zero == std::string_view::npos ? std::string_view() : rest.substr(zero + 1);
  return text;
}

bool names_a_column(const Error& error) { return error.message.starts_with("column "); }

// Attributes with names of the schema's text, so that they meet.
std::vector<EventSchema::Attribute> attributes_of(std::string_view schema, std::string_view rest) {
  static constexpr std::string_view kText = "text";
  std::vector<EventSchema::Attribute> attributes;
  while (rest.size() >= 3) {
    const auto at = static_cast<std::uint8_t>(rest[0]) % (schema.size() + 1);
    const std::string_view name = schema.substr(at, static_cast<std::uint8_t>(rest[1]) % 8);
    switch (static_cast<std::uint8_t>(rest[2]) % 5) {
      case 0: attributes.emplace_back(name, Value(true)); break;
      case 1: attributes.emplace_back(name, Value(std::int64_t{rest[2]})); break;
      case 2: attributes.emplace_back(name, Value(1.5)); break;
      case 3: attributes.emplace_back(name, Value(kText)); break;
      default: attributes.emplace_back(name, Value(kText, Type::bytes)); break;
    }
    rest.remove_prefix(3);
  }
  return attributes;
}

void run(std::string_view input) {
  const std::string_view schema_text = take_text(input);
  const std::string_view chain_text = take_text(input);
  const std::string_view filter_text = take_text(input);
  const auto chain = parse_chain(chain_text);
  VS_CHECK(chain || names_a_column(chain.error()));
  const auto schema = EventSchema::parse(schema_text, {});
  if (!schema) {
    VS_CHECK(names_a_column(schema.error()) || schema_text.size() > kSchemaTextBytesMax);
    return;
  }
  const auto again = EventSchema::parse(schema->text(), {});
  VS_CHECK(again && *again == *schema);
  if (chain)
    if (const auto fits = judge_chain(*chain, *schema); !fits) VS_CHECK(names_a_column(fits.error()));
  const auto fits = schema->judge_filter(filter_text);
  if (fits && !filter_text.empty()) {  // what fits a schema is a filter for events of any kind, too
    Schema names = event_names();
    names.open(kAttributes);
    VS_CHECK(compile(filter_text, names).has_value());
  }
  const auto attributes = attributes_of(schema_text, input);
  const bool judged = schema->judge(attributes, {}).has_value();
  bool expected = true;
  for (const auto& [name, value] : attributes) {
    const auto type = schema->type_of(name);
    expected = expected && type && (*type == Type::dynamic || *type == value.type());
  }
  VS_CHECK(!judged || expected);
}

}  // namespace
}  // namespace vs::filter

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  vs::filter::run({reinterpret_cast<const char*>(data), size});
  return 0;
}
