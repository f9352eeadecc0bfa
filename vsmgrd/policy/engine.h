// Decides bindings for the store, and keeps what it compiled from one state to the next.
//
// A change costs what it touches: only policies that are other objects than before are compiled
// anew, and only the bindings that are named decided. Thread-safe. A change that is rolled back
// leaves nothing behind: objects are told apart by identity, and each change makes its own.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/guarded.h"
#include "vsmgrd/model/resource.h"
#include "vsmgrd/policy/policy_set.h"

namespace vs {

class PolicyEngine {
 public:
  explicit PolicyEngine(NodeFacts node = {});

  // The decisions for the affected bindings of `desired`; joined to the store by main.cc, so that
  // decisions commit with what they are about.
  [[nodiscard]] std::map<std::string, Decision> decide(const Desired& desired,
                                                       const Affected& affected);

  // The policies of `desired`, compiled.
  [[nodiscard]] std::shared_ptr<const PolicySet> policies(const Desired& desired);

 private:
  Guarded<std::shared_ptr<const PolicySet>> last_;  // compiled last
};

// Why the rules of `desired` would deny one of these bindings, which they allow here, on a node of that name (whose labels nobody knows
// here); empty: they do not say so. That no rule allows it there is for that node to say.
std::string denied_elsewhere(const Desired& desired, const std::vector<std::string>& bindings, const std::string& node);

// The same without a memory.
std::map<std::string, Decision> decide_bindings(const Desired& desired,
                                                const Affected& affected = {.all = true});

}  // namespace vs
