#include "vsmgrd/store/handoff_table.h"

#include <fmt/format.h>

#include "vsmgrd/model/codec.h"
#include "vsmgrd/store/columns.h"
#include "vsmgrd/store/writer.h"

namespace vs {
namespace {

Result<> save_standing(Turn& turn, const StoredStanding& standing, const std::string& now) {
  auto known = turn.database.prepare("SELECT epoch FROM standing WHERE binding = ?");
  if (!known) return fail(std::move(known.error()));
  known->bind(0, std::string_view(standing.binding));
  const auto found = known->step();
  if (!found) return fail(found.error());
  if (*found && known->integer(0) > static_cast<std::int64_t>(standing.epoch))
    return fail(ErrorCode::conflict, fmt::format("binding {}: its epoch is {}, and cannot become {}", standing.binding, known->integer(0),
                                                 standing.epoch));
  return turn.database.execute(
      "INSERT INTO standing (binding, epoch, owner, changed_at) VALUES (?, ?, ?, ?) "
      "ON CONFLICT (binding) DO UPDATE SET epoch = excluded.epoch, owner = excluded.owner, changed_at = excluded.changed_at",
      standing.binding, static_cast<std::int64_t>(standing.epoch), standing.owner, now);
}

}  // namespace

Result<HandoffTable::All> HandoffTable::load() const {
  All all;
  const auto read = ledger_.read([&](Database& database) -> Result<> {
    const auto handoffs = for_each_row(
        database, "SELECT id, role, domain, peer, phase, outcome, record, started_at, changed_at, deadline FROM handoff ORDER BY started_at, id",
        [&](const Statement& row) -> Result<> {
          all.handoffs.push_back({{.id = text_in(row, 0),
                                   .role = text_in(row, 1),
                                   .domain = text_in(row, 2),
                                   .peer = text_in(row, 3),
                                   .phase = text_in(row, 4),
                                   .outcome = text_in(row, 5),
                                   .record = text_in(row, 6),
                                   .lasts = {}},
                                  {.started = time_in(row, 7), .changed = time_in(row, 8), .deadline = time_or_none(row, 9)}});
          return {};
        });
    if (!handoffs) return handoffs;
    return for_each_row(database, "SELECT binding, epoch, owner FROM standing ORDER BY binding", [&](const Statement& row) -> Result<> {
      all.standings.push_back({text_in(row, 0), static_cast<std::uint64_t>(row.integer(1)), text_in(row, 2)});
      return {};
    });
  });
  if (!read) return fail(read.error());
  return all;
}

Result<> HandoffTable::save(const StoredHandoff& handoff, const std::vector<StoredStanding>& standings) {
  return ledger_.write([&](Turn& turn) -> Result<> {
    const std::string now = format_time(turn.now);
    const auto deadline = encode_time(handoff.lasts ? std::optional<WallTime>(turn.now + *handoff.lasts) : std::nullopt);
    const auto saved = turn.database.execute(
        "INSERT INTO handoff (id, role, domain, peer, phase, outcome, record, started_at, changed_at, deadline) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET phase = excluded.phase, outcome = excluded.outcome, "
        "record = excluded.record, changed_at = excluded.changed_at, deadline = excluded.deadline",
        handoff.id, handoff.role, handoff.domain, handoff.peer, handoff.phase, handoff.outcome, handoff.record, now, now, deadline);
    if (!saved) return saved;
    for (const StoredStanding& standing : standings)
      if (auto written = save_standing(turn, standing, now); !written) return written;
    return {};
  });
}

Result<> HandoffTable::forget(const std::vector<std::string>& ids) {
  return ledger_.write([&](Turn& turn) -> Result<> {
    for (const std::string& id : ids)
      if (auto gone = turn.database.execute("DELETE FROM handoff WHERE id = ?", id); !gone) return gone;
    return {};
  });
}

}  // namespace vs
