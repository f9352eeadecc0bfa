#include "vsmgrd/policy/rule_index.h"

#include <algorithm>
#include <functional>
#include <span>
#include <tuple>
#include <utility>

namespace vs {
namespace {

constexpr std::size_t kKeysAtOnce = 32;  // of a look-up: their memory is fetched side by side

bool before(const PlacedRule& left, const PlacedRule& right) {
  return std::tie(left.policy, left.rule.id) < std::tie(right.policy, right.rule.id);
}

bool in_order(const Filing& left, const Filing& right) {
  if (left.key != right.key) return left.key < right.key;
  return left.rank != right.rank ? left.rank < right.rank : before(*left.rule, *right.rule);
}

// Where a key would stand among `count` that are spread evenly; its first bits chose the partition.
std::size_t guess(std::uint64_t key, std::size_t count, std::size_t bits) {
  return static_cast<std::size_t>((key << bits >> 32) * count >> 32);
}

}  // namespace

Rank rank_of(const Rule& rule) {
  const bool allow = rule.effect == Effect::allow;
  switch (rule.mode) {
    case Mode::enforce: return allow ? Rank::allow : Rank::deny;
    case Mode::warn: return allow ? Rank::allow_warn : Rank::deny_warn;
    case Mode::audit: return allow ? Rank::allow_audit : Rank::deny_audit;
  }
  __builtin_unreachable();
}

std::shared_ptr<const CompiledPolicy> compile_rules(std::vector<PlacedRule> rules,
                                                    const NodeFacts& node) {
  auto compiled = std::make_shared<CompiledPolicy>();
  compiled->rules = std::move(rules);
  std::sort(compiled->rules.begin(), compiled->rules.end(), before);
  for (PlacedRule& placed : compiled->rules) {
    sort_lists(placed.rule.match);
    if (!matches_node(placed.rule.match, node)) continue;
    RuleKeys keys = keys_of(placed.rule.match);
    for (const std::uint64_t key : keys.keys)
      compiled->filings.push_back({key, &placed, rank_of(placed.rule)});
    compiled->shapes[std::move(keys.shape)] += 1;
  }
  return compiled;
}

void RuleIndex::count_shapes(const CompiledPolicy& policy, bool add) {
  for (const auto& [shape, rules] : policy.shapes) {
    std::size_t& count = shapes_[shape];
    count = add ? count + rules : count - rules;
    if (count == 0) shapes_.erase(shape);
  }
}

void RuleIndex::list_shapes() {
  unlabelled_.clear();
  labelled_.clear();
  for (const auto& [shape, rules] : shapes_) {
    ShapeUse use{.shape = shape, .seed = seed_of(shape)};
    if (shape.label_keys.empty())
      unlabelled_.push_back(std::move(use));
    else
      labelled_[hash_of(shape.label_keys.front())].push_back(std::move(use));
  }
}

RuleIndex::Partition RuleIndex::changed(const Partition& before,
                                        const std::vector<const PlacedRule*>& gone,
                                        std::vector<Filing> fresh) {
  // By address: what stays is not looked at.
  Partition after;
  after.filings.reserve(before.filings.size() + fresh.size());
  std::copy_if(before.filings.begin(), before.filings.end(), std::back_inserter(after.filings),
               [&](const Filing& filing) {
                 return !std::binary_search(gone.begin(), gone.end(), filing.rule, std::less<>());
               });
  std::sort(fresh.begin(), fresh.end(), in_order);
  if (after.filings.empty()) {
    after.filings = std::move(fresh);
  } else {
    for (const Filing& filing : fresh)
      after.filings.insert(std::upper_bound(after.filings.begin(), after.filings.end(), filing,
                                            in_order),
                           filing);
  }
  const auto count = static_cast<std::uint32_t>(after.filings.size());
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::uint64_t key = after.filings[i].key;
    if (after.slots.empty() || after.slots.back().key != key)
      after.slots.push_back({.key = key, .begin = i});
    after.slots.back().end = i + 1;
  }
  return after;
}

void RuleIndex::replace(const Policies& gone, const Policies& fresh) {
  struct Change {
    std::vector<const PlacedRule*> gone;
    std::vector<Filing> fresh;
  };
  std::map<std::size_t, Change> changes;  // by partition
  const auto number_of = [](const Filing& filing) { return filing.key >> (64 - kPartitionBits); };
  for (const auto& policy : gone) {
    for (const Filing& filing : policy->filings)
      changes[number_of(filing)].gone.push_back(filing.rule);
    count_shapes(*policy, false);
  }
  for (const auto& policy : fresh) {
    for (const Filing& filing : policy->filings) changes[number_of(filing)].fresh.push_back(filing);
    count_shapes(*policy, true);
  }
  static const Partition kEmpty;
  auto table = std::make_shared<Table>(*table_);
  for (auto& [number, change] : changes) {
    std::sort(change.gone.begin(), change.gone.end(), std::less<>());
    auto& partition = table->partitions[number];
    partition = std::make_shared<const Partition>(
        changed(partition ? *partition : kEmpty, change.gone, std::move(change.fresh)));
    table->views[number] = {partition->slots.data(), partition->slots.size(),
                            partition->filings.data()};
  }
  table_ = std::move(table);
  list_shapes();
}

// Keys are hashes, and so are spread evenly: a key stands near where it would if they were exactly.
const RuleIndex::Slot* RuleIndex::find(std::uint64_t key) const {
  const View& view = table_->views[key >> (64 - kPartitionBits)];
  if (view.count == 0) return nullptr;
  const Slot* slot = view.slots + guess(key, view.count, kPartitionBits);
  const Slot* const last = view.slots + view.count - 1;
  while (slot->key < key && slot != last) ++slot;
  while (slot->key > key && slot != view.slots) --slot;
  return slot->key == key ? slot : nullptr;
}

// Calls `visit` with keys under which a rule that matches `subject` may be, some at a time.
template <class Visit>
void RuleIndex::visit_keys(const Subject& subject, Visit visit) const {
  const SubjectHashes hashes(subject);
  std::array<std::uint64_t, kKeysAtOnce> keys;
  std::size_t count = 0;
  const auto look = [&](const std::vector<ShapeUse>& uses) {
    for (const ShapeUse& use : uses) {
      const auto key = hashes.key(use.shape, use.seed);
      if (!key) continue;
      __builtin_prefetch(&table_->views[*key >> (64 - kPartitionBits)]);
      keys[count++] = *key;
      if (count == kKeysAtOnce) visit(std::span(keys).first(std::exchange(count, 0)));
    }
  };
  look(unlabelled_);
  if (!labelled_.empty())
    for (const std::uint64_t label_key : hashes.label_keys())
      if (const auto found = labelled_.find(label_key); found != labelled_.end())
        look(found->second);
  visit(std::span(keys).first(count));
}

// Calls `visit` with the filings of each key of `subject` that there is.
template <class Visit>
void RuleIndex::visit_filings(const Subject& subject, Visit visit) const {
  visit_keys(subject, [&](std::span<const std::uint64_t> keys) {
    for (const std::uint64_t key : keys) {
      const View& view = table_->views[key >> (64 - kPartitionBits)];
      if (view.count != 0)
        __builtin_prefetch(view.slots + guess(key, view.count, kPartitionBits));
    }
    for (const std::uint64_t key : keys) {
      const Slot* const slot = find(key);
      if (!slot) continue;
      const Filing* const filings = table_->views[key >> (64 - kPartitionBits)].filings;
      visit(filings + slot->begin, filings + slot->end);
    }
  });
}

std::array<const PlacedRule*, kRanks> RuleIndex::first_matches(const Subject& subject) const {
  std::array<const PlacedRule*, kRanks> first{};
  visit_filings(subject, [&](const Filing* at, const Filing* end) {
    while (at != end) {
      const PlacedRule*& best = first[static_cast<std::size_t>(at->rank)];
      const bool better = !best || before(*at->rule, *best);
      if (better && !matches(at->rule->rule.match, subject)) {
        ++at;
        continue;
      }
      if (better) best = at->rule;
      // The others of this rank come after it.
      const Rank rank = at->rank;
      if (++at != end && at->rank == rank)
        at = std::partition_point(at, end,
                                  [&](const Filing& filing) { return filing.rank == rank; });
    }
  });
  return first;
}

std::vector<const PlacedRule*> RuleIndex::all_matches(const Subject& subject) const {
  std::vector<const PlacedRule*> found;
  visit_filings(subject, [&](const Filing* at, const Filing* end) {
    for (; at != end; ++at)
      if (matches(at->rule->rule.match, subject)) found.push_back(at->rule);
  });
  std::sort(found.begin(), found.end(), [](const PlacedRule* left, const PlacedRule* right) {
    const Rank left_rank = rank_of(left->rule);
    const Rank right_rank = rank_of(right->rule);
    return left_rank != right_rank ? left_rank < right_rank : before(*left, *right);
  });
  found.erase(std::unique(found.begin(), found.end()), found.end());
  return found;
}

std::size_t RuleIndex::cost(const Subject& subject) const {
  std::size_t cost = 0;
  visit_filings(subject, [&](const Filing* at, const Filing* end) {
    cost += static_cast<std::size_t>(end - at);
  });
  return cost;
}

}  // namespace vs
