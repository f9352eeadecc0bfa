#include "vsmgrd/store/policy_history.h"

#include <array>
#include <optional>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/json.h"
#include "vsmgrd/store/columns.h"
#include "vsmgrd/store/rows.h"
#include "vsmgrd/store/sources.h"
#include "vsmgrd/store/writer.h"

namespace vs {
namespace {

using nlohmann::json;

constexpr std::string_view kInsertPolicyText =
    "INSERT INTO policy_text (kind, name, from_generation, labels, spec, sources) "
    "VALUES (?, ?, ?, ?, ?, ?)";

Result<> write_policy_text(Turn& turn, std::int64_t generation, const Resource& resource) {
  return turn.database.execute(kInsertPolicyText, name_of(resource.kind()), resource.metadata.name,
                               generation, encode_labels(resource.metadata.labels),
                               encode_spec(resource).dump(),
                               encode_sources(resource.metadata.sources));
}

Result<PolicyGeneration> generation_in(const Statement& row) try {
  PolicyGeneration generation{.generation = row.integer(0),
                              .at = time_in(row, 1),
                              .principal = text_in(row, 2),
                              .request_id = text_in(row, 3)};
  const auto changes = parse_json(row.text(4));
  if (!changes) return fail(changes.error());
  for (const json& change : *changes)
    if (const auto kind = kind_named(change.at("kind").get<std::string>()))
      generation.changes.push_back(
          {*kind, change.at("name").get<std::string>(), change.at("action").get<std::string>()});
  return generation;
} catch (const json::exception& problem) {
  return fail(ErrorCode::internal, std::string("policy generation: ") + problem.what());
}

}  // namespace

Result<> PolicyHistory::begin(Turn& turn, const PolicyGeneration& generation, const Desired& now) {
  json changes = json::array();
  const auto known = turn.database.integer("SELECT count(*) FROM policy_generation");
  if (!known) return fail(known.error());
  if (*known == 0) {  // what there was before the history began was never written
    for (const Kind kind : {Kind::access_policy, Kind::sharing_policy})
      for (const auto& [name, resource] : now.of(kind))
        if (auto written = write_policy_text(turn, generation.generation, resource); !written)
          return written;
  }
  for (const PolicyGeneration::Change& change : generation.changes) {
    changes.push_back(
        {{"kind", name_of(change.kind)}, {"name", change.name}, {"action", change.action}});
    if (*known == 0) continue;
    if (auto ended = turn.database.execute(
            "UPDATE policy_text SET until_generation = ? WHERE kind = ? AND name = ? AND "
            "until_generation IS NULL",
            generation.generation, name_of(change.kind), change.name);
        !ended)
      return ended;
    const auto found = now.of(change.kind).find(change.name);
    if (found == now.of(change.kind).end()) continue;
    if (auto written = write_policy_text(turn, generation.generation, found->second); !written)
      return written;
  }
  return turn.database.execute(
      "INSERT INTO policy_generation (generation, at, principal, request_id, changes) VALUES (?, "
      "?, ?, ?, ?)",
      generation.generation, format_time(turn.now), generation.principal, generation.request_id,
      changes.dump());
}

Result<std::vector<PolicyGeneration>> PolicyHistory::list() const {
  std::vector<PolicyGeneration> generations;
  const auto read = ledger_.read([&](Database& database) {
    return for_each_row(
        database,
        "SELECT generation, at, principal, request_id, changes FROM policy_generation ORDER BY "
        "generation DESC",
        [&](const Statement& row) -> Result<> {
          auto generation = generation_in(row);
          if (!generation) return fail(std::move(generation.error()));
          generations.push_back(std::move(*generation));
          return {};
        });
  });
  if (!read) return fail(read.error());
  return generations;
}

Result<std::vector<Resource>> PolicyHistory::policies(std::int64_t generation) const {
  std::vector<Resource> policies;
  bool known = false;
  const auto read = ledger_.read([&](Database& database) -> Result<> {
    auto there = for_each_row(
        database, "SELECT 1 FROM policy_generation WHERE generation = ?",
        [&](const Statement&) -> Result<> {
          known = true;
          return {};
        },
        generation);
    if (!there) return there;
    return for_each_row(
        database,
        "SELECT kind, name, labels, spec, sources FROM policy_text WHERE from_generation <= ?1 AND "
        "(until_generation IS NULL OR until_generation > ?1) ORDER BY kind, name",
        [&](const Statement& row) -> Result<> {
          auto policy = decode_stored(row.text(0), row.text(1), row.text(2), row.text(3));
          if (!policy) return fail(std::move(policy.error()));
          auto sources = decode_sources(row.text(4));
          if (!sources) return fail(std::move(sources.error()));
          policy->metadata.sources = std::move(*sources);
          policies.push_back(std::move(*policy));
          return {};
        },
        generation);
  });
  if (!read) return fail(read.error());
  if (!known)
    return fail(ErrorCode::not_found,
                fmt::format("policy generation {} is not kept (any more)", generation));
  return policies;
}

Result<> PolicyHistory::trim(Turn& turn) {
  const auto newest = turn.database.integer("SELECT max(generation) FROM policy_generation");
  if (!newest) return fail(newest.error());
  const std::int64_t gone = *newest - kPolicyGenerationsMax;
  if (gone <= 0) return {};
  if (auto trimmed =
          turn.database.execute("DELETE FROM policy_generation WHERE generation <= ?", gone);
      !trimmed)
    return trimmed;
  return turn.database.execute("DELETE FROM policy_text WHERE until_generation <= ?", gone + 1);
}

}  // namespace vs
