// YAML text to JSON values, with the place of every key and value.
//
// Pure; thread-safe. Limits are those of loader.h. Errors: problems with their places; what stands
// behind a fault that cannot be read past (syntax, a limit) is not judged, everything else is.
#pragma once

#include <set>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "vsmgrd/policy/loader.h"

namespace vs {

struct YamlDocument {
  nlohmann::json value;
  Sources values;               // pointer -> where the value stands
  Sources keys;                 // pointer of the value -> where its key stands
  std::set<std::string> noted;  // pointers whose value is faulty, and that has been said
};

struct YamlFile {
  std::vector<YamlDocument> documents;  // without the empty ones
  std::vector<Problem> problems;
};

YamlFile read_yaml(const PolicyFile& file);

}  // namespace vs
