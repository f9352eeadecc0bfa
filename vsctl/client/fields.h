// Reading JSON that another program wrote: what is not there, or of another type, is empty and
// never an exception.
//
// Pure; thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

namespace vs::ctl {

// The member `key`; null when there is none, or when `object` is no object. Refers into `object`.
const nlohmann::json& field(const nlohmann::json& object, std::string_view key);

// A string as it is, null as "", anything else as compact JSON.
std::string text(const nlohmann::json& value);
std::string text(const nlohmann::json& object, std::string_view key);

// 0 when it is no integer.
std::int64_t number(const nlohmann::json& object, std::string_view key);

bool is_true(const nlohmann::json& object, std::string_view key);

}  // namespace vs::ctl
