#include "vsmgrd/store/decision_log.h"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/json.h"
#include "vsmgrd/store/columns.h"
#include "vsmgrd/store/writer.h"

namespace vs {
namespace {

constexpr std::string_view kInsertDecisionRecord =
    "INSERT INTO decision_record (at, policy_generation, binding, domain, domain_labels, service, "
    "service_kind, allowed, decision, principal, request_id) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, "
    "?)";
constexpr std::string_view kSelectDecisionRecords =
    "SELECT id, at, policy_generation, binding, domain, domain_labels, service, service_kind, "
    "decision, principal, request_id FROM decision_record ";
constexpr std::int64_t kDecisionTrimRowsMax = 5000;  // in one transaction

Result<DecisionRecord> decision_record_in(const Statement& row) {
  auto decision = decode_decision(row.text(8));
  if (!decision) return fail(std::move(decision.error()));
  decision->id = row.integer(0);
  return DecisionRecord{.id = row.integer(0),
                        .at = time_in(row, 1),
                        .policy_generation = row.integer(2),
                        .binding = text_in(row, 3),
                        .domain = text_in(row, 4),
                        .domain_labels = decode_labels(row.text(5)).value_or(Labels()),
                        .service = text_in(row, 6),
                        .service_kind = text_in(row, 7),
                        .decision = std::move(*decision),
                        .principal = text_in(row, 9),
                        .request_id = text_in(row, 10)};
}

}  // namespace

Result<DecisionRecord> DecisionLog::get(std::int64_t id) const {
  std::optional<DecisionRecord> found;
  const auto read = ledger_.read([&](Database& database) {
    return for_each_row(
        database, std::string(kSelectDecisionRecords) + "WHERE id = ?",
        [&](const Statement& row) -> Result<> {
          auto record = decision_record_in(row);
          if (!record) return fail(std::move(record.error()));
          found = std::move(*record);
          return {};
        },
        id);
  });
  if (!read) return fail(read.error());
  if (!found)
    return fail(ErrorCode::not_found, fmt::format("decision {} is not kept (any more)", id));
  return std::move(*found);
}

Result<std::vector<DecisionRecord>> DecisionLog::list(const Query& query) const {
  std::vector<DecisionRecord> records;
  const std::int64_t allowed = query.allowed ? std::int64_t{*query.allowed} : -1;
  const auto read = ledger_.read([&](Database& database) {
    return for_each_row(
        database,
        std::string(kSelectDecisionRecords) +
            "WHERE id > ?1 AND (?2 = '' OR binding = ?2) AND (?3 = -1 OR allowed = ?3) ORDER BY id "
            "LIMIT ?4",
        [&](const Statement& row) -> Result<> {
          auto record = decision_record_in(row);
          if (!record) return fail(std::move(record.error()));
          records.push_back(std::move(*record));
          return {};
        },
        query.after, query.binding, allowed,
        static_cast<std::int64_t>(std::min(query.limit, kDecisionPageMax)));
  });
  if (!read) return fail(read.error());
  return records;
}

Result<std::int64_t> DecisionLog::append(Turn& turn, const DecisionRecord& record) {
  if (auto written = turn.database.execute(
          kInsertDecisionRecord, format_time(turn.now), record.policy_generation, record.binding,
          record.domain, encode_labels(record.domain_labels), record.service, record.service_kind,
          std::int64_t{record.decision.allowed}, encode_decision(record.decision),
          record.principal, record.request_id);
      !written)
    return fail(std::move(written.error()));
  return turn.database.last_row_id();
}

Result<> DecisionLog::trim(Turn& turn) {
  const auto newest = turn.database.integer("SELECT max(id) FROM decision_record");
  if (!newest) return fail(newest.error());
  return turn.database.execute(
      "DELETE FROM decision_record WHERE id IN (SELECT id FROM decision_record WHERE id <= ? ORDER "
      "BY id LIMIT ?)",
      *newest - kDecisionRecordsMax, kDecisionTrimRowsMax);
}

}  // namespace vs
