// What a binding does now, for people: BindingLive of schemas/openapi.yaml as a few lines.
//
// Pure; thread-safe. What is missing in the JSON is shown as "-" or 0.
#pragma once

#include <string>

#include <nlohmann/json_fwd.hpp>

namespace vs::ctl {

// A section "Now:", or nothing when `live` is no object.
std::string describe_live(const nlohmann::json& live);
// A line of how channels reach other nodes (BindingLive, engine); empty when they do not.
std::string describe_engine(const nlohmann::json& engine);

// "64 us", "1.5 ms", "12 s": two or three digits.
std::string format_us(double us);
// "0 B", "256 KiB", "1.5 MiB".
std::string format_bytes(double bytes);

}  // namespace vs::ctl
