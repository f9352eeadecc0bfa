#include "vsctl/commands/get.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "vsctl/client/fields.h"
#include "vsctl/commands/changes.h"
#include "vsctl/commands/kinds.h"
#include "vsctl/output/table.h"

namespace vs::ctl {
namespace {

using nlohmann::json;
using Label = std::pair<std::string, std::string>;

Outcome<std::vector<Label>> parse_labels(const std::vector<std::string>& words) {
  std::vector<Label> labels;
  for (const std::string& word : words) {
    const auto equals = word.find('=');
    if (equals == std::string::npos || equals == 0)
      return give_up(ExitCode::invalid, fmt::format("\"{}\" is no label: key=value", word));
    labels.emplace_back(word.substr(0, equals), word.substr(equals + 1));
  }
  return labels;
}

bool has_labels(const json& object, const std::vector<Label>& labels) {
  const json& present = field(field(object, "metadata"), "labels");
  return std::all_of(labels.begin(), labels.end(), [&](const Label& label) {
    const json& value = field(present, label.first);
    return value.is_string() && text(value) == label.second;
  });
}

std::string labels_of(const json& object) {
  std::string line;
  const json& labels = field(field(object, "metadata"), "labels");
  if (!labels.is_object()) return line;
  for (const auto& [key, value] : labels.items())
    line += fmt::format("{}{}={}", line.empty() ? "" : ",", key, text(value));
  return line;
}

std::string joined(const json& list) {
  std::string line;
  for (const json& item : list) line += (line.empty() ? "" : ",") + text(item);
  return line;
}

std::vector<std::string> headings_of(std::string_view kind) {
  if (kind == "Domain") return {"NAME", "TYPE", "STATE", "LABELS", "DESCRIPTION"};
  if (kind == "Service") return {"NAME", "KIND", "STATE", "NAMESERVERS", "LABELS"};
  if (kind == "AccessPolicy") return {"NAME", "RULES", "STATE", "LABELS"};
  return {"NAME", "DOMAIN", "SERVICE", "DEVICE", "STATE", "RULE", "REFUSED", "MESSAGE"};
}

std::vector<std::string> row_of(std::string_view kind, const json& object) {
  const json& spec = field(object, "spec");
  const json& status = field(object, "status");
  const std::string name = text(field(object, "metadata"), "name");
  const std::string state = text(status, "state");
  if (kind == "Domain")
    return {name, text(spec, "type"), state, labels_of(object), text(spec, "description")};
  if (kind == "Service")
    return {name, text(spec, "kind"), state,
            joined(field(field(spec, "parameters"), "nameservers")), labels_of(object)};
  if (kind == "AccessPolicy")
    return {name, std::to_string(field(spec, "rules").size()), state, labels_of(object)};
  const json& decision = field(status, "decision");
  return {name,
          text(spec, "domain"),
          text(spec, "service"),
          text(spec, "device"),
          state,
          decision.is_object() ? rule_of(decision) : "",
          text(status, "refusedOpens"),
          text(status, "message")};
}

void show(Session& session, const KindNames& kind, const GetOptions& options, json list,
          std::vector<json> objects) {
  switch (session.format) {
    case OutputFormat::table: {
      if (objects.empty()) {
        session.err << "no " << kind.plural << "\n";
        return;
      }
      Table table(options.no_headings ? std::vector<std::string>{} : headings_of(kind.kind));
      for (const json& object : objects) table.add(row_of(kind.kind, object));
      session.out << table.to_string();
      return;
    }
    case OutputFormat::json:
      list["items"] = std::move(objects);
      session.out << render(list, OutputFormat::json);
      return;
    case OutputFormat::yaml: session.out << render_yaml_stream(objects); return;
  }
}

Outcome<ExitCode> get_one(Session& session, const KindNames& kind, const GetOptions& options) {
  auto object = session.daemon.get(kind.plural, options.name);
  if (!object) return give_up(object.error());
  if (session.format == OutputFormat::table)
    show(session, kind, options, {}, {std::move(*object)});
  else
    session.out << render(*object, session.format);
  return ExitCode::ok;
}

}  // namespace

Outcome<ExitCode> get(Session& session, const GetOptions& options) {
  const auto kind = parse_kind(options.kind);
  if (!kind) return give_up(kind.error());
  const auto labels = parse_labels(options.labels);
  if (!labels) return give_up(labels.error());
  if (!options.name.empty() && !labels->empty())
    return give_up(ExitCode::invalid,
                   "a label chooses from a list: give a name or labels, not both");
  if (!options.name.empty()) return get_one(session, *kind, options);

  auto list = session.daemon.list(kind->plural);
  if (!list) return give_up(list.error());
  std::vector<json> objects;
  for (const json& object : field(*list, "items"))
    if (has_labels(object, *labels)) objects.push_back(object);
  show(session, *kind, options, std::move(*list), std::move(objects));
  return ExitCode::ok;
}

}  // namespace vs::ctl
