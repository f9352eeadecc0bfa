#include "vsmgrd/store/rows.h"

#include <optional>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/json.h"
#include "vsmgrd/model/codec.h"
#include "vsmgrd/store/sources.h"

namespace vs {
namespace {

using nlohmann::json;

Result<Kind> kind_of(std::string_view name) {
  if (const auto kind = kind_named(name)) return *kind;
  return fail(ErrorCode::internal, "this vsmgrd knows no such kind");
}

Result<Resource> read_resource(const Statement& row) {
  auto resource = decode_stored(row.text(0), row.text(1), row.text(5), row.text(6));
  if (!resource) return resource;
  auto sources = decode_sources(row.text(7));
  if (!sources) return fail(sources.error());
  const auto created_at = parse_time(row.text(8));
  if (!created_at) return fail(created_at.error());
  const auto updated_at = parse_time(row.text(9));
  if (!updated_at) return fail(updated_at.error());
  Metadata& metadata = resource->metadata;
  metadata.uid = row.text(2);
  metadata.generation = row.integer(3);
  metadata.resource_version = row.integer(4);
  metadata.sources = std::move(*sources);
  metadata.created_at = *created_at;
  metadata.updated_at = *updated_at;
  return resource;
}

// Schema 1 had no detail.
Result<Decision> read_decision(const Statement& row) {
  if (row.text(7) != "{}") return decode_decision(row.text(7));
  Decision decision{.allowed = row.integer(2) != 0,
                    .policy = std::string(row.text(3)),
                    .rule = std::string(row.text(4)),
                    .message = std::string(row.text(5))};
  if (row.is_null(6)) return decision;
  auto source = decode_source(row.text(6));
  if (!source) return fail(source.error());
  decision.source = std::move(*source);
  return decision;
}

std::string encode_conditions(const std::vector<StatusCondition>& conditions) {
  json out = json::array();
  for (const StatusCondition& condition : conditions) out.push_back(encode(condition));
  return out.dump();
}

Result<std::vector<StatusCondition>> decode_conditions(std::string_view text) {
  std::vector<StatusCondition> conditions;
  if (text == "[]") return conditions;
  const auto stored = parse_json(text);
  if (!stored) return fail(ErrorCode::internal, "conditions: " + stored.error().message);
  for (const json& one : *stored) {
    auto condition = decode_stored_condition(one);
    if (!condition) return fail(std::move(condition.error()));
    conditions.push_back(std::move(*condition));
  }
  return conditions;
}

Result<std::optional<PlacementStatus>> decode_placement_status(std::string_view text) {
  const auto stored = parse_json(text);
  if (!stored) return fail(ErrorCode::internal, "placement: " + stored.error().message);
  if (stored->is_null()) return std::optional<PlacementStatus>();
  auto placement = decode_stored_placement(*stored);
  if (!placement) return fail(std::move(placement.error()));
  return std::optional(std::move(*placement));
}

Result<Observed> read_observed_row(const Statement& row) {
  const auto kind = kind_of(row.text(0));
  if (!kind) return fail(kind.error());
  const auto state = state_named(row.text(3));
  if (!state) return fail(ErrorCode::internal, "no state " + in_quotes(row.text(3)));
  const auto since = parse_time(row.text(6));
  if (!since) return fail(since.error());
  auto conditions = decode_conditions(row.text(9));
  if (!conditions) return fail(std::move(conditions.error()));
  auto placement = decode_placement_status(row.text(10));
  if (!placement) return fail(std::move(placement.error()));
  return Observed{.kind = *kind,
                  .name = std::string(row.text(1)),
                  .observed_generation = row.integer(2),
                  .state = *state,
                  .reason = std::string(row.text(4)),
                  .message = std::string(row.text(5)),
                  .since = *since,
                  .socket_directory = std::string(row.text(7)),
                  .refused_opens = row.integer(8),
                  .conditions = std::move(*conditions),
                  .placement = std::move(*placement)};
}

// What a binding refers to was left out, or somebody deleted it behind our back: it cannot be
// served, and nobody may build on it.
void leave_out_dangling(Desired& desired, std::vector<Spoiled>& spoiled) {
  std::vector<Spoiled> dangling;
  for (const auto& [name, resource] : std::as_const(desired.bindings))
    for (const Reference& reference : references(resource))
      if (!desired.of(reference.kind).contains(reference.name)) {
        dangling.push_back({std::string(name_of(Kind::binding)), name,
                            fmt::format("it refers to {} {}, which is not there",
                                        name_of(reference.kind), in_quotes(reference.name))});
        break;
      }
  for (Spoiled& one : dangling) {
    desired.bindings.erase(one.name);
    spoiled.push_back(std::move(one));
  }
}

constexpr std::string_view kSelectResources =
    "SELECT kind, name, uid, generation, resource_version, labels, spec, sources, created_at, "
    "updated_at FROM resource";
constexpr std::string_view kSelectDecisions =
    "SELECT kind, name, allowed, policy, rule, message, source, detail, record FROM decision";
constexpr std::string_view kSelectObserved =
    "SELECT kind, name, observed_generation, state, reason, message, since, socket_directory, "
    "refused_opens, conditions, placement FROM observed";

// An upsert, not INSERT OR REPLACE: that deletes first, and takes decision and observed along.
constexpr std::string_view kUpsertResource =
    "INSERT INTO resource (kind, name, uid, generation, resource_version, labels, spec, sources, "
    "created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
    "ON CONFLICT (kind, name) DO UPDATE SET uid = excluded.uid, generation = excluded.generation, "
    "resource_version = excluded.resource_version, labels = excluded.labels, spec = excluded.spec, "
    "sources = excluded.sources, created_at = excluded.created_at, updated_at = "
    "excluded.updated_at";
constexpr std::string_view kUpsertDecision =
    "INSERT OR REPLACE INTO decision (name, allowed, policy, rule, message, source, detail, record) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?)";
constexpr std::string_view kUpsertObserved =
    "INSERT OR REPLACE INTO observed (kind, name, observed_generation, state, reason, message, "
    "since, socket_directory, refused_opens, conditions, placement) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";

}  // namespace

Result<Resource> decode_stored(std::string_view kind, std::string_view name,
                               std::string_view labels, std::string_view spec) {
  auto label_map = parse_json(labels);
  if (!label_map) return fail(label_map.error());
  auto members = parse_json(spec);
  if (!members) return fail(members.error());
  json document{{"apiVersion", kApiVersion}, {"kind", kind}, {"metadata", {{"name", name}}}};
  document["metadata"]["labels"] = std::move(*label_map);
  document["spec"] = std::move(*members);
  auto resource = decode(document);
  if (!resource) return fail(std::move(resource.error().error));
  return std::move(*resource);
}

std::string encode_decision(const Decision& decision) { return encode_stored(decision).dump(); }

Result<Decision> decode_decision(std::string_view text) {
  const auto stored = parse_json(text);
  if (!stored) return fail(ErrorCode::internal, "decision: " + stored.error().message);
  return decode_stored_decision(*stored);
}

Result<Desired> read_desired(Database& database, std::vector<Spoiled>& spoiled) {
  Desired desired;
  const auto version = database.integer("SELECT resource_version FROM meta");
  if (!version) return fail(version.error());
  const auto generation = database.integer("SELECT policy_generation FROM meta");
  if (!generation) return fail(generation.error());
  desired.resource_version = *version;
  desired.policy_generation = *generation;
  const auto leave_out = [&](const Statement& row, std::string message) {
    spoiled.push_back({std::string(row.text(0)), std::string(row.text(1)), std::move(message)});
  };
  auto read = for_each_row(database, kSelectResources, [&](const Statement& row) -> Result<> {
    auto resource = read_resource(row);
    if (resource) {
      std::string name = resource->metadata.name;
      desired.of(resource->kind()).emplace(std::move(name), std::move(*resource));
    } else {
      leave_out(row, std::move(resource.error().message));
    }
    return {};
  });
  if (!read) return fail(std::move(read.error()));
  leave_out_dangling(desired, spoiled);
  for (const auto& [name, resource] : std::as_const(desired.bindings)) {
    const auto& binding = std::get<BindingSpec>(resource.spec);
    desired.devices.emplace(binding.domain + '/' + binding.device, name);
  }
  // One that cannot be read is made anew: they all are when the store is opened.
  read = for_each_row(database, kSelectDecisions, [&](const Statement& row) -> Result<> {
    auto decision = read_decision(row);
    if (!decision || !desired.bindings.contains(row.text(1))) return {};
    decision->id = row.integer(8);
    desired.decisions.emplace(std::string(row.text(1)), std::move(*decision));
    return {};
  });
  if (!read) return fail(std::move(read.error()));
  return desired;
}

// The reconciler sees again what cannot be read.
Result<ObservedByKind> read_observed(Database& database, const Desired& desired) {
  ObservedByKind all;
  auto read = for_each_row(database, kSelectObserved, [&](const Statement& row) -> Result<> {
    auto observed = read_observed_row(row);
    if (!observed || !desired.of(observed->kind).contains(observed->name)) return {};
    std::string name = observed->name;
    all[observed->kind].emplace(std::move(name), std::move(*observed));
    return {};
  });
  if (!read) return fail(std::move(read.error()));
  return all;
}

Result<> write_resource(Database& database, const Resource& resource) {
  const Metadata& metadata = resource.metadata;
  return database.execute(kUpsertResource, name_of(resource.kind()), metadata.name, metadata.uid,
                          metadata.generation, metadata.resource_version,
                          json(metadata.labels).dump(), encode_spec(resource).dump(),
                          encode_sources(metadata.sources), format_time(metadata.created_at),
                          format_time(metadata.updated_at));
}

Result<> write_decision(Database& database, const std::string& binding, const Decision& decision) {
  std::optional<std::string> source;
  if (decision.source) source = encode(*decision.source).dump();
  return database.execute(kUpsertDecision, binding, std::int64_t{decision.allowed}, decision.policy,
                          decision.rule, decision.message, source, encode_decision(decision),
                          decision.id);
}

Result<> write_observed(Database& database, const Observed& observed) {
  return database.execute(kUpsertObserved, name_of(observed.kind), observed.name,
                          observed.observed_generation, name_of(observed.state), observed.reason,
                          observed.message, format_time(observed.since), observed.socket_directory,
                          observed.refused_opens, encode_conditions(observed.conditions),
                          (observed.placement ? encode(*observed.placement) : json()).dump());
}

Result<> write_versions(Database& database, const Desired& desired) {
  return database.execute("UPDATE meta SET resource_version = ?, policy_generation = ?",
                          desired.resource_version, desired.policy_generation);
}

Result<> delete_resource(Database& database, Kind kind, const std::string& name) {
  return database.execute("DELETE FROM resource WHERE kind = ? AND name = ?", name_of(kind), name);
}

}  // namespace vs
