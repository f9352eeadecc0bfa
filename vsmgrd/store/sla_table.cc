#include "vsmgrd/store/sla_table.h"

#include "vsmgrd/model/codec.h"
#include "vsmgrd/store/columns.h"
#include "vsmgrd/store/writer.h"

namespace vs {

Result<SlaTable::States> SlaTable::load() const {
  States states;
  const auto read = ledger_.read([&](Database& database) -> Result<> {
    return for_each_row(database, "SELECT binding, state FROM sla_window", [&](const Statement& row) -> Result<> {
      states[text_in(row, 0)] = text_in(row, 1);
      return {};
    });
  });
  if (!read) return fail(read.error());
  return states;
}

Result<> SlaTable::save(const States& states) {
  return ledger_.write_alone([&](Turn& turn) -> Result<> {
    if (auto cleared = turn.database.execute("DELETE FROM sla_window"); !cleared) return cleared;
    const std::string now = format_time(turn.now);
    for (const auto& [binding, state] : states)
      if (auto put = turn.database.execute("INSERT INTO sla_window (binding, state, saved_at) VALUES (?, ?, ?)", binding, state, now); !put)
        return put;
    return {};
  });
}

}  // namespace vs
