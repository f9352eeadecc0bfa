// One rule against one pair of domain and service on a node: does it match, and if not, why.
//
// Pure; thread-safe.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "vsmgrd/model/resource.h"

namespace vs {

// What rules may ask of the node; the same for all decisions of a daemon's life.
struct NodeFacts {
  std::string name;
  Labels labels;
};

// Who asks for what, and where. Refers to what others own.
struct Subject {
  std::string_view domain;
  const Labels& labels;   // the domain's
  std::string_view type;  // the domain's; empty when the domain is not declared
  std::string_view service;
  std::string_view kind;  // the service's; empty when the service is not declared
  const NodeFacts& node;
};

// `desired`'s domain and service of these names, which need not be declared.
Subject subject_of(const Desired& desired, std::string_view domain, std::string_view service,
                   const NodeFacts& node);

// A rule with where it comes from, its lists sorted.
struct PlacedRule {
  std::string policy;
  Rule rule;
  std::optional<Source> source;
};

// The parts of a match, in the order in which they are explained.
enum class Selector : std::uint8_t {
  domains,
  domain_labels,
  domain_types,
  services,
  kinds,
  nodes,
  node_labels
};
inline constexpr std::array kSelectors{
    Selector::domains, Selector::domain_labels, Selector::domain_types, Selector::services,
    Selector::kinds,   Selector::nodes,         Selector::node_labels};

bool matches(const RuleMatch& match, const Subject& subject);
bool matches_node(const RuleMatch& match, const NodeFacts& node);

// Those of `match` that do not hold, in the order of the enum.
std::vector<Selector> failed_selectors(const RuleMatch& match, const Subject& subject);

// Why `selector` does not hold: "domain web2 is not among web1".
std::string why_not(Selector selector, const RuleMatch& match, const Subject& subject);

// What would make it hold: "add web2 to the domains of rule allow-web1". `title` is how to call the
// rule.
std::string remedy(Selector selector, const RuleMatch& match, const Subject& subject,
                   std::string_view title);

// `rule deny-web2 of policy demo-dns (demo.yaml:41:7)`.
std::string title_of(const PlacedRule& placed);

void sort_lists(RuleMatch& match);

}  // namespace vs
