#include "vsctl/commands/policy.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "vsctl/client/fields.h"
#include "vsctl/commands/changes.h"
#include "vsctl/commands/input.h"
#include "vsctl/commands/kinds.h"
#include "vsctl/output/table.h"
#include "vsctl/output/text.h"

namespace vs::ctl {
namespace {

using nlohmann::json;

Outcome<json> file_list(const std::vector<std::string>& paths) {
  const auto inputs = read_inputs(paths);
  if (!inputs) return give_up(inputs.error());
  json files = json::array();
  for (const InputFile& file : *inputs) files.push_back({{"name", file.name}, {"text", file.text}});
  return files;
}

// {} when there are no paths: then the daemon's own policies are meant.
Outcome<json> body_with_files(const std::vector<std::string>& paths) {
  json body = json::object();
  if (paths.empty()) return body;
  auto files = file_list(paths);
  if (!files) return give_up(files.error());
  body["files"] = std::move(*files);
  return body;
}

void show(Session& session, const json& answer, const std::string& for_humans) {
  session.out << (for_people(session.format) ? for_humans : render(answer, session.format));
}

std::string placed(const std::string& source, const std::string& line) {
  return printable(source.empty() ? line : source + ": " + line) + "\n";
}

// "POLICY/RULE"; a sharing policy has no rules.
std::string full_name(const json& finding) {
  const std::string rule = text(finding, "rule");
  return rule.empty() ? text(finding, "policy") : text(finding, "policy") + '/' + rule;
}

std::string describe_report(const json& report) {
  std::string lines;
  std::int64_t passed = 0;
  for (const json& one : field(report, "cases")) {
    if (is_true(one, "passed")) {
      ++passed;
      continue;
    }
    lines += placed(describe_source(field(one, "source")),
                    fmt::format("FAILED {}: {}", text(one, "name"), text(one, "fault")));
  }
  for (const json& rule : field(report, "uncovered"))
    lines += placed(describe_source(field(rule, "source")),
                    fmt::format("no case reaches rule {}", full_name(rule)));
  return lines + fmt::format("{} passed, {} failed; {} of {} rules reached ({} %)\n", passed,
                             number(report, "failed"), number(report, "covered"),
                             number(report, "rules"), number(report, "coveragePercent"));
}

const char* verdict_word(const json& decision) {
  return is_true(decision, "allowed") ? "allowed" : "denied";
}

std::string describe_flips(const json& answer) {
  std::string lines;
  for (const json& flip : field(answer, "flips")) {
    const json& was = field(flip, "was");
    const json& would = field(flip, "would");
    lines += printable(fmt::format(
                 "domain {} and service {} (decision {}): {} by {} would be {}",
                 text(flip, "domain"), text(flip, "service"), number(flip, "id"), verdict_word(was),
                 rule_of(was), describe_decision(would))) +
             "\n";
  }
  const json& flips = field(answer, "flips");
  return lines + fmt::format("{} recorded decisions, {} replayed, {} would turn over\n",
                             number(answer, "recorded"), number(answer, "replayed"),
                             flips.is_array() ? flips.size() : 0);
}

std::string describe_findings(const json& findings) {
  std::string lines;
  for (const json& finding : findings)
    lines += placed(describe_source(field(finding, "source")),
                    fmt::format("{} {}: {}", text(finding, "code"), full_name(finding),
                                text(finding, "message")));
  return lines + (findings.empty() ? "nothing found\n" : fmt::format("{} found\n", findings.size()));
}

std::string describe_history(const json& items) {
  Table table({"GENERATION", "AT", "BY", "CHANGES"});
  for (const json& item : items) {
    std::string changes;
    for (const json& change : field(item, "changes"))
      changes += fmt::format("{}{} {}", changes.empty() ? "" : ", ",
                             object_name(text(change, "kind"), text(change, "name")),
                             text(change, "action"));
    table.add({std::to_string(number(item, "generation")), text(item, "at"),
               text(item, "principal"), changes});
  }
  return table.to_string();
}

// Every rule with its policy and place, as one list.
json rules_of(const json& policies) {
  json rules = json::array();
  for (const json& policy : field(policies, "items")) {
    const json& metadata = field(policy, "metadata");
    std::size_t number = 0;
    for (const json& rule : field(field(policy, "spec"), "rules")) {
      json one = rule;
      one["policy"] = text(metadata, "name");
      one["source"] = field(field(metadata, "sources"), fmt::format("/spec/rules/{}", number++));
      rules.push_back(std::move(one));
    }
  }
  return rules;
}

std::string match_text(const json& match) {
  return match.is_object() && match.empty() ? "everything" : match.dump();
}

std::string describe_rules(const json& rules, const json& sharing) {
  Table table({"RULE", "EFFECT", "MODE", "MATCH", "AT", "MESSAGE"});
  for (const json& rule : rules) {
    const std::string mode = text(rule, "mode");
    table.add({text(rule, "policy") + '/' + text(rule, "id"), text(rule, "effect"),
               mode.empty() ? "enforce" : mode, match_text(field(rule, "match")),
               describe_source(field(rule, "source")), text(rule, "message")});
  }
  Table shares({"SHARING POLICY", "MODE", "MATCH", "AT"});
  for (const json& policy : field(sharing, "items")) {
    const json& metadata = field(policy, "metadata");
    const json& spec = field(policy, "spec");
    shares.add({text(metadata, "name"), text(spec, "mode"), match_text(field(spec, "match")),
                describe_source(field(field(metadata, "sources"), ""))});
  }
  return table.to_string() + (shares.empty() ? "" : "\n" + shares.to_string());
}

}  // namespace

Outcome<ExitCode> policy_test(Session& session, const PolicyTestOptions& options) {
  auto body = body_with_files(options.policies);
  if (!body) return give_up(body.error());
  auto cases = file_list(options.cases);
  if (!cases) return give_up(cases.error());
  (*body)["cases"] = std::move(*cases);
  const auto report = session.daemon.post("/v1/policies:test", *body);
  if (!report) return give_up(report.error());
  show(session, *report, describe_report(*report));
  const std::int64_t coverage = number(*report, "coveragePercent");
  if (number(*report, "failed") != 0) return ExitCode::negative;
  if (coverage >= options.coverage_percent) return ExitCode::ok;
  session.err << fmt::format("vsctl: the cases reach {} % of the rules, not {} %\n", coverage,
                             options.coverage_percent);
  return ExitCode::negative;
}

Outcome<ExitCode> policy_simulate(Session& session, const PolicyFilesOptions& options) {
  const auto body = body_with_files(options.paths);
  if (!body) return give_up(body.error());
  const auto answer = session.daemon.post("/v1/policies:simulate", *body);
  if (!answer) return give_up(answer.error());
  show(session, *answer, describe_flips(*answer));
  return field(*answer, "flips").empty() ? ExitCode::ok : ExitCode::negative;
}

Outcome<ExitCode> policy_lint(Session& session, const PolicyFilesOptions& options) {
  const auto body = body_with_files(options.paths);
  if (!body) return give_up(body.error());
  const auto answer = session.daemon.post("/v1/policies:lint", *body);
  if (!answer) return give_up(answer.error());
  const json& findings = field(*answer, "findings");
  show(session, *answer, describe_findings(findings));
  return findings.empty() ? ExitCode::ok : ExitCode::negative;
}

Outcome<ExitCode> policy_rollback(Session& session, const PolicyRollbackOptions& options) {
  json body = json::object();
  if (options.generation) body["generation"] = *options.generation;
  const auto answer = session.daemon.post(
      options.dry_run ? "/v1/policies:rollback?dryRun=true" : "/v1/policies:rollback", body);
  if (!answer) return give_up(answer.error());
  show(session, *answer,
       describe_changes(*answer, options.dry_run) +
           fmt::format("policies are those of generation {}{}\n", number(*answer, "rolledBackTo"),
                       options.dry_run ? " (dry run)" : ""));
  return ExitCode::ok;
}

Outcome<ExitCode> policy_history(Session& session, const PolicyHistoryOptions&) {
  const auto answer = session.daemon.read("/v1/policies:history");
  if (!answer) return give_up(answer.error());
  show(session, *answer, describe_history(field(*answer, "items")));
  return ExitCode::ok;
}

Outcome<ExitCode> policy_cat(Session& session, const PolicyCatOptions&) {
  const auto policies = session.daemon.list("policies");
  if (!policies) return give_up(policies.error());
  const auto sharing = session.daemon.list("sharing-policies");
  if (!sharing) return give_up(sharing.error());
  const json rules = rules_of(*policies);
  show(session, {{"rules", rules}, {"sharingPolicies", field(*sharing, "items")}},
       describe_rules(rules, *sharing));
  return ExitCode::ok;
}

}  // namespace vs::ctl
