// `vsctl delete`: deletes one object, as it stands now.
#pragma once

#include <string>

#include "vsctl/commands/session.h"

namespace vs::ctl {

struct DeleteOptions {
  std::string kind;
  std::string name;
  bool dry_run = false;
};

// conflict, when it changed meanwhile or others refer to it.
Outcome<ExitCode> delete_object(Session& session, const DeleteOptions& options);

}  // namespace vs::ctl
