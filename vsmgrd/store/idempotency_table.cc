#include "vsmgrd/store/idempotency_table.h"

#include <fmt/format.h>

#include "vsmgrd/store/columns.h"
#include "vsmgrd/store/writer.h"

namespace vs {

Result<std::optional<IdempotencyTable::Found>> IdempotencyTable::find(
    const std::string& principal, const std::string& key) const {
  std::optional<Found> found;
  const auto read = ledger_.read([&](Database& database) -> Result<> {
    auto there = find(database, principal, key);
    if (!there) return fail(std::move(there.error()));
    found = std::move(*there);
    return {};
  });
  if (!read) return fail(read.error());
  return found;
}

Result<> IdempotencyTable::record(const IdempotencyKey& key, const StoredReply& reply) {
  return ledger_.write([&](Turn& turn) { return record(turn, key, reply); });
}

Result<std::optional<IdempotencyTable::Found>> IdempotencyTable::find(Database& database,
                                                                      const std::string& principal,
                                                                      const std::string& key) {
  std::optional<Found> found;
  const auto read = for_each_row(
      database,
      "SELECT fingerprint, status, headers, body FROM idempotency WHERE principal = ? AND key = ?",
      [&](const Statement& row) -> Result<> {
        found = Found{.fingerprint = text_in(row, 0),
                      .reply = {.status = static_cast<int>(row.integer(1)),
                                .headers = decode_labels(row.text(2)).value_or(Labels()),
                                .body = text_in(row, 3)}};
        return {};
      },
      principal, key);
  if (!read) return fail(read.error());
  return found;
}

Result<> IdempotencyTable::record(Turn& turn, const IdempotencyKey& key, const StoredReply& reply) {
  if (key.key.empty() || key.key.size() > kIdempotencyKeyBytesMax)
    return fail(ErrorCode::invalid, fmt::format("an idempotency key has 1 to {} bytes, this has {}",
                                                kIdempotencyKeyBytesMax, key.key.size()));
  if (reply.body.size() > kIdempotencyBodyBytesMax)
    return fail(ErrorCode::invalid,
                fmt::format("the answer has {} bytes, at most {} can be kept: send it without a key",
                            reply.body.size(), kIdempotencyBodyBytesMax));
  return turn.database.execute(
      "INSERT OR IGNORE INTO idempotency (principal, key, fingerprint, status, headers, body, at) "
      "VALUES (?, ?, ?, ?, ?, ?, ?)",
      key.principal, key.key, key.fingerprint, std::int64_t{reply.status},
      encode_labels(reply.headers), reply.body, format_time(turn.now));
}

Result<> IdempotencyTable::trim(Turn& turn) {
  const std::string too_old = format_time(turn.now - kIdempotencyAgeMax);
  if (auto trimmed = turn.database.execute("DELETE FROM idempotency WHERE at < ?",
                                           std::string_view(too_old));
      !trimmed)
    return trimmed;
  if (auto trimmed = turn.database.execute(
          "DELETE FROM idempotency WHERE rowid IN (SELECT rowid FROM (SELECT rowid, row_number() "
          "OVER (PARTITION BY principal ORDER BY at DESC, rowid DESC) AS place FROM idempotency) "
          "WHERE place > ?)",
          kIdempotencyRowsMax);
      !trimmed)
    return trimmed;
  return turn.database.execute(
      "DELETE FROM idempotency WHERE rowid IN (SELECT rowid FROM idempotency ORDER BY at DESC, "
      "rowid DESC LIMIT -1 OFFSET ?)",
      kIdempotencyRowsAllMax);
}

}  // namespace vs
