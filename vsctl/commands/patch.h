// `vsctl patch`: changes members of one object, by a merge patch (RFC 7396), as it stands now.
#pragma once

#include <string>

#include <nlohmann/json_fwd.hpp>

#include "vsctl/commands/session.h"

namespace vs::ctl {

inline constexpr int kPatchTriesMax = 5;  // when others change the object meanwhile

struct PatchOptions {
  std::string kind;
  std::string name;
  std::string patch;     // JSON
  std::string if_match;  // resourceVersion that it must have; empty: any
  bool dry_run = false;
};

// conflict, when it is not at `if_match`, or changed at every try.
Outcome<ExitCode> patch(Session& session, const PatchOptions& options);

// What may be declared of an object: without status, and without what the daemon writes.
nlohmann::json declared_part(const nlohmann::json& object);

}  // namespace vs::ctl
