// JSON written as YAML that means the same to every reader, of YAML 1.1 as of 1.2.
//
// Block style, two spaces; a string stands plain only when no reader could take it for something
// else, and in double quotes otherwise. Numbers stay numbers. Pure; thread-safe.
#pragma once

#include <string>

#include <nlohmann/json_fwd.hpp>

namespace vs::ctl {

// The document, with a final newline and without "---".
std::string to_yaml(const nlohmann::json& document);

}  // namespace vs::ctl
