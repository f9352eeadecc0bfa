#include "vsctl/commands/sla.h"

#include <map>
#include <tuple>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "vsctl/client/fields.h"
#include "vsctl/commands/exposition.h"
#include "vsctl/output/table.h"

namespace vs::ctl {
namespace {

using nlohmann::json;
using Promises = std::map<std::tuple<std::string, std::string, std::string>, json>;  // by binding, class and objective

// By the families of vsmgrd/sla/promises.cc.
Promises read_promises(const json& samples, const std::string& binding) {
  Promises promises;
  for (const json& sample : samples) {
    const std::string name = text(sample, "name");
    const json& labels = field(sample, "labels");
    if (!binding.empty() && text(labels, "binding") != binding) continue;
    const auto key = std::tuple(text(labels, "binding"), text(labels, "class"), text(labels, "objective"));
    const json& value = field(sample, "value");
    if (name == "vservices_sla_objective_ratio") promises[key]["target"] = value;
    if (name == "vservices_sla_budget_remaining_ratio") promises[key]["budgetRemaining"] = value;
    if (name == "vservices_sla_compliance_ratio") promises[key]["compliance"][text(labels, "window")] = value;
  }
  return promises;
}

std::string percent(const json& ratio) {
  return ratio.is_number() ? fmt::format("{:.6g} %", 100 * ratio.get<double>()) : std::string();
}

// Of the window that is neither of the two that all have; an objective over an hour has none.
std::string own_window(const json& compliance) {
  for (const auto& [window, ratio] : compliance.items())
    if (window != "5m" && window != "1h") return fmt::format("{} ({})", percent(ratio), window);
  return fmt::format("{} (1h)", percent(field(compliance, "1h")));
}

std::string table_of(const Promises& promises) {
  Table table({"BINDING", "CLASS", "OBJECTIVE", "PROMISED", "LAST 5M", "LAST 1H", "WINDOW", "BUDGET LEFT"});
  for (const auto& [key, promise] : promises) {
    const auto& [binding, content_class, objective] = key;
    const json& compliance = field(promise, "compliance");
    table.add({binding, content_class, objective, percent(field(promise, "target")), percent(field(compliance, "5m")),
               percent(field(compliance, "1h")), compliance.is_object() ? own_window(compliance) : "",
               percent(field(promise, "budgetRemaining"))});
  }
  return table.to_string();
}

json document_of(const Promises& promises) {
  json items = json::array();
  for (const auto& [key, promise] : promises) {
    items.push_back(promise);
    items.back()["binding"] = std::get<0>(key);
    items.back()["class"] = std::get<1>(key);
    items.back()["objective"] = std::get<2>(key);
  }
  return {{"items", std::move(items)}};
}

}  // namespace

Outcome<ExitCode> sla(Session& session, const SlaOptions& options) {
  const auto exposition = session.daemon.metrics();
  if (!exposition) return give_up(exposition.error());
  const Promises promises = read_promises(parse_metrics(select_metrics(*exposition, "vservices_sla_")), options.binding);
  session.out << (for_people(session.format) ? table_of(promises) : render(document_of(promises), session.format));
  if (promises.empty() && !options.binding.empty())
    return give_up(ExitCode::negative, fmt::format("nothing was promised to a binding \"{}\"", options.binding));
  return ExitCode::ok;
}

}  // namespace vs::ctl
