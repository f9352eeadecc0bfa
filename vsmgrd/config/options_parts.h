// Groups of options, each in a file of its own. Used by options.cc alone.
#pragma once

#include <string>
#include <vector>

#include "vsmgrd/config/options.h"

namespace CLI {
class App;
}

namespace vs {

void add_access_options(CLI::App& app, AccessOptions& options);
// What does not go together; empty when all does.
std::string fault_of(const AccessOptions& options);

void add_engine_options(CLI::App& app, std::vector<std::string>& given);
// What is wrong with what was given; empty when nothing is.
std::string parse_engines(const std::vector<std::string>& given, std::vector<EngineOptions>& engines);

}  // namespace vs
