// `vsctl get`: lists the objects of a kind, or shows one.
#pragma once

#include <string>
#include <vector>

#include "vsctl/commands/session.h"

namespace vs::ctl {

struct GetOptions {
  std::string kind;
  std::string name;                 // empty: all
  std::vector<std::string> labels;  // label selectors; an object must fit them all
  std::string filter;               // as the API takes it
  bool no_headings = false;
};

// As YAML, a list is a stream of documents that `apply` takes.
Outcome<ExitCode> get(Session& session, const GetOptions& options);

}  // namespace vs::ctl
