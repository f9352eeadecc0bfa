// Who may serve the bindings that were ever moved between nodes: what the reconciler hands to the backends honours it.
//
// Values, from what is durable (vsmgrd/migration, vsmgrd/store/handoff_table.h).
#pragma once

#include <cstdint>
#include <map>
#include <string>

namespace vs {

// Served here, by `epoch`, only while `here`. A binding that is not in Owners was never moved: it is its node's own.
struct Ownership {
  std::uint64_t epoch = 1;
  std::string owner;      // node
  bool here = false;      // this node is the owner, and does not doubt it
  bool in_doubt = false;  // served by nobody until the doubt ends
  friend bool operator==(const Ownership&, const Ownership&) = default;
};
using Owners = std::map<std::string, Ownership>;  // by binding

}  // namespace vs
