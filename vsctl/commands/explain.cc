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
  if (const std::string sharing = text(field(explanation, "sharing"), "mode"); !sharing.empty()) {
    const std::string policy = text(field(explanation, "sharing"), "policy");
    facts.add({"sharing:", policy.empty() ? sharing : fmt::format("{} by {}", sharing, policy)});
  }
  if (const std::int64_t id = number(decision, "id"); id != 0)
    facts.add({"decision:", std::to_string(id)});
  return lines + facts.to_string(2);
}

// Of a decision that was made: when, of what, and by whose change.
std::string record(const json& recorded) {
  if (!recorded.is_object()) return "";
  Table facts;
  facts.add({"recorded:", text(recorded, "at")});
  facts.add({"binding:", text(recorded, "binding")});
  facts.add({"changed by:", text(recorded, "principal")});
  std::string lines = facts.to_string(2);
  if (!is_true(recorded, "policiesKept"))
    lines += "  the policies of that time are no longer kept: this is what was recorded\n";
  return lines;
}

std::string steps(const char* title, const json& list) {
  if (!list.is_array() || list.empty()) return "";
  Table table;
  for (const json& step : list) {
    std::string effect = text(step, "effect");
    if (const std::string mode = text(step, "mode"); !mode.empty() && mode != "enforce")
      effect += fmt::format(" ({})", mode);
    table.add({effect, rule_of(step), describe_source(field(step, "source")),
               text(step, "because")});
  }
  return fmt::format("{}:\n{}", title, table.to_string(2));
}

// What may be done with a channel, and by which rule.
std::string channels(const json& verdicts) {
  if (!verdicts.is_array() || verdicts.empty()) return "";
  Table table;
  for (const json& verdict : verdicts) {
    std::string limits;
    for (const json& limit : field(verdict, "limits")) {
      if (const std::int64_t rate = number(limit, "rate"); rate != 0)
        limits += fmt::format(" {} events/s, {} at once;", rate, number(limit, "burst"));
      if (const std::int64_t bytes = number(limit, "eventBytesMax"); bytes != 0)
        limits += fmt::format(" events of {} bytes at most;", bytes);
      if (const std::int64_t cost = number(limit, "filterCostMax"); cost != 0)
        limits += fmt::format(" filters of {} ns an event at most;", cost);
    }
    if (!limits.empty()) limits.pop_back();
    table.add({is_true(verdict, "allowed") ? "ALLOW" : "DENY", text(verdict, "verb"),
               text(verdict, "policy").empty() ? "no rule" : rule_of(verdict),
               describe_source(field(verdict, "source")), text(verdict, "message") + limits});
  }
  return fmt::format("channel {}:\n{}", printable(text(verdicts.front(), "channel")), table.to_string(2));
}

// How far the memory of a channel's events is shared.
std::string channel_sharing(const json& sharing) {
  if (!sharing.is_object()) return "";
  return fmt::format("memory of its events: {} ({})\n", text(sharing, "mode"), printable(text(sharing, "because")));
}

// Whether all that was asked about is allowed.
bool all_allowed(const json& explanation) {
  if (!is_true(field(explanation, "decision"), "allowed")) return false;
  for (const json& verdict : field(explanation, "channels"))
    if (!is_true(verdict, "allowed")) return false;
  return true;
}

json with_channel(json question, const ExplainOptions& options) {
  if (!options.channel.empty()) question["channel"] = options.channel;
  if (!options.verb.empty()) question["verb"] = options.verb;
  return question;
}

// What to ask the daemon.
Outcome<json> question_of(Session& session, const ExplainOptions& options) {
  if (options.decision != 0) {
    if (!options.domain.empty() || !options.channel.empty())
      return give_up(ExitCode::invalid, "either --decision, or a domain and a service");
    return json{{"decision", options.decision}};
  }
  if (options.domain.empty() || options.service.empty())
    return give_up(ExitCode::invalid,
                   "what is to be explained? DOMAIN SERVICE, binding NAME or --decision ID");
  if (options.domain != "binding")
    return with_channel({{"domain", options.domain}, {"service", options.service}}, options);
  const auto binding = session.daemon.get("bindings", options.service);
  if (!binding) return give_up(binding.error());
  const json& spec = field(*binding, "spec");
  return with_channel({{"domain", text(spec, "domain")}, {"service", text(spec, "service")}}, options);
}

}  // namespace

Outcome<ExitCode> explain(Session& session, const ExplainOptions& options) {
  const auto question = question_of(session, options);
  if (!question) return give_up(question.error());
  const auto explanation = session.daemon.post("/v1/explain", *question);
  if (!explanation) return give_up(explanation.error());
  if (for_people(session.format)) {
    session.out << verdict(*explanation) << record(field(*explanation, "recorded"))
                << channels(field(*explanation, "channels"))
                << channel_sharing(field(*explanation, "channelSharing")) << steps("matched", field(*explanation, "matched"))
                << steps("nearest misses", field(*explanation, "nearest"));
    if (const std::string notice = text(*explanation, "notice"); !notice.empty())
      session.out << printable(notice) << "\n";
    if (const std::string fix = text(*explanation, "fix"); !fix.empty())
      session.out << "to change this: " << printable(fix) << "\n";
  } else {
    session.out << render(*explanation, session.format);
  }
  return all_allowed(*explanation) ? ExitCode::ok : ExitCode::negative;
}

}  // namespace vs::ctl
