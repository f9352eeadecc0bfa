#include "vsmgrd/store/audit_log.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/digest.h"
#include "vsmgrd/store/columns.h"
#include "vsmgrd/store/writer.h"

namespace vs {
namespace {

constexpr std::string_view kInsertAudit =
    "INSERT INTO audit (id, at, principal, role, channel, request_id, verb, kind, name, uid, "
    "old_version, new_version, decision, outcome, code, message, hash) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
constexpr std::string_view kSelectAudit =
    "SELECT id, at, principal, role, channel, request_id, verb, kind, name, uid, old_version, "
    "new_version, decision, outcome, code, message, hash FROM audit ";
constexpr std::int64_t kAuditTrimRowsMax = 5000;  // in one transaction

struct Link {
  std::int64_t id = 0;
  std::string hash;
};

// The time is hashed as it is written: whoever changes a letter of it changes the hash.
std::string hash_of(const AuditEntry& entry, std::string_view at, std::string_view before) {
  std::string text;
  const auto add = [&](std::string_view field) {
    text += fmt::format("{}:", field.size());
    text += field;
  };
  for (const std::string_view field :
       {before, at, std::string_view(entry.actor.principal), std::string_view(entry.actor.role),
        std::string_view(entry.actor.channel), std::string_view(entry.actor.request_id),
        std::string_view(entry.verb), std::string_view(entry.kind), std::string_view(entry.name),
        std::string_view(entry.uid), std::string_view(entry.outcome), std::string_view(entry.code),
        std::string_view(entry.message)})
    add(field);
  for (const std::int64_t number :
       {entry.id, entry.old_version, entry.new_version, entry.decision})
    add(std::to_string(number));
  return sha256_hex(text);
}

AuditEntry entry_in(const Statement& row) {
  return {.id = row.integer(0),
          .at = time_in(row, 1),
          .actor = actor_in(row, 2),
          .verb = text_in(row, 6),
          .kind = text_in(row, 7),
          .name = text_in(row, 8),
          .uid = text_in(row, 9),
          .old_version = row.integer(10),
          .new_version = row.integer(11),
          .decision = row.integer(12),
          .outcome = text_in(row, 13),
          .code = text_in(row, 14),
          .message = text_in(row, 15),
          .hash = text_in(row, 16)};
}

Result<Link> read_link(Database& database, std::string_view sql) {
  Link link;
  const auto read = for_each_row(database, sql, [&](const Statement& row) -> Result<> {
    link = {row.integer(0), text_in(row, 1)};
    return {};
  });
  if (!read) return fail(read.error());
  return link;
}

Result<Link> start_of(Database& database) {
  return read_link(database, "SELECT id, hash FROM audit_start");
}

Result<Link> last_of(Database& database) {
  auto last = read_link(database, "SELECT id, hash FROM audit ORDER BY id DESC LIMIT 1");
  if (!last || last->id != 0) return last;
  return start_of(database);
}

}  // namespace

Result<> AuditLog::append(AuditEntry entry) {
  return ledger_.write([&](Turn& turn) { return append(turn, entry); });
}

Result<> AuditLog::append(Turn& turn, AuditEntry entry) {
  const auto last = last_of(turn.database);
  if (!last) return fail(last.error());
  entry.id = last->id + 1;
  const std::string at = format_time(turn.now);
  const std::string hash = hash_of(entry, at, last->hash);
  const Actor& actor = entry.actor;
  return turn.database.execute(kInsertAudit, entry.id, at, actor.principal, actor.role,
                               actor.channel, actor.request_id, entry.verb, entry.kind, entry.name,
                               entry.uid, entry.old_version, entry.new_version, entry.decision,
                               entry.outcome, entry.code, entry.message, hash);
}

Result<std::vector<AuditEntry>> AuditLog::list(const Query& query) const {
  std::vector<AuditEntry> entries;
  const std::string sql = std::string(kSelectAudit) +
                          "WHERE (?1 = 0 OR id < ?1) AND (?2 = '' OR kind = ?2) AND (?3 = '' OR "
                          "name = ?3) AND (?4 = '' OR principal = ?4) AND (?5 = '' OR outcome = "
                          "?5) ORDER BY id DESC LIMIT ?6";
  const auto read = ledger_.read([&](Database& database) {
    return for_each_row(
        database, sql,
        [&](const Statement& row) -> Result<> {
          entries.push_back(entry_in(row));
          return {};
        },
        query.before, query.kind, query.name, query.principal, query.outcome,
        static_cast<std::int64_t>(std::min(query.limit, kAuditPageMax)));
  });
  if (!read) return fail(read.error());
  return entries;
}

Result<AuditVerdict> AuditLog::verify() const {
  AuditVerdict verdict;
  const auto read = ledger_.read([&](Database& database) -> Result<> {
    auto found = verify(database);
    if (!found) return fail(std::move(found.error()));
    verdict = std::move(*found);
    return {};
  });
  if (!read) return fail(read.error());
  return verdict;
}

Result<AuditVerdict> AuditLog::verify(Database& database) {
  const auto start = start_of(database);
  if (!start) return fail(start.error());
  AuditVerdict verdict{.last_id = start->id, .last_hash = start->hash};
  const auto broken = [&](std::int64_t id, std::string message) {
    if (!verdict.sound) return;
    verdict.sound = false;
    verdict.broken_at = id;
    verdict.message = std::move(message);
  };
  const auto read = for_each_row(
      database, std::string(kSelectAudit) + "ORDER BY id", [&](const Statement& row) -> Result<> {
        const AuditEntry entry = entry_in(row);
        if (verdict.rows++ == 0) verdict.first_id = entry.id;
        if (entry.id != verdict.last_id + 1)
          broken(entry.id, fmt::format("row {} follows row {}: rows between them are missing",
                                       entry.id, verdict.last_id));
        else if (hash_of(entry, row.text(1), verdict.last_hash) != entry.hash)
          broken(entry.id, fmt::format("row {} was changed after it was written", entry.id));
        verdict.last_id = entry.id;
        verdict.last_hash = entry.hash;
        return {};
      });
  if (!read) return fail(read.error());
  return verdict;
}

Result<> AuditLog::trim(Turn& turn) {
  const auto start = start_of(turn.database);
  if (!start) return fail(start.error());
  const auto last = last_of(turn.database);
  if (!last) return fail(last.error());
  const std::int64_t until = std::min(last->id - kAuditRowsMax, start->id + kAuditTrimRowsMax);
  if (until <= start->id) return {};
  if (auto moved = turn.database.execute(
          "UPDATE audit_start SET (id, hash) = (SELECT id, hash FROM audit WHERE id = ?)", until);
      !moved)
    return moved;
  return turn.database.execute("DELETE FROM audit WHERE id <= ?", until);
}

}  // namespace vs
