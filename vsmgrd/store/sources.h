// Metadata::sources as one column: each file name once, each place three numbers.
//
// Pure; thread-safe. Errors: internal, when the text was not made by encode_sources().
#pragma once

#include <string>
#include <string_view>

#include "vsmgrd/model/problem.h"

namespace vs {

// {"files": ["a.yaml"], "at": {"/spec": [0, 5, 3]}}
std::string encode_sources(const Sources& sources);
Result<Sources> decode_sources(std::string_view text);

// {"file": "a.yaml", "line": 5, "column": 3}
Result<Source> decode_source(std::string_view text);

}  // namespace vs
