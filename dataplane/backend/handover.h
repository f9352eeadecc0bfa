// What goes from one loop to another with a domain (backend.h).
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "dataplane/backend/backend.h"

namespace vs {

struct Backend::Departing {
  std::string name;
  std::unique_ptr<Domain> domain;
  std::map<std::string, std::unique_ptr<Binding>> bindings;  // by name; no entrance
  std::vector<std::unique_ptr<LiveSession>> sessions;        // all answered
};

}  // namespace vs
