// A channel's schema and one event on it, for the tests of filters.
#pragma once

#include <string>
#include <vector>

#include "dataplane/filter/compile.h"

namespace vs::filter::test {

struct Market {
  Market() {
    for (const auto& [name, type] : std::initializer_list<std::pair<const char*, Type>>{
             {"channel", Type::text}, {"payload", Type::bytes}, {"sequence", Type::integer}, {"attributes.symbol", Type::text},
             {"attributes.price", Type::real}, {"attributes.quantity", Type::integer}, {"attributes.closed", Type::boolean}})
      EXPECT_TRUE(schema.declare(name, type));
    schema.open("labels");
    set("channel", Value(std::string_view("market.stocks")));
    set("payload", Value(std::string_view("\0\1\2\3", 4), Type::bytes));
    set("sequence", Value(std::int64_t{7}));
    set("attributes.symbol", Value(std::string_view("IBM")));
    set("attributes.price", Value(101.5));
    set("attributes.quantity", Value(std::int64_t{10}));
  }

  void set(const std::string& name, Value value) {
    const auto slot = schema.use(name);
    EXPECT_TRUE(slot) << name;
    if (values.size() <= slot->index) values.resize(slot->index + 1);
    values[slot->index] = value;
  }

  Schema schema;
  std::vector<Value> values;  // attributes.closed is not there
};

}  // namespace vs::filter::test
