// What a change did, in lines: "binding/web1-dns created".
//
// Pure; thread-safe.
#pragma once

#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

namespace vs::ctl {

// One line for each change and each decision that differs from before; `answer` is that of a write.
std::string describe_changes(const nlohmann::json& answer, bool dry_run);

// "denied by demo/deny-web2 (demo.yaml:31:7): message".
std::string describe_decision(const nlohmann::json& decision);

// "demo.yaml:31:7"; empty when `source` names no place.
std::string describe_source(const nlohmann::json& source);

// The rule's full name, "demo/deny-web2"; "default" when no rule decided.
std::string rule_of(const nlohmann::json& decision);

}  // namespace vs::ctl
