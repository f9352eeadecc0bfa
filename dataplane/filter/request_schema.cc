#include "dataplane/filter/request_schema.h"

#include <initializer_list>
#include <utility>

#include "base/check.h"
#include "dataplane/filter/event_schema.h"

namespace vs::filter {
namespace {

using Names = std::initializer_list<std::pair<const char*, Type>>;

Schema declared(const Names& names) {
  Schema schema;
  for (const auto& [name, type] : names) VS_CHECK(schema.declare(name, type).has_value());
  return schema;
}

}  // namespace

Schema request_names(std::string_view kind) {
  if (kind == "dns")
    return declared({{"operation", Type::text}, {"name", Type::text}, {"type", Type::text}, {"bytes", Type::integer}});
  if (kind != "pubsub") return declared({{"bytes", Type::integer}});
  Schema schema = declared({{"operation", Type::text},
                            {"channel", Type::text},
                            {"key", Type::text},
                            {"contentType", Type::text},
                            {"priority", Type::integer},
                            {"bytes", Type::integer}});
  schema.open(kAttributes);
  return schema;
}

}  // namespace vs::filter
