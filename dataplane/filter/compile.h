// From the text of a filter to a program that can be run: parsed, checked against the schema, made bytecode, verified.
//
// Owned by one thread, as the schema is (under an open prefix it may get new slots). Errors: invalid, "column 7: ...", with what the
// schema has instead; exhausted, when the program may cost more than `cost_max` or uses more names than a schema has.
#pragma once

#include <string_view>

#include "base/result.h"
#include "dataplane/filter/program.h"
#include "dataplane/filter/schema.h"

namespace vs::filter {

inline constexpr std::uint32_t kCostMaxDefault = 20'000;

Result<Program> compile(std::string_view text, Schema& schema, std::uint32_t cost_max = kCostMaxDefault);

}  // namespace vs::filter
