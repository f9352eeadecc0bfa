// What nearly every file of the project includes, compiled once (see VServices.cmake). Files still include what they use.
#pragma once

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <tl/expected.hpp>

extern template class nlohmann::basic_json<>;  // instantiated in base/json.cc
