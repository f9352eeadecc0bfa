// `vsctl explain schema`: what a document may hold, from the schema that vsctl was built with.
#pragma once

#include <string>

#include "vsctl/commands/session.h"

namespace vs::ctl {

struct SchemaOptions {
  std::string path;  // "binding.spec.buffers"; a kind, then members
};

// Needs no daemon. not_found, naming what there is instead.
Outcome<ExitCode> explain_schema(Session& session, const SchemaOptions& options);

}  // namespace vs::ctl
