// Prometheus' text format, as far as it is needed to choose from it and to write it as JSON.
//
// Pure; thread-safe. https://prometheus.io/docs/instrumenting/exposition_formats/
#pragma once

#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

namespace vs::ctl {

// The lines about metrics whose name begins with `prefix`, their # HELP and # TYPE among them.
std::string select_metrics(std::string_view exposition, std::string_view prefix);

// [{"name", "labels": {}, "value"}]; a value that is no finite number stays text ("+Inf", "NaN").
// Lines that are no sample are left out.
nlohmann::json parse_metrics(std::string_view exposition);

}  // namespace vs::ctl
