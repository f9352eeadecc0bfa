#include "vsmgrd/store/rows.h"

#include <optional>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/json.h"
#include "vsmgrd/model/codec.h"
#include "vsmgrd/store/sources.h"

namespace vs {
namespace {

using nlohmann::json;

// Calls `read` with each row; ends at the first that fails.
template <class Read>
Result<> for_each_row(Database& database, std::string_view sql, Read read) {
  auto rows = database.prepare(sql);
  if (!rows) return fail(std::move(rows.error()));
  for (;;) {
    const auto row = rows->step();
    if (!row) return fail(row.error());
    if (!*row) return {};
    if (Result<> done = read(*rows); !done)
      return fail(ErrorCode::internal,
                  fmt::format("database {}: row {} {}: {}", database.title(), rows->text(0),
                              in_quotes(rows->text(1)), done.error().message));
  }
}

Result<Kind> kind_of(std::string_view name) {
  if (const auto kind = kind_named(name)) return *kind;
  return fail(ErrorCode::internal, "this vsmgrd knows no such kind");
}

// The row's labels and spec as the document they were made from, so that decode() checks them.
Result<Resource> decode_row(const Statement& row) {
  const auto labels = parse_json(row.text(5));
  if (!labels) return fail(labels.error());
  const auto spec = parse_json(row.text(6));
  if (!spec) return fail(spec.error());
  auto resource = decode(json{{"apiVersion", kApiVersion},
                              {"kind", row.text(0)},
                              {"metadata", {{"name", row.text(1)}, {"labels", *labels}}},
                              {"spec", *spec}});
  if (!resource) return fail(std::move(resource.error().error));
  return std::move(*resource);
}

Result<Resource> read_resource(const Statement& row) {
  auto resource = decode_row(row);
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

Result<Decision> read_decision(const Statement& row) {
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

Result<Observed> read_observed_row(const Statement& row) {
  const auto kind = kind_of(row.text(0));
  if (!kind) return fail(kind.error());
  const auto state = state_named(row.text(3));
  if (!state) return fail(ErrorCode::internal, "no state " + in_quotes(row.text(3)));
  const auto since = parse_time(row.text(6));
  if (!since) return fail(since.error());
  return Observed{.kind = *kind,
                  .name = std::string(row.text(1)),
                  .observed_generation = row.integer(2),
                  .state = *state,
                  .reason = std::string(row.text(4)),
                  .message = std::string(row.text(5)),
                  .since = *since,
                  .socket_directory = std::string(row.text(7)),
                  .refused_opens = row.integer(8)};
}

constexpr std::string_view kSelectResources =
    "SELECT kind, name, uid, generation, resource_version, labels, spec, sources, created_at, "
    "updated_at FROM resource";
constexpr std::string_view kSelectDecisions =
    "SELECT kind, name, allowed, policy, rule, message, source FROM decision";
constexpr std::string_view kSelectObserved =
    "SELECT kind, name, observed_generation, state, reason, message, since, socket_directory, "
    "refused_opens FROM observed";

// An upsert, not INSERT OR REPLACE: that deletes first, and takes decision and observed along.
constexpr std::string_view kUpsertResource =
    "INSERT INTO resource (kind, name, uid, generation, resource_version, labels, spec, sources, "
    "created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
    "ON CONFLICT (kind, name) DO UPDATE SET uid = excluded.uid, generation = excluded.generation, "
    "resource_version = excluded.resource_version, labels = excluded.labels, spec = excluded.spec, "
    "sources = excluded.sources, created_at = excluded.created_at, updated_at = "
    "excluded.updated_at";
constexpr std::string_view kUpsertDecision =
    "INSERT OR REPLACE INTO decision (name, allowed, policy, rule, message, source) "
    "VALUES (?, ?, ?, ?, ?, ?)";
constexpr std::string_view kUpsertObserved =
    "INSERT OR REPLACE INTO observed (kind, name, observed_generation, state, reason, message, "
    "since, "
    "socket_directory, refused_opens) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)";

}  // namespace

Result<Desired> read_desired(Database& database) {
  Desired desired;
  const auto version = database.integer("SELECT resource_version FROM meta");
  if (!version) return fail(version.error());
  desired.resource_version = *version;
  auto read = for_each_row(database, kSelectResources, [&](const Statement& row) -> Result<> {
    auto resource = read_resource(row);
    if (!resource) return fail(std::move(resource.error()));
    std::string name = resource->metadata.name;
    desired.of(resource->kind()).emplace(std::move(name), std::move(*resource));
    return {};
  });
  if (!read) return fail(std::move(read.error()));
  read = for_each_row(database, kSelectDecisions, [&](const Statement& row) -> Result<> {
    auto decision = read_decision(row);
    if (!decision) return fail(std::move(decision.error()));
    desired.decisions.emplace(row.text(1), std::move(*decision));
    return {};
  });
  if (!read) return fail(std::move(read.error()));
  return desired;
}

Result<ObservedByKey> read_observed(Database& database) {
  ObservedByKey all;
  auto read = for_each_row(database, kSelectObserved, [&](const Statement& row) -> Result<> {
    auto observed = read_observed_row(row);
    if (!observed) return fail(std::move(observed.error()));
    ObjectKey key{observed->kind, observed->name};
    all.emplace(std::move(key), std::move(*observed));
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
                          decision.rule, decision.message, source);
}

Result<> write_observed(Database& database, const Observed& observed) {
  return database.execute(kUpsertObserved, name_of(observed.kind), observed.name,
                          observed.observed_generation, name_of(observed.state), observed.reason,
                          observed.message, format_time(observed.since), observed.socket_directory,
                          observed.refused_opens);
}

Result<> write_resource_version(Database& database, std::int64_t version) {
  return database.execute("UPDATE meta SET resource_version = ?", version);
}

Result<> delete_resource(Database& database, Kind kind, const std::string& name) {
  return database.execute("DELETE FROM resource WHERE kind = ? AND name = ?", name_of(kind), name);
}

}  // namespace vs
