// From one desired state to the next: what a change makes of it, or why it must not be.
//
// Pure; thread-safe. Decisions are not made here: `next` carries those of the state before.
// Costs what changes, not what there is; only deletions, and changes of what many bindings refer to,
// look at every binding.
//
// Errors: invalid (references to nothing, devices or objects twice), not_found, conflict
// (precondition, dependants), exhausted (kObjectsMax).
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "vsmgrd/model/resource.h"
#include "vsmgrd/store/rows.h"
#include "vsmgrd/store/store.h"

namespace vs {

struct Transition {
  Desired next;
  std::vector<Change> changes;     // in the order given
  std::vector<ObjectKey> written;  // created, updated, or moved within their files
  std::vector<ObjectKey> deleted;
  Affected affected;  // bindings whose decisions may not be those of before
  bool policies_changed = false;
};

// What comes from outside.
struct Birth {
  WallTime now;
  std::function<std::string()> uid;
};

// Which objects go although nobody named them: see WriteOptions::prune.
using Prune = std::function<bool(const Resource&)>;
// What who asks may know of: see WriteOptions::sees.
using Sees = std::function<bool(const Resource&)>;

Checked<Transition> plan_apply(const Desired& before, std::vector<Resource> given,
                               const Birth& birth, const Prune& prune = {},
                               const Sees& sees = {});
Checked<Transition> plan_put(const Desired& before, Resource given, Precondition precondition,
                             const Birth& birth, const Sees& sees = {});
Checked<Transition> plan_remove(const Desired& before, Kind kind, std::string_view name,
                                Precondition precondition, const Sees& sees = {});

}  // namespace vs
