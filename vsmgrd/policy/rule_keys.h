// Under which keys a rule is filed, and under which a subject looks.
//
// A rule's shape is which of its selectors make its key: the domain's name, which labels, its type,
// the service's name or its kind. Its keys are one hash for each combination of the values it
// lists. A subject has at most one key for each shape, so a look-up costs the shapes there are, and
// not the rules. Hashes only find candidates: whether a rule matches is told by its text.
//
// Pure; thread-safe.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "vsmgrd/model/codec.h"
#include "vsmgrd/policy/rule_match.h"

namespace vs {

// A rule that lists more combinations than this is filed by its longer lists alone, and the others
// are compared.
inline constexpr std::size_t kKeysPerRuleMax = 256;

struct RuleShape {
  enum class ByService : std::uint8_t { any, name, kind };
  bool domain = false;
  bool type = false;
  ByService service = ByService::any;
  std::vector<std::string> label_keys;  // sorted

  friend auto operator<=>(const RuleShape&, const RuleShape&) = default;
};

struct RuleKeys {
  RuleShape shape;
  std::vector<std::uint64_t> keys;  // each once
};

RuleKeys keys_of(const RuleMatch& match);

// A subject, hashed once for all shapes. Refers to the subject's text.
class SubjectHashes {
 public:
  explicit SubjectHashes(const Subject& subject);

  // nullopt: no rule of this shape can match.
  [[nodiscard]] std::optional<std::uint64_t> key(const RuleShape& shape, std::uint64_t seed) const;
  [[nodiscard]] std::span<const std::uint64_t> label_keys() const {
    return {label_keys_.data(), std::min(subject_.labels.size(), kLabelsMax)};
  }

 private:
  const Subject& subject_;
  std::uint64_t domain_, type_, service_, kind_;
  std::array<std::uint64_t, kLabelsMax> label_keys_;  // in the order of the labels, as labels_
  std::array<std::uint64_t, kLabelsMax> labels_;
};

std::uint64_t hash_of(std::string_view text);
std::uint64_t seed_of(const RuleShape& shape);

}  // namespace vs
