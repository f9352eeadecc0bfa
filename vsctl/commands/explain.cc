#include "vsctl/commands/explain.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "vsctl/client/fields.h"
#include "vsctl/commands/changes.h"
#include "vsctl/output/table.h"
#include "vsctl/output/text.h"

namespace vs::ctl {
namespace {

using nlohmann::json;

std::string verdict(const json& explanation) {
  const json& decision = field(explanation, "decision");
  std::string lines =
      printable(fmt::format(
          "{}: domain {} {} use service {}", is_true(decision, "allowed") ? "ALLOW" : "DENY",
          text(explanation, "domain"), is_true(decision, "allowed") ? "may" : "may not",
          text(explanation, "service"))) +
      "\n";
  Table facts;
  if (const std::string policy = text(decision, "policy"); !policy.empty()) {
    facts.add({"rule:", text(decision, "rule")});
    facts.add({"policy:", policy});
    facts.add({"at:", describe_source(field(decision, "source"))});
  } else {
    facts.add({"rule:", "none matched; what no rule allows is denied"});
  }
  facts.add({"message:", text(decision, "message")});
  return lines + facts.to_string(2);
}

std::string steps(const char* title, const json& list) {
  if (!list.is_array() || list.empty()) return "";
  Table table;
  for (const json& step : list)
    table.add({text(step, "effect"), rule_of(step), describe_source(field(step, "source")),
               text(step, "because")});
  return fmt::format("{}:\n{}", title, table.to_string(2));
}

}  // namespace

Outcome<ExitCode> explain(Session& session, const ExplainOptions& options) {
  const auto explanation = session.daemon.explain(options.domain, options.service);
  if (!explanation) return give_up(explanation.error());
  if (session.format == OutputFormat::table) {
    session.out << verdict(*explanation) << steps("matched", field(*explanation, "matched"))
                << steps("nearest misses", field(*explanation, "nearest"));
    if (const std::string fix = text(*explanation, "fix"); !fix.empty())
      session.out << "to change this: " << printable(fix) << "\n";
  } else {
    session.out << render(*explanation, session.format);
  }
  return is_true(field(*explanation, "decision"), "allowed") ? ExitCode::ok : ExitCode::negative;
}

}  // namespace vs::ctl
