#include "vsmgrd/handoffs/journal.h"

#include <utility>

#include <nlohmann/json.hpp>

#include "base/json.h"
#include "base/log.h"

namespace vs {

using handoff::Record;
using handoff::Time;

Result<HandoffJournal::Kept> HandoffJournal::read() const {
  auto all = table_.load();
  if (!all) return fail(std::move(all.error()));
  Kept kept;
  for (const HandoffTable::Row& row : all->handoffs) {
    const auto json = parse_json(row.handoff.record);
    if (!json) return fail(ErrorCode::internal, "handoff " + row.handoff.id + ": " + json.error().message);
    auto record = handoff::decode_record(*json);
    if (!record) return fail(std::move(record.error()).within("handoff " + row.handoff.id));
    kept.times[row.handoff.id] = row.times;
    kept.records.push_back(std::move(*record));
  }
  for (StoredStanding& standing : all->standings)
    kept.standings.push_back({.binding = std::move(standing.binding), .epoch = standing.epoch, .owner = std::move(standing.owner)});
  return kept;
}

Result<> HandoffJournal::write(const handoff::Entry& entry) {
  const Record& record = entry.record;
  StoredHandoff row{.id = record.id,
                    .role = std::string(name_of(record.role)),
                    .domain = record.domain,
                    .peer = record.peer,
                    .phase = std::string(name_of(record.phase)),
                    .outcome = std::string(name_of(record.outcome)),
                    .record = encode(record).dump(),
                    .lasts = {}};
  const auto& timers = record.volatile_;
  if (!handoff::ended(record.outcome) && timers.deadline != Time::max()) row.lasts = timers.deadline - timers.entered;
  std::vector<StoredStanding> standings;
  for (const handoff::Standing& standing : entry.standings) standings.push_back({standing.binding, standing.epoch, standing.owner});
  return table_.save(row, standings);
}

void HandoffJournal::forget(const std::vector<std::string>& ids) {
  if (const auto forgotten = table_.forget(ids); !forgotten) log::warn("handoffs.not_forgotten", {{"error", forgotten.error()}});
}

Owners owners_of(const handoff::Keeper& keeper, const std::string& node) {
  Owners owners;
  for (const auto& [binding, known] : keeper.ownerships())
    owners[binding] = {.epoch = known.epoch, .owner = known.owner, .here = known.owner == node && !known.in_doubt, .in_doubt = known.in_doubt};
  return owners;
}

}  // namespace vs
