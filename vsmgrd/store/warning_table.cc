#include "vsmgrd/store/warning_table.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "vsmgrd/store/audit_log.h"
#include "vsmgrd/store/columns.h"
#include "vsmgrd/store/uuid.h"
#include "vsmgrd/store/writer.h"

namespace vs {
namespace {

using Severity = Warning::Severity;
using Status = Warning::Status;

Severity severity_named(std::string_view name) {
  for (const Severity severity : {Severity::low, Severity::high})
    if (name_of(severity) == name) return severity;
  return Severity::moderate;
}
Status warning_status_named(std::string_view name) {
  for (const Status status : {Status::acknowledged, Status::resolved})
    if (name_of(status) == name) return status;
  return Status::fresh;
}

WallTime whole_milliseconds(WallTime time) {
  return std::chrono::floor<std::chrono::milliseconds>(time);
}

}  // namespace

std::string_view name_of(Warning::Severity severity) {
  switch (severity) {
    case Severity::low: return "low";
    case Severity::moderate: return "moderate";
    case Severity::high: return "high";
  }
  __builtin_unreachable();
}

std::string_view name_of(Warning::Status status) {
  switch (status) {
    case Status::fresh: return "new";
    case Status::acknowledged: return "acknowledged";
    case Status::resolved: return "resolved";
  }
  __builtin_unreachable();
}

Warning* WarningTable::find(Table& table, const std::string& type, const std::string& kind,
                            const std::string& name) {
  for (auto& [id, warning] : table.by_id)
    if (warning.type == type && warning.kind == kind && warning.name == name) return &warning;
  return nullptr;
}

Result<> WarningTable::write_row(Turn& turn, const Warning& warning) {
  return turn.database.execute(
      "INSERT OR REPLACE INTO warning (id, type, kind, name, severity, status, message, count, "
      "first_seen, last_seen, acknowledged_by, resolved_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, "
      "?, ?)",
      warning.id, warning.type, warning.kind, warning.name, name_of(warning.severity),
      name_of(warning.status), warning.message, warning.count, format_time(warning.first_seen),
      format_time(warning.last_seen), warning.acknowledged_by, encode_time(warning.resolved_at));
}

// In memory it is already; a disk that takes nothing must not hide what is wrong.
Result<> WarningTable::keep(const Warning& warning, const std::string& verb, const Actor& actor,
                            const Once& once) {
  auto written = ledger_.write([&](Turn& turn) -> Result<> {
    if (auto kept = IdempotencyTable::record(turn, once, warning); !kept) return kept;
    if (auto row = write_row(turn, warning); !row) return row;
    if (verb == "acknowledge")
      if (auto noted = AuditLog::append(turn, {.actor = actor,
                                               .verb = verb,
                                               .kind = "Warning",
                                               .name = warning.id,
                                               .message = warning.message});
          !noted)
        return noted;
    return append_event(turn, warning, verb, actor);
  });
  if (!written) {
    if (verb == "acknowledge")  // the client was told that it is not done, and asks again
      table_.with([&](Table& table) { table.unwritten.insert(warning.id); });
    else
      tell_later(warning, verb);
  }
  return written;
}

Result<> WarningTable::append_event(Turn& turn, const Warning& warning, const std::string& verb,
                                    const Actor& actor) {
  const std::string past = verb == "raise"     ? "raised"
                           : verb == "resolve" ? "resolved"
                                               : "acknowledged";
  return events_.append(turn, {.type = "warning." + past,
                               .kind = "Warning",
                               .name = warning.id,
                               .reason = warning.type,
                               .message = warning.message,
                               .actor = actor});
}

void WarningTable::tell_later(const Warning& warning, const std::string& verb) {
  table_.with([&](Table& table) {
    table.unwritten.insert(warning.id);
    if (table.untold.size() == kWarningsUntoldMax) table.untold.pop_front();
    table.untold.push_back({++table.told, verb, warning});
  });
}

Result<std::optional<Warning>> WarningTable::enter(const Note& note) {
  const WallTime now = whole_milliseconds(clock_.wall());
  std::optional<Warning> news;
  const bool room = table_.with([&](Table& table) {
    if (Warning* known = find(table, note.type, note.kind, note.name)) {
      const bool was_resolved = known->status == Status::resolved;
      const bool other_words = known->message != note.message;
      known->count += 1;
      known->last_seen = now;
      known->severity = note.severity;
      known->message = note.message;
      if (was_resolved) {
        known->status = Status::fresh;
        known->acknowledged_by.clear();
        known->resolved_at.reset();
      }
      if (was_resolved || other_words)
        news = *known;
      else
        table.unwritten.insert(known->id);  // counting is not worth a sync of the disk
      return true;
    }
    if (table.by_id.size() >= kWarningsMax) {
      auto oldest = table.by_id.end();
      for (auto at = table.by_id.begin(); at != table.by_id.end(); ++at)
        if (at->second.status == Status::resolved &&
            (oldest == table.by_id.end() || at->second.last_seen < oldest->second.last_seen))
          oldest = at;
      if (oldest == table.by_id.end()) return false;
      table.dropped.insert(oldest->first);
      table.unwritten.erase(oldest->first);
      table.by_id.erase(oldest);
    }
    news = Warning{.id = make_uuid(),
                   .type = note.type,
                   .kind = note.kind,
                   .name = note.name,
                   .severity = note.severity,
                   .message = note.message,
                   .first_seen = now,
                   .last_seen = now};
    table.by_id.emplace(news->id, *news);
    return true;
  });
  if (!room)
    return fail(ErrorCode::exhausted, fmt::format("{} warnings, limit {}", kWarningsMax, kWarningsMax));
  return news;
}

Result<> WarningTable::raise(const Note& note) {
  const auto news = enter(note);
  if (!news) return fail(news.error());
  return *news ? keep(**news, "raise", the_daemon()) : Result<>();
}

void WarningTable::note(const Note& note) {
  if (const auto news = enter(note); news && *news) tell_later(**news, "raise");
}

void WarningTable::clear(const std::string& type, const std::string& kind,
                         const std::string& name) {
  if (const auto resolved = leave(type, kind, name)) tell_later(*resolved, "resolve");
}

std::optional<Warning> WarningTable::leave(const std::string& type, const std::string& kind,
                                           const std::string& name) {
  const WallTime now = whole_milliseconds(clock_.wall());
  return table_.with([&](Table& table) -> std::optional<Warning> {
    Warning* known = find(table, type, kind, name);
    if (!known || known->status == Status::resolved) return std::nullopt;
    known->status = Status::resolved;
    known->resolved_at = now;
    return *known;
  });
}

Result<> WarningTable::resolve(const std::string& type, const std::string& kind,
                               const std::string& name) {
  const auto resolved = leave(type, kind, name);
  return resolved ? keep(*resolved, "resolve", the_daemon()) : Result<>();
}

Result<Warning> WarningTable::acknowledge(const std::string& id, const Actor& actor,
                                          const Once& once) {
  bool news = false;
  const auto acknowledged = table_.with([&](Table& table) -> std::optional<Warning> {
    const auto found = table.by_id.find(id);
    if (found == table.by_id.end()) return std::nullopt;
    if (found->second.status == Status::fresh) {
      news = true;
      found->second.status = Status::acknowledged;
      found->second.acknowledged_by = actor.principal;
    }
    return found->second;
  });
  if (!acknowledged)
    return fail(ErrorCode::not_found, fmt::format("warning {} does not exist", in_quotes(id)));
  const auto kept =
      news   ? keep(*acknowledged, "acknowledge", actor, once)
      : once ? ledger_.write([&](Turn& turn) { return IdempotencyTable::record(turn, once, *acknowledged); })
             : Result<>();
  if (!kept) return fail(kept.error());
  return *acknowledged;
}

Result<Warning> WarningTable::get(const std::string& id) const {
  return table_.with([&](const Table& table) -> Result<Warning> {
    const auto found = table.by_id.find(id);
    if (found == table.by_id.end())
      return fail(ErrorCode::not_found, fmt::format("warning {} does not exist", in_quotes(id)));
    return found->second;
  });
}

std::vector<Warning> WarningTable::list() const {
  auto listed = table_.with([](const Table& table) {
    std::vector<Warning> all;
    for (const auto& [id, warning] : table.by_id) all.push_back(warning);
    return all;
  });
  std::sort(listed.begin(), listed.end(), [](const Warning& left, const Warning& right) {
    return std::pair(right.last_seen, left.id) < std::pair(left.last_seen, right.id);
  });
  return listed;
}

std::size_t WarningTable::count_unresolved() const {
  return table_.with([](const Table& table) {
    return static_cast<std::size_t>(
        std::count_if(table.by_id.begin(), table.by_id.end(), [](const auto& entry) {
          return entry.second.status != Status::resolved;
        }));
  });
}

Result<> WarningTable::load(Database& database) {
  return for_each_row(
      database,
      "SELECT id, type, kind, name, severity, status, message, count, first_seen, last_seen, "
      "acknowledged_by, resolved_at FROM warning",
      [&](const Statement& row) -> Result<> {
        Warning warning{.id = text_in(row, 0),
                        .type = text_in(row, 1),
                        .kind = text_in(row, 2),
                        .name = text_in(row, 3),
                        .severity = severity_named(row.text(4)),
                        .status = warning_status_named(row.text(5)),
                        .message = text_in(row, 6),
                        .count = row.integer(7),
                        .first_seen = time_in(row, 8),
                        .last_seen = time_in(row, 9),
                        .acknowledged_by = text_in(row, 10),
                        .resolved_at = time_or_none(row, 11)};
        table_.with([&](Table& table) { table.by_id.insert_or_assign(warning.id, warning); });
        return {};
      });
}

Result<> WarningTable::tidy(Turn& turn) {
  std::vector<Warning> unwritten;
  std::vector<std::string> gone;
  std::vector<Untold> untold;
  table_.with([&](Table& table) {
    untold.assign(table.untold.begin(), table.untold.end());
    gone.assign(table.dropped.begin(), table.dropped.end());
    for (const auto& [id, warning] : table.by_id) {
      if (warning.resolved_at && *warning.resolved_at + kWarningAgeMax < turn.now)
        gone.push_back(id);
      else if (table.unwritten.contains(id))
        unwritten.push_back(warning);
    }
    for (const std::string& id : gone) table.by_id.erase(id);
  });
  for (const Warning& warning : unwritten)
    if (auto written = write_row(turn, warning); !written) return written;
  for (const std::string& id : gone)
    if (auto deleted = turn.database.execute("DELETE FROM warning WHERE id = ?", id); !deleted)
      return deleted;
  for (const Untold& one : untold)
    if (auto told = append_event(turn, one.warning, one.verb, the_daemon()); !told) return told;
  const std::uint64_t last = untold.empty() ? 0 : untold.back().number;
  turn.after_commit.emplace_back([this, unwritten, gone, last] {
    table_.with([&](Table& table) {
      for (const Warning& warning : unwritten)  // unless it changed meanwhile
        if (const auto found = table.by_id.find(warning.id);
            found == table.by_id.end() || found->second == warning)
          table.unwritten.erase(warning.id);
      for (const std::string& id : gone) table.dropped.erase(id);
      while (!table.untold.empty() && table.untold.front().number <= last) table.untold.pop_front();
    });
  });
  return {};
}

}  // namespace vs
