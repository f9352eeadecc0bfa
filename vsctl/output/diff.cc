#include "vsctl/output/diff.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "vsctl/client/fields.h"
#include "vsctl/output/text.h"
#include "vsctl/output/yaml.h"

namespace vs::ctl {
namespace {

using nlohmann::json;

std::string coloured(const char* code, const std::string& line, bool colour) {
  return colour ? fmt::format("\x1b[{}m{}\x1b[0m\n", code, line) : line + "\n";
}

// The value as YAML, each line behind `mark`.
std::string marked(char mark, const char* code, const json& value, bool colour) {
  std::string lines;
  const std::string yaml = to_yaml(value);
  for (std::size_t at = 0; at < yaml.size();) {
    const auto end = yaml.find('\n', at);
    lines += coloured(code, mark + printable(yaml.substr(at, end - at)), colour);
    at = end == std::string::npos ? yaml.size() : end + 1;
  }
  return lines;
}

}  // namespace

std::string unified_diff(const std::string& object, const std::string& action, const json& differences, bool colour) {
  const std::string name = printable(object);
  std::string lines = coloured("1", "--- " + (action == "created" ? "/dev/null" : name), colour) +
                      coloured("1", "+++ " + (action == "deleted" ? "/dev/null" : name), colour);
  if (!differences.is_array()) return lines;
  for (const json& one : differences) {
    lines += coloured("36", fmt::format("@@ {} @@", printable(text(one, "pointer"))), colour);
    if (one.contains("before")) lines += marked('-', "31", field(one, "before"), colour);
    if (one.contains("after")) lines += marked('+', "32", field(one, "after"), colour);
  }
  return lines;
}

}  // namespace vs::ctl
