// What of a transition is told to who asked for it, and what is written.
//
// The first two are pure. Writing is inside the caller's transaction, by the owner of the database.
// Errors: those of sqlite.h.
#pragma once

#include <map>
#include <string>

#include "vsmgrd/store/sqlite.h"
#include "vsmgrd/store/transition.h"

namespace vs {

// Nothing to write: all was so before.
bool is_idle(const Desired& before, const Transition& transition);

// The decisions a person would call new or different; a rule that only moved in its file is not.
std::map<std::string, Decision> changed_decisions(const Desired& before, const Desired& after);

Result<> write_transition(Database& database, const Desired& before, const Transition& transition);

}  // namespace vs
