#include "vsctl/commands/columns.h"

#include <array>
#include <ctime>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "vsctl/client/fields.h"
#include "vsctl/commands/changes.h"
#include "vsctl/commands/handoff.h"

namespace vs::ctl {
namespace {

using nlohmann::json;

const json& metadata(const json& object) { return field(object, "metadata"); }
const json& spec(const json& object) { return field(object, "spec"); }
const json& status(const json& object) { return field(object, "status"); }

std::string object_label(const json& object) { return text(metadata(object), "name"); }
std::string state(const json& object) { return text(status(object), "state"); }

std::string labels_of(const json& object) {
  std::string line;
  const json& labels = field(metadata(object), "labels");
  if (!labels.is_object()) return line;
  for (const auto& [key, value] : labels.items())
    line += fmt::format("{}{}={}", line.empty() ? "" : ",", key, text(value));
  return line;
}

std::string joined(const json& list) {
  std::string line;
  if (list.is_array())
    for (const json& item : list) line += (line.empty() ? "" : ",") + text(item);
  return line;
}

std::string age_of(const json& object, std::string_view key) {
  return age(text(object, key), static_cast<std::int64_t>(std::time(nullptr)));
}

std::string rule_cell(const json& object) {
  const json& decision = field(status(object), "decision");
  return decision.is_object() ? rule_of(decision) : "";
}

// "Allowed,Applied,!Ready": what holds and, behind "!", what does not.
std::string conditions(const json& object) {
  std::string line;
  const json& list = field(status(object), "conditions");
  if (list.is_array())
    for (const json& one : list)
      line += fmt::format("{}{}{}", line.empty() ? "" : ",", text(one, "status") == "True" ? "" : "!",
                          text(one, "type"));
  return line;
}

// A named object, or "inline" for a mapping that stands in the binding.
std::string terms(const json& object, const char* key) {
  const json& value = field(spec(object), key);
  return value.is_object() ? "inline" : text(value);
}

std::string progress_cell(const json& operation) {
  const json& progress = field(operation, "progress");
  const std::int64_t total = number(progress, "total");
  const std::string unit = text(progress, "unit");
  if (total <= 0) return number(progress, "done") > 0 ? text(progress, "done") + " " + unit : "";
  return fmt::format("{}%", number(progress, "done") * 100 / total);
}

// An object by its kind and name, wherever a row speaks of one.
std::string about(const json& row) {
  const json& object = field(row, "object").is_object() ? field(row, "object") : row;
  const std::string kind = text(object, "kind");
  const std::string name = text(object, "name");
  return name.empty() ? kind : fmt::format("{}/{}", kind, name);
}

constexpr Column kName{"NAME", false, object_label};
constexpr Column kState{"STATE", false, state};
constexpr Column kLabels{"LABELS", false, labels_of};
constexpr Column kCreated{"CREATED", true, [](const json& o) { return text(metadata(o), "createdAt"); }};
constexpr Column kUid{"UID", true, [](const json& o) { return text(metadata(o), "uid"); }};
constexpr Column kVersion{"VERSION", true, [](const json& o) { return text(metadata(o), "resourceVersion"); }};

constexpr std::array kDomain{
    kName,
    Column{"TYPE", false, [](const json& o) { return text(spec(o), "type"); }},
    kState,
    kLabels,
    Column{"DESCRIPTION", false, [](const json& o) { return text(spec(o), "description"); }},
    Column{"SOCKETS", true, [](const json& o) { return text(status(o), "socketDirectory"); }},
    kCreated,
    kVersion,
    kUid};

constexpr std::array kService{
    kName,
    Column{"KIND", false, [](const json& o) { return text(spec(o), "kind"); }},
    kState,
    Column{"NAMESERVERS", false, [](const json& o) { return joined(field(field(spec(o), "parameters"), "nameservers")); }},
    kLabels,
    kCreated,
    kVersion,
    kUid};

constexpr std::array kPolicy{
    kName,
    Column{"RULES", false, [](const json& o) { return std::to_string(field(spec(o), "rules").size()); }},
    kState,
    kLabels,
    Column{"MODE", true, [](const json& o) { return text(spec(o), "mode"); }},
    kCreated,
    kVersion,
    kUid};

constexpr std::array kSharing{
    kName,
    Column{"MODE", false, [](const json& o) { return text(spec(o), "mode"); }},
    Column{"GROUP", false, [](const json& o) { return text(spec(o), "group"); }},
    kState,
    kLabels,
    kCreated,
    kVersion,
    kUid};

constexpr std::array kTerms{kName, kState, kLabels, kCreated, kVersion, kUid};

constexpr std::array kBinding{
    kName,
    Column{"DOMAIN", false, [](const json& o) { return text(spec(o), "domain"); }},
    Column{"SERVICE", false, [](const json& o) { return text(spec(o), "service"); }},
    Column{"DEVICE", false, [](const json& o) { return text(spec(o), "device"); }},
    kState,
    Column{"RULE", false, rule_cell},
    Column{"REFUSED", false, [](const json& o) { return text(status(o), "refusedOpens"); }},
    Column{"MESSAGE", false, [](const json& o) { return text(status(o), "message"); }},
    Column{"CONDITIONS", true, conditions},
    Column{"SLA", true, [](const json& o) { return terms(o, "sla"); }},
    Column{"BUFFERS", true, [](const json& o) { return terms(o, "buffers"); }},
    Column{"PLACEMENT", true, [](const json& o) { return terms(o, "placement"); }},
    Column{"LABELS", true, labels_of},
    kCreated,
    kVersion,
    kUid};

constexpr std::array kOperation{
    Column{"ID", false, [](const json& o) { return text(o, "id"); }},
    Column{"KIND", false, [](const json& o) { return text(o, "kind"); }},
    Column{"STATE", false, [](const json& o) { return text(o, "state"); }},
    Column{"PHASE", false, [](const json& o) { return text(o, "phase"); }},
    Column{"PROGRESS", false, progress_cell},
    Column{"AGE", false, [](const json& o) { return age_of(o, "createdAt"); }},
    Column{"MESSAGE", false, [](const json& o) { return text(o, "message"); }},
    Column{"REASON", true, [](const json& o) { return text(o, "reason"); }},
    Column{"WHO", true, [](const json& o) { return text(field(o, "requestor"), "principal"); }},
    Column{"DEADLINE", true, [](const json& o) { return text(o, "deadline"); }}};

constexpr std::array kEvent{
    Column{"ID", true, [](const json& o) { return text(o, "id"); }},
    Column{"TIME", false, [](const json& o) { return text(o, "at"); }},
    Column{"TYPE", false, [](const json& o) { return text(o, "type"); }},
    Column{"OBJECT", false, about},
    Column{"REASON", false, [](const json& o) { return text(o, "reason"); }},
    Column{"WHO", false, [](const json& o) { return text(field(o, "actor"), "principal"); }},
    Column{"MESSAGE", false, [](const json& o) { return text(o, "message"); }},
    Column{"REQUEST", true, [](const json& o) { return text(field(o, "actor"), "requestId"); }}};

constexpr std::array kWarning{
    Column{"ID", false, [](const json& o) { return text(o, "id"); }},
    Column{"SEVERITY", false, [](const json& o) { return text(o, "severity"); }},
    Column{"STATUS", false, [](const json& o) { return text(o, "status"); }},
    Column{"TYPE", false, [](const json& o) { return text(o, "type"); }},
    Column{"OBJECT", false, about},
    Column{"COUNT", false, [](const json& o) { return text(o, "count"); }},
    Column{"LAST SEEN", false, [](const json& o) { return text(o, "lastSeenAt"); }},
    Column{"MESSAGE", false, [](const json& o) { return text(o, "message"); }},
    Column{"FIRST SEEN", true, [](const json& o) { return text(o, "firstSeenAt"); }},
    Column{"ACKNOWLEDGED BY", true, [](const json& o) { return text(o, "acknowledgedBy"); }}};

constexpr std::array kToken{
    Column{"ID", false, [](const json& o) { return text(o, "id"); }},
    Column{"NAME", false, [](const json& o) { return text(o, "name"); }},
    Column{"ROLE", false, [](const json& o) { return text(o, "role"); }},
    Column{"SCOPE", false, [](const json& o) { return text(o, "scope"); }},
    Column{"EXPIRES", false, [](const json& o) { return text(o, "expiresAt"); }},
    Column{"LAST USED", false, [](const json& o) { return text(o, "lastUsedAt"); }},
    Column{"REVOKED", false, [](const json& o) { return text(o, "revokedAt"); }},
    Column{"CREATED BY", true, [](const json& o) { return text(o, "createdBy"); }},
    Column{"CREATED", true, [](const json& o) { return text(o, "createdAt"); }}};

constexpr std::size_t kIdDigitsShown = 12;

constexpr std::array kMigration{
    Column{"ID", false, [](const json& o) { return text(o, "id").substr(0, kIdDigitsShown); }},
    Column{"DOMAIN", false, [](const json& o) { return text(o, "domain"); }},
    Column{"DIRECTION", false, direction_of},
    Column{"PHASE", false, [](const json& o) { return text(o, "phase"); }},
    Column{"OUTCOME", false, [](const json& o) { return text(o, "outcome"); }},
    Column{"WAITS FOR", false, [](const json& o) { return text(o, "waitsFor"); }},
    Column{"BLACKOUT", false, blackout_of},
    Column{"AGE", false, [](const json& o) { return age_of(o, "startedAt"); }},
    Column{"REASON", false, [](const json& o) { return text(o, "reason"); }},
    Column{"CHANGED", true, [](const json& o) { return text(o, "changedAt"); }},
    Column{"WHOLE ID", true, [](const json& o) { return text(o, "id"); }}};

constexpr std::array kPeer{
    kName,
    Column{"ADDRESS", false, [](const json& o) { return text(status(o), "address"); }},
    Column{"HEARD", false, [](const json& o) { return std::string(is_true(status(o), "heard") ? "yes" : "no"); }},
    Column{"TROUBLE", false, [](const json& o) { return text(status(o), "trouble"); }}};

}  // namespace

std::span<const Column> list_columns(std::string_view kind) {
  if (kind == "Domain") return kDomain;
  if (kind == "Service") return kService;
  if (kind == "AccessPolicy") return kPolicy;
  if (kind == "SharingPolicy") return kSharing;
  if (kind == "Binding") return kBinding;
  if (kind == "Operation") return kOperation;
  if (kind == "Event") return kEvent;
  if (kind == "Warning") return kWarning;
  if (kind == "Token") return kToken;
  if (kind == "Migration") return kMigration;
  if (kind == "Peer") return kPeer;
  return kTerms;
}

std::string age(std::string_view time, std::int64_t now_s) {
  std::tm parts{};
  if (::strptime(std::string(time).c_str(), "%Y-%m-%dT%H:%M:%S", &parts) == nullptr) return "";
  const std::int64_t seconds = std::max<std::int64_t>(now_s - ::timegm(&parts), 0);
  if (seconds < 120) return fmt::format("{}s", seconds);
  if (seconds < 7200) return fmt::format("{}m", seconds / 60);
  if (seconds < 172800) return fmt::format("{}h", seconds / 3600);
  return fmt::format("{}d", seconds / 86400);
}

}  // namespace vs::ctl
