#include "vsctl/commands/changes.h"

#include <fmt/format.h>

#include "vsctl/client/fields.h"
#include "vsctl/commands/kinds.h"
#include "vsctl/output/text.h"

namespace vs::ctl {

std::string describe_source(const nlohmann::json& source) {
  if (!source.is_object()) return "";
  return fmt::format("{}:{}:{}", text(source, "file"), number(source, "line"),
                     number(source, "column"));
}

std::string rule_of(const nlohmann::json& decision) {
  const std::string policy = text(decision, "policy");
  return policy.empty() ? "default" : fmt::format("{}/{}", policy, text(decision, "rule"));
}

std::string describe_decision(const nlohmann::json& decision) {
  std::string line = fmt::format("{} by {}", is_true(decision, "allowed") ? "allowed" : "denied",
                                 rule_of(decision));
  if (const std::string source = describe_source(field(decision, "source")); !source.empty())
    line += fmt::format(" ({})", source);
  if (const std::string message = text(decision, "message"); !message.empty())
    line += ": " + message;
  if (const std::string mode = text(decision, "mode"); !mode.empty() && mode != "enforce") {
    const nlohmann::json& trial = field(decision, "trial");
    line += fmt::format(" [on trial, {}{}]", mode,
                        trial.is_object() ? ": denied by " + rule_of(trial) : "");
  }
  if (const std::int64_t id = number(decision, "id"); id != 0)
    line += fmt::format(" (decision {})", id);
  return line;
}

std::string describe_changes(const nlohmann::json& answer, bool dry_run) {
  const char* suffix = dry_run ? " (dry run)" : "";
  std::string lines;
  if (const nlohmann::json& changes = field(answer, "changes"); changes.is_array())
    for (const nlohmann::json& change : changes)
      lines +=
          printable(fmt::format("{} {}{}", object_name(text(change, "kind"), text(change, "name")),
                                text(change, "action"), suffix)) +
          "\n";
  if (const nlohmann::json& decisions = field(answer, "decisionsChanged"); decisions.is_array())
    for (const nlohmann::json& changed : decisions)
      lines += printable(fmt::format("{} {}{}", object_name("Binding", text(changed, "binding")),
                                     describe_decision(field(changed, "decision")), suffix)) +
               "\n";
  return lines;
}

}  // namespace vs::ctl
