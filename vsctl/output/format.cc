#include "vsctl/output/format.h"

#include <nlohmann/json.hpp>

#include "base/check.h"
#include "vsctl/output/yaml.h"

namespace vs::ctl {

std::string render(const nlohmann::json& document, OutputFormat format) {
  VS_CHECK(format != OutputFormat::table);
  if (format == OutputFormat::yaml) return to_yaml(document);
  return document.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

std::string render_yaml_stream(const std::vector<nlohmann::json>& documents) {
  std::string stream;
  for (const nlohmann::json& document : documents) stream += "---\n" + to_yaml(document);
  return stream;
}

}  // namespace vs::ctl
