// `vsctl get`: lists the objects of a kind, or shows one.
#pragma once

#include <string>
#include <vector>

#include "vsctl/commands/session.h"

namespace vs::ctl {

struct GetOptions {
  std::string kind;
  std::string name;                 // empty: all
  std::vector<std::string> labels;  // "key=value"; an object must have them all
  bool no_headings = false;
};

// As YAML, a list is a stream of documents that `apply` takes.
Outcome<ExitCode> get(Session& session, const GetOptions& options);

}  // namespace vs::ctl
