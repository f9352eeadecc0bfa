#include "vsctl/commands/describe.h"

#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "vsctl/client/fields.h"
#include "vsctl/commands/changes.h"
#include "vsctl/commands/kinds.h"
#include "vsctl/commands/live.h"
#include "vsctl/output/table.h"
#include "vsctl/output/text.h"
#include "vsctl/output/yaml.h"

namespace vs::ctl {
namespace {

using nlohmann::json;

constexpr std::size_t kIndent = 2;

std::string indented(const std::string& lines) {
  std::string out;
  std::size_t begin = 0;
  while (begin < lines.size()) {
    const std::size_t end = lines.find('\n', begin) + 1;
    out += std::string(kIndent, ' ') + lines.substr(begin, end - begin);
    begin = end;
  }
  return out;
}

std::string section(const char* title, const json& content) {
  if (!content.is_object() || content.empty()) return "";
  return fmt::format("{}:\n{}", title, indented(to_yaml(content)));
}

// Which other objects' `field_name` says this one's name. Only domains and services are bound.
Outcome<std::vector<json>> bindings_of(Session& session, const KindNames& kind,
                                       const std::string& name) {
  std::vector<json> bound;
  if (kind.kind != "Domain" && kind.kind != "Service") return bound;
  const auto list = session.daemon.list("bindings");
  if (!list) return give_up(list.error());
  for (const json& binding : field(*list, "items"))
    if (text(field(binding, "spec"), kind.singular) == name) bound.push_back(binding);
  return bound;
}

std::string summary(const json& object) {
  const json& metadata = field(object, "metadata");
  Table lines;
  const auto line = [&](const char* name, const std::string& value) {
    if (!value.empty()) lines.add({std::string(name) + ":", value});
  };
  line("Name", text(metadata, "name"));
  line("Kind", text(object, "kind"));
  line("UID", text(metadata, "uid"));
  line("Generation", text(metadata, "generation"));
  line("Resource version", text(metadata, "resourceVersion"));
  line("Created", text(metadata, "createdAt"));
  line("Updated", text(metadata, "updatedAt"));
  line("Declared at", describe_source(field(field(metadata, "sources"), "")));
  return lines.to_string();
}

std::string bindings_section(const std::vector<json>& bindings) {
  if (bindings.empty()) return "";
  Table table({"NAME", "DOMAIN", "SERVICE", "STATE"});
  for (const json& binding : bindings) {
    const json& spec = field(binding, "spec");
    table.add({text(field(binding, "metadata"), "name"), text(spec, "domain"),
               text(spec, "service"), text(field(binding, "status"), "state")});
  }
  return "Bindings:\n" + table.to_string(kIndent);
}

// The decision and what happens now stand apart from the rest of the status: they are what people
// look for.
std::string describe_for_people(const json& object, const std::vector<json>& bindings) {
  json status = field(object, "status");
  const json decision = field(status, "decision");
  const json live = field(status, "live");
  for (const char* apart : {"decision", "live"})
    if (status.is_object()) status.erase(apart);
  std::string lines = summary(object) +
                      section("Labels", field(field(object, "metadata"), "labels")) +
                      section("Spec", field(object, "spec")) + section("Status", status);
  if (decision.is_object())
    lines += fmt::format("Decision:\n  {}\n", printable(describe_decision(decision)));
  if (text(object, "kind") == "Domain") return lines + section("Hypervisor", live) + bindings_section(bindings);
  return lines + describe_live(live) + bindings_section(bindings);
}

}  // namespace

Outcome<ExitCode> describe(Session& session, const DescribeOptions& options) {
  const auto kind = parse_kind(options.kind);
  if (!kind) return give_up(kind.error());
  if (options.name.empty()) return give_up(ExitCode::invalid, "the name is empty");
  auto object = session.daemon.get_live(kind->plural, options.name);
  if (!object) return give_up(object.error());
  auto bindings = bindings_of(session, *kind, options.name);
  if (!bindings) return give_up(bindings.error());
  if (for_people(session.format)) {
    session.out << describe_for_people(*object, *bindings);
    return ExitCode::ok;
  }
  if (kind->kind == "Domain" || kind->kind == "Service")
    (*object)["bindings"] = std::move(*bindings);
  session.out << render(*object, session.format);
  return ExitCode::ok;
}

}  // namespace vs::ctl
