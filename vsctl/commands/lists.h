// A list of objects, in every form that a user may ask for.
//
// Writes to the session's `out`. Owned by one thread.
#pragma once

#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "vsctl/commands/session.h"

namespace vs::ctl {

struct ListForm {
  std::string_view kind;    // "Binding"
  std::string_view plural;  // "bindings", for the remark that there are none
  bool headings = true;
};

// `list` is what the daemon answered, for JSON: `objects` stand in it as "items". As YAML, a stream of
// documents that `apply` takes.
void show_list(Session& session, const ListForm& form, nlohmann::json list,
               std::vector<nlohmann::json> objects);

// One of a list that goes on: a line of its own (as YAML, a document), at once.
void show_line(Session& session, std::string_view kind, const nlohmann::json& object);

// One object: as a row of its own, or as a document.
void show_object(Session& session, const ListForm& form, const nlohmann::json& object);

}  // namespace vs::ctl
