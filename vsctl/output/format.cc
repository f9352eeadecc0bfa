#include "vsctl/output/format.h"

#include <array>
#include <cctype>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/check.h"
#include "vsctl/output/yaml.h"

namespace vs::ctl {

std::optional<OutputFormat> parse_format(std::string_view name) {
  std::string lower(name);
  for (char& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  constexpr std::array<std::pair<std::string_view, OutputFormat>, 6> formats{
      {{"table", OutputFormat::table},
       {"wide", OutputFormat::wide},
       {"json", OutputFormat::json},
       {"yaml", OutputFormat::yaml},
       {"csv", OutputFormat::csv},
       {"name", OutputFormat::name}}};
  for (const auto& [known, format] : formats)
    if (lower == known) return format;
  return std::nullopt;
}

std::string render(const nlohmann::json& document, OutputFormat format) {
  VS_CHECK(format == OutputFormat::json || format == OutputFormat::yaml);
  if (format == OutputFormat::yaml) return to_yaml(document);
  return document.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

std::string render_yaml_stream(const std::vector<nlohmann::json>& documents) {
  std::string stream;
  for (const nlohmann::json& document : documents) stream += "---\n" + to_yaml(document);
  return stream;
}

}  // namespace vs::ctl
