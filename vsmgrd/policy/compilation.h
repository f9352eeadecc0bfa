// The policies of one kind, each compiled from the object that is kept beside it.
//
// A copy shares the compiled policies and what of the index does not change. Owned by one thread
// while update() runs; thread-safe after.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "vsmgrd/model/resource.h"
#include "vsmgrd/policy/rule_index.h"

namespace vs {

class Compilation {
 public:
  // Makes these the policies of `next`: AccessPolicy or SharingPolicy. Returns how many of them it
  // had to compile: those that were not the same objects before.
  std::size_t update(const Resources& next, const NodeFacts& node);

  [[nodiscard]] const RuleIndex& index() const { return index_; }
  [[nodiscard]] const Resources& objects() const { return objects_; }

  // By policy and rule id.
  void for_each_rule(const std::function<void(const PlacedRule&)>& visit) const;

 private:
  struct Entry {
    std::shared_ptr<const Resource> object;
    std::shared_ptr<const CompiledPolicy> compiled;
  };

  Resources objects_;
  std::map<std::string, Entry, std::less<>> entries_;
  RuleIndex index_;
};

}  // namespace vs
