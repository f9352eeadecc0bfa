// schemas/openapi.yaml as JSON, made when the daemon was built.
//
// Immutable.
#pragma once

#include <string_view>

namespace vs::http {

std::string_view openapi_json();

}  // namespace vs::http
