// All filters of a channel, filed so that an event meets only those that may match it.
//
// A filter that requires `name == value` (or `name in [...]`) is filed under that value; an event looks its own values up. Filters that
// require nothing of the kind are all evaluated. Owned by one thread.
#pragma once

#include <cstdint>
#include <span>
#include <unordered_map>
#include <utility>
#include <vector>

#include "dataplane/filter/program.h"

namespace vs::filter {

class FilterIndex {
 public:
  using Id = std::uint64_t;

  // `program` must stay until it is removed; `id` is not in use.
  void add(Id id, const Program& program);
  void remove(Id id);

  struct Counts {
    std::size_t evaluated = 0;
    std::size_t errors = 0;  // that could not be computed: not matched
  };
  // Appends the ids of all filters that match an event of these values, each once, in no order.
  Counts match(std::span<const Value> slots, std::vector<Id>& matched) const;

  [[nodiscard]] std::size_t size() const { return filed_.size(); }

 private:
  struct Entry {
    Id id;
    const Program* program;
  };
  using Entries = std::vector<Entry>;
  struct BySlot {
    std::uint32_t slot;
    std::unordered_map<std::uint64_t, Entries> by_hash;
  };
  struct Place {
    bool indexed = false;
    std::uint32_t slot = 0;
    std::vector<std::uint64_t> hashes;
  };

  BySlot& by_slot(std::uint32_t slot);
  // Which of a program's requirements tells most apart: the one whose slot has most values already.
  [[nodiscard]] const Requirement* choose(const Program& program) const;

  std::vector<BySlot> slots_;
  Entries always_;
  std::unordered_map<Id, Place> filed_;
};

}  // namespace vs::filter
