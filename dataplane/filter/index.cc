#include "dataplane/filter/index.h"

#include <algorithm>

#include "base/check.h"

namespace vs::filter {
namespace {

template <class Entries>
void erase_entry(Entries& entries, FilterIndex::Id id) {
  const auto at = std::find_if(entries.begin(), entries.end(), [&](const auto& entry) { return entry.id == id; });
  if (at == entries.end()) return;
  *at = entries.back();
  entries.pop_back();
}

}  // namespace

FilterIndex::BySlot& FilterIndex::by_slot(std::uint32_t slot) {
  const auto found = std::find_if(slots_.begin(), slots_.end(), [&](const auto& one) { return one.slot == slot; });
  return found != slots_.end() ? *found : slots_.emplace_back(BySlot{.slot = slot, .by_hash = {}});
}

const Requirement* FilterIndex::choose(const Program& program) const {
  const Requirement* best = nullptr;
  std::size_t best_values = 0;
  for (const Requirement& requirement : program.requirements()) {
    const auto known = std::find_if(slots_.begin(), slots_.end(), [&](const auto& one) { return one.slot == requirement.slot; });
    const std::size_t values = known == slots_.end() ? 0 : known->by_hash.size();
    if (best != nullptr && values <= best_values) continue;
    best = &requirement;
    best_values = values;
  }
  return best;
}

void FilterIndex::add(Id id, const Program& program) {
  const auto [place, fresh] = filed_.try_emplace(id);
  VS_CHECK(fresh);
  const Requirement* requirement = choose(program);
  if (requirement == nullptr) {
    always_.push_back({id, &program});
    return;
  }
  BySlot& slot = by_slot(requirement->slot);
  place->second.indexed = true;
  place->second.slot = requirement->slot;
  auto& hashes = place->second.hashes;
  for (const Value& value : requirement->values) hashes.push_back(hash_of(value));
  std::sort(hashes.begin(), hashes.end());
  hashes.erase(std::unique(hashes.begin(), hashes.end()), hashes.end());
  for (const std::uint64_t hash : hashes) slot.by_hash[hash].push_back({id, &program});
}

void FilterIndex::remove(Id id) {
  const auto place = filed_.extract(id);
  if (place.empty()) return;
  if (!place.mapped().indexed) return erase_entry(always_, id);
  auto& by_hash = by_slot(place.mapped().slot).by_hash;
  for (const std::uint64_t hash : place.mapped().hashes) {
    const auto entries = by_hash.find(hash);
    erase_entry(entries->second, id);
    if (entries->second.empty()) by_hash.erase(entries);
  }
}

FilterIndex::Counts FilterIndex::match(std::span<const Value> slots, std::vector<Id>& matched) const {
  Counts counts;
  const auto evaluate = [&](const Entries& entries) {
    for (const Entry& entry : entries) {
      ++counts.evaluated;
      const Verdict verdict = entry.program->evaluate(slots);
      if (verdict == Verdict::yes) matched.push_back(entry.id);
      counts.errors += verdict == Verdict::error;
    }
  };
  for (const BySlot& one : slots_) {
    if (one.slot >= slots.size() || slots[one.slot].type() <= Type::error) continue;
    const auto entries = one.by_hash.find(hash_of(slots[one.slot]));
    if (entries != one.by_hash.end()) evaluate(entries->second);
  }
  evaluate(always_);
  return counts;
}

}  // namespace vs::filter
