// `vsctl edit`: one object in the user's editor, put back only if nobody changed it meanwhile.
#pragma once

#include <string>

#include "vsctl/commands/session.h"

namespace vs::ctl {

struct EditOptions {
  std::string kind;
  std::string name;
};

// The object is shown as YAML, as it was declared. What the daemon refuses goes back to the editor, with
// its problems and their lines on top; so does what somebody else changed meanwhile. Leaving the text as
// it is ends it. Text that was edited and did not become the object stays in a file that the error names.
Outcome<ExitCode> edit(Session& session, const EditOptions& options);

}  // namespace vs::ctl
