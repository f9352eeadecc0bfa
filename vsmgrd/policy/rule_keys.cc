#include "vsmgrd/policy/rule_keys.h"

#include <algorithm>
#include <functional>

namespace vs {
namespace {

// The finaliser of MurmurHash3: each bit of both reaches all of the result.
std::uint64_t mixed(std::uint64_t hash, std::uint64_t with) {
  hash ^= with + 0x9e3779b97f4a7c15 + (hash << 6) + (hash >> 2);
  hash ^= hash >> 33;
  hash *= 0xff51afd7ed558ccd;
  hash ^= hash >> 33;
  hash *= 0xc4ceb9fe1a85ec53;
  return hash ^ hash >> 33;
}

std::uint64_t label_hash(std::uint64_t key, std::string_view value) {
  return mixed(key, hash_of(value));
}

using Hashes = std::vector<std::uint64_t>;

Hashes hashes_of(const std::vector<std::string>& texts) {
  Hashes hashes;
  hashes.reserve(texts.size());
  for (const std::string& text : texts) hashes.push_back(hash_of(text));
  return hashes;
}

// What of a rule's lists goes into its keys: all of them, until there are too many combinations.
struct Lists {
  Hashes domains;
  Hashes types;
  Hashes services;  // names, else kinds

  [[nodiscard]] std::size_t combinations() const {
    std::size_t count = 1;
    for (const Hashes* list : {&domains, &types, &services})
      count *= std::max<std::size_t>(list->size(), 1);
    return count;
  }
  // The shortest of several: the longest tells most rules apart.
  void drop_one() {
    Hashes* shortest = nullptr;
    for (Hashes* list : {&types, &services, &domains})
      if (!list->empty() && (!shortest || list->size() < shortest->size())) shortest = list;
    shortest->clear();
  }
};

const Hashes kNone{0};

const Hashes& or_none(const Hashes& hashes) { return hashes.empty() ? kNone : hashes; }

}  // namespace

std::uint64_t hash_of(std::string_view text) { return std::hash<std::string_view>()(text); }

std::uint64_t seed_of(const RuleShape& shape) {
  std::uint64_t seed = mixed(shape.domain ? 2 : 1, shape.type ? 2 : 1);
  seed = mixed(seed, static_cast<std::uint64_t>(shape.service));
  for (const std::string& key : shape.label_keys) seed = mixed(seed, hash_of(key));
  return seed;
}

RuleKeys keys_of(const RuleMatch& match) {
  Lists lists{.domains = hashes_of(match.domains),
              .types = hashes_of(match.domain_types),
              .services = hashes_of(match.services.empty() ? match.kinds : match.services)};
  while (lists.combinations() > kKeysPerRuleMax &&
         (!lists.domains.empty()) + (!lists.types.empty()) + (!lists.services.empty()) > 1)
    lists.drop_one();
  using By = RuleShape::ByService;
  RuleKeys made;
  made.shape = {.domain = !lists.domains.empty(),
                .type = !lists.types.empty(),
                .service = lists.services.empty()   ? By::any
                           : match.services.empty() ? By::kind
                                                    : By::name};
  std::uint64_t labels = 0;
  for (const auto& [key, value] : match.domain_labels) {
    made.shape.label_keys.push_back(key);
    labels = mixed(labels, label_hash(hash_of(key), value));
  }
  const std::uint64_t seed = mixed(seed_of(made.shape), labels);
  for (const std::uint64_t domain : or_none(lists.domains))
    for (const std::uint64_t type : or_none(lists.types))
      for (const std::uint64_t service : or_none(lists.services))
        made.keys.push_back(mixed(mixed(mixed(seed, domain), type), service));
  std::sort(made.keys.begin(), made.keys.end());
  made.keys.erase(std::unique(made.keys.begin(), made.keys.end()), made.keys.end());
  return made;
}

SubjectHashes::SubjectHashes(const Subject& subject)
    : subject_(subject),
      domain_(hash_of(subject.domain)),
      type_(hash_of(subject.type)),
      service_(hash_of(subject.service)),
      kind_(hash_of(subject.kind)) {
  std::size_t at = 0;
  for (const auto& [key, value] : subject.labels) {
    if (at == kLabelsMax) break;  // a checked document has no more
    label_keys_[at] = hash_of(key);
    labels_[at] = label_hash(label_keys_[at], value);
    ++at;
  }
}

std::optional<std::uint64_t> SubjectHashes::key(const RuleShape& shape, std::uint64_t seed) const {
  std::uint64_t labels = 0;
  auto label = subject_.labels.begin();  // both are sorted: one walk
  std::size_t at = 0;
  for (const std::string& wanted : shape.label_keys) {
    while (label != subject_.labels.end() && label->first < wanted) ++label, ++at;
    if (label == subject_.labels.end() || label->first != wanted) return std::nullopt;
    labels = mixed(labels, labels_[at]);
  }
  using By = RuleShape::ByService;
  const std::uint64_t service = shape.service == By::name   ? service_
                                : shape.service == By::kind ? kind_
                                                            : 0;
  return mixed(mixed(mixed(mixed(seed, labels), shape.domain ? domain_ : 0),
                     shape.type ? type_ : 0),
               service);
}

}  // namespace vs
