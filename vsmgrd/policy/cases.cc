#include "vsmgrd/policy/cases.h"

#include <map>
#include <set>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "vsmgrd/model/codec.h"
#include "vsmgrd/model/fields.h"
#include "vsmgrd/policy/yaml_reader.h"

namespace vs {
namespace {

using nlohmann::json;

constexpr const char* kTestKind = "PolicyTest";

PolicyCase decode_case(const json& value, std::string pointer, std::vector<Problem>& problems) {
  PolicyCase made;
  Fields fields(value, std::move(pointer), problems);
  fields.text("name", made.name, Need::optional);
  fields.name("domain", made.domain, Need::required);
  Labels labels;
  if (fields.labels("labels", labels, 0)) made.labels = std::move(labels);
  fields.choice("type", made.type, Need::optional, {"sandbox", "container"});
  fields.name("service", made.service, Need::required);
  fields.name("kind", made.kind, Need::optional);
  fields.name("node", made.node, Need::optional);
  Labels node_labels;
  if (fields.labels("nodeLabels", node_labels, 0)) made.node_labels = std::move(node_labels);
  std::string word;
  fields.choice("expect", word, Need::required, {"allow", "deny"});
  made.allowed = word == "allow";
  fields.text("expectRule", made.rule, Need::optional);
  if (fields.choice("expectMode", word, Need::optional, {"enforce", "warn", "audit"}))
    made.mode = mode_named(word);
  fields.choice("expectSharing", made.sharing, Need::optional,
                {"private", "group", "delayed", "open"});
  fields.finish();
  if (made.name.empty()) made.name = made.domain + ' ' + made.service;
  return made;
}

std::vector<PolicyCase> decode_document(const json& document, std::vector<Problem>& problems) {
  std::vector<PolicyCase> cases;
  Fields fields(document, "", problems);
  std::string word;
  fields.choice("apiVersion", word, Need::required, {std::string(kApiVersion)});
  fields.choice("kind", word, Need::required, {kTestKind});
  fields.ignore("metadata");
  if (const json* spec = fields.take("spec", Need::required)) {
    Fields inside(*spec, "/spec", problems);
    const json* listed = inside.take("cases", Need::required);
    if (listed && (!listed->is_array() || listed->empty() || listed->size() > kPolicyCasesMax))
      problems.push_back({.pointer = "/spec/cases",
                          .message = fmt::format("\"cases\" must be a list of 1 to {} cases",
                                                 kPolicyCasesMax)});
    else if (listed)
      for (const json& value : *listed)
        cases.push_back(
            decode_case(value, fmt::format("/spec/cases/{}", cases.size()), problems));
    inside.finish();
  }
  fields.finish();
  return cases;
}

std::optional<Source> place_in(const YamlDocument& document, const Problem& problem) {
  if (problem.at_key)
    if (const auto key = document.keys.find(problem.pointer); key != document.keys.end())
      return key->second;
  return nearest_source(document.values, problem.pointer);
}

// What a case leaves open: the daemon's node, or that node with other facts.
NodeFacts node_for(const PolicyCase& asked, const NodeFacts& node) {
  return {.name = asked.node.empty() ? node.name : asked.node,
          .labels = asked.node_labels ? *asked.node_labels : node.labels};
}

// A word with a typing error would be denied, and pass many a test.
std::string undeclared_fault(const PolicyCase& asked, const Desired& desired) {
  if (!asked.labels && asked.type.empty() && !desired.domains.contains(asked.domain))
    return fmt::format("domain {} is not declared: declare it, or give the case its labels",
                       asked.domain);
  if (asked.kind.empty() && !desired.services.contains(asked.service))
    return fmt::format("service {} is not declared: declare it, or give the case its kind",
                       asked.service);
  return {};
}

std::string expectation_fault(const PolicyCase& asked, const Decision& decision) {
  const auto verdict = [](bool allowed) { return allowed ? "allow" : "deny"; };
  if (decision.allowed != asked.allowed)
    return fmt::format("expected {}, is {} by {}: {}", verdict(asked.allowed),
                       verdict(decision.allowed), rule_name(decision), decision.message);
  if (!asked.rule.empty() && asked.rule != rule_name(decision))
    return fmt::format("expected rule {}, is {}", asked.rule, rule_name(decision));
  if (asked.mode && *asked.mode != decision.mode)
    return fmt::format("expected mode {}, is {}", name_of(*asked.mode), name_of(decision.mode));
  if (!asked.sharing.empty() && asked.sharing != decision.sharing.mode)
    return fmt::format("expected sharing {}, is {}", asked.sharing, decision.sharing.mode);
  return {};
}

Subject subject_of_case(const PolicyCase& asked, const Desired& desired, const NodeFacts& node) {
  const Subject declared = subject_of(desired, asked.domain, asked.service, node);
  return {.domain = asked.domain,
          .labels = asked.labels ? *asked.labels : declared.labels,
          .type = asked.type.empty() ? declared.type : std::string_view(asked.type),
          .service = asked.service,
          .kind = asked.kind.empty() ? declared.kind : std::string_view(asked.kind),
          .node = node};
}

}  // namespace

std::string rule_name(const Decision& decision) {
  return decision.policy.empty() ? "default" : decision.policy + '/' + decision.rule;
}

Checked<std::vector<PolicyCase>> load_cases(const std::vector<PolicyFile>& files) {
  std::vector<PolicyCase> cases;
  std::vector<Problem> problems;
  for (const PolicyFile& file : files) {
    YamlFile read = read_yaml(file);
    for (const YamlDocument& document : read.documents) {
      std::vector<Problem> found;
      auto decoded = decode_document(document.value, found);
      for (Problem& problem : found) {
        if (document.noted.contains(problem.pointer)) continue;
        problem.source = place_in(document, problem);
        problems.push_back(std::move(problem));
      }
      for (std::size_t i = 0; i < decoded.size(); ++i) {
        decoded[i].source = nearest_source(document.values, fmt::format("/spec/cases/{}", i));
        cases.push_back(std::move(decoded[i]));
      }
    }
    for (Problem& problem : read.problems) problems.push_back(std::move(problem));
  }
  if (problems.empty() && cases.empty())
    return refuse(ErrorCode::invalid, "nothing to test: no case in any file");
  if (problems.empty() && cases.size() > kPolicyCasesMax)
    return refuse(ErrorCode::invalid, fmt::format("{} cases, at most {} are allowed", cases.size(),
                                                  kPolicyCasesMax));
  if (problems.empty()) return cases;
  sort_problems(problems);
  std::string message = summary_of(problems);
  limit_problems(problems);
  return refuse(ErrorCode::invalid, std::move(message), std::move(problems));
}

TestReport run_cases(const Desired& desired, const NodeFacts& node,
                     const std::vector<PolicyCase>& cases) {
  using NodeKey = std::pair<std::string, Labels>;
  std::map<NodeKey, PolicySet> sets;  // one for each node that is asked about
  const auto set_for = [&](const NodeFacts& facts) -> const PolicySet& {
    const NodeKey key(facts.name, facts.labels);
    const auto found = sets.find(key);
    return found != sets.end() ? found->second
                               : sets.emplace(key, PolicySet(desired, facts)).first->second;
  };
  std::set<std::pair<std::string, std::string>> covered;
  TestReport report;
  for (const PolicyCase& asked : cases) {
    const PolicySet& policies = set_for(node_for(asked, node));
    const Subject subject = subject_of_case(asked, desired, policies.node());
    CaseResult result{.asked = asked, .decision = policies.decide(subject)};
    for (const PlacedRule* placed : policies.matching(subject))
      covered.emplace(placed->policy, placed->rule.id);
    result.fault = undeclared_fault(asked, desired);
    if (result.fault.empty()) result.fault = expectation_fault(asked, result.decision);
    report.failed += !result.fault.empty();
    report.results.push_back(std::move(result));
  }
  set_for(node).for_each_rule([&](const PlacedRule& placed) {
    ++report.rules;
    if (!covered.contains({placed.policy, placed.rule.id})) report.uncovered.push_back(placed);
  });
  return report;
}

}  // namespace vs
