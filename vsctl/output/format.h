// The forms in which every command can answer, and documents in the two that programs read.
//
// Pure; thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace vs::ctl {

enum class OutputFormat : std::uint8_t {
  table,
  json,
  yaml
};  // table: text for people, also where it is no table

// One document as JSON or YAML, with a final newline. `format` is not `table`.
std::string render(const nlohmann::json& document, OutputFormat format);

// YAML documents behind one another, each after "---": what `apply -f` takes.
std::string render_yaml_stream(const std::vector<nlohmann::json>& documents);

}  // namespace vs::ctl
