// The forms in which every command can answer, and documents in the two that programs read.
//
// Pure; thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace vs::ctl {

enum class OutputFormat : std::uint8_t {
  table,  // text for people, also where it is no table
  wide,   // the same, with more columns
  json,
  yaml,
  csv,  // lists only
  name  // lists only: "binding/web1-dns", a line each
};

constexpr bool for_people(OutputFormat format) {
  return format == OutputFormat::table || format == OutputFormat::wide;
}

// "json", in any case; nullopt when there is none of this name.
std::optional<OutputFormat> parse_format(std::string_view name);

// One document as JSON or YAML, with a final newline. `format` is json or yaml.
std::string render(const nlohmann::json& document, OutputFormat format);

// YAML documents behind one another, each after "---": what `apply -f` takes.
std::string render_yaml_stream(const std::vector<nlohmann::json>& documents);

}  // namespace vs::ctl
