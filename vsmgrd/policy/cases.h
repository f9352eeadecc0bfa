// Tests of policies, in YAML: who asks for what, and what the answer must be.
//
//   apiVersion: vservices/v1
//   kind: PolicyTest
//   metadata: {name: demo}
//   spec:
//     cases:
//       - name: the shop resolves names      for people; default: DOMAIN SERVICE
//         domain: web1
//         labels: {tier: web}                the domain's; default: those of the declared domain
//         type: sandbox                      likewise
//         service: dns
//         kind: dns                          the service's; default: that of the declared service
//         node: node1                        default: the daemon's; nodeLabels likewise
//         expect: allow                      or deny
//         expectRule: demo-dns/allow-web1    POLICY/RULE, or default; optional, as are
//         expectMode: enforce                warn and audit: let through on trial
//         expectSharing: private
//
// Pure; thread-safe. Errors: invalid, with every fault and its place.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "vsmgrd/model/resource.h"
#include "vsmgrd/policy/loader.h"
#include "vsmgrd/policy/policy_set.h"

namespace vs {

inline constexpr std::size_t kPolicyCasesMax = 10'000;  // of one run

struct PolicyCase {
  std::string name;
  std::string domain;
  std::optional<Labels> labels;
  std::string type;  // empty: as declared; so are the others
  std::string service;
  std::string kind;
  std::string node;
  std::optional<Labels> node_labels;
  bool allowed = false;
  std::string rule;  // "POLICY/RULE" or "default"; empty: any
  std::optional<Mode> mode;
  std::string sharing;
  std::optional<Source> source;
};

Checked<std::vector<PolicyCase>> load_cases(const std::vector<PolicyFile>& files);

struct CaseResult {
  PolicyCase asked;
  Decision decision;
  std::string fault;  // why it failed; empty: it passed
};

struct TestReport {
  std::vector<CaseResult> results;
  std::size_t failed = 0;
  std::size_t rules = 0;              // of all access policies
  std::vector<PlacedRule> uncovered;  // those that matched in no case
};

// Asks the policies of `desired`; its domains and services are what cases do not say themselves.
TestReport run_cases(const Desired& desired, const NodeFacts& node,
                     const std::vector<PolicyCase>& cases);

// The rule that decided, "POLICY/RULE", or "default".
std::string rule_name(const Decision& decision);

}  // namespace vs
