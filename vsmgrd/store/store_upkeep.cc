// What keeps the store in order: observed state, what is too old, backups, and the doctor.
#include <algorithm>
#include <map>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "vsmgrd/store/store_impl.h"

namespace vs {
namespace {

constexpr std::chrono::seconds kTrimPause{60};
constexpr const char* kTrialDenial = "TrialDenial";  // types of warnings
constexpr std::size_t kTrialsNamedMax = 5;  // bindings in one warning

// What the rules of one policy that are on trial would deny.
struct Trials {
  std::size_t count = 0;
  std::string named;
};

std::map<std::string, Trials> trials_of(const Desired& desired) {
  std::map<std::string, Trials> by_policy;
  for (const auto& [binding, decision] : desired.decisions) {
    if (decision.mode != Mode::warn) continue;
    const bool denial = decision.trial.has_value();
    Trials& trials = by_policy[denial ? decision.trial->policy : decision.policy];
    if (++trials.count > kTrialsNamedMax) continue;
    trials.named += fmt::format("{}{} ({} {})", trials.named.empty() ? "" : ", ", binding,
                                denial ? "denied by rule" : "allowed only by rule",
                                denial ? decision.trial->rule : decision.rule);
  }
  return by_policy;
}

}  // namespace

Result<> Store::Impl::observe(const std::vector<Observed>& observed) {
  std::vector<std::pair<ObjectKey, bool>> news;
  published_.with([&](Snapshot& snapshot) {
    for (const Observed& one : observed) {
      if (!snapshot.desired->of(one.kind).contains(one.name)) continue;
      Observed kept = one;
      kept.since = milliseconds_of(one.since);
      for (StatusCondition& condition : kept.conditions) condition.since = milliseconds_of(condition.since);
      auto& of_kind = snapshot.observed[one.kind];
      const auto known = of_kind.find(one.name);
      const bool fresh = known == of_kind.end();
      if (!fresh && known->second == kept) continue;
      news.emplace_back(ObjectKey(one.kind, one.name), fresh || known->second.state != kept.state);
      of_kind.insert_or_assign(one.name, std::move(kept));
    }
  });
  const std::size_t count = unsaved_.with([&](auto& unsaved) {
    for (auto& [key, announce] : news) {
      Unsaved& one = unsaved[key];
      one.announce = one.announce || announce;
    }
    return unsaved.size();
  });
  if (count == 0) return {};
  return writer_->write([this](Turn& turn) { return save_observed(turn); },
                        count > kGroupRowsMax ? Writer::Sharing::alone : Writer::Sharing::grouped);
}

Result<> Store::Impl::save_observed(Turn& turn) {
  const auto unsaved = unsaved_.with([](const auto& map) { return map; });
  const Snapshot now = snapshot();
  std::vector<std::pair<ObjectKey, Observed>> saved;
  for (const auto& [key, one] : unsaved) {
    const auto& [kind, name] = key;
    const auto resource = std::as_const(head_).of(kind).find(name);
    if (resource == head_.of(kind).end()) continue;  // deleted meanwhile
    const auto of_kind = now.observed.find(kind);
    if (of_kind == now.observed.end() || !of_kind->second.contains(name)) continue;
    const Observed& row = of_kind->second.at(name);
    if (auto written = write_observed(turn.database, row); !written) return written;
    if (one.announce) {
      std::string type = noun_of(kind) + '.' + std::string(name_of(row.state));
      type[noun_of(kind).size() + 1] |= 0x20;  // "binding.bound"
      if (auto noted = events.append(turn, {.type = std::move(type),
                                            .kind = std::string(name_of(kind)),
                                            .name = name,
                                            .uid = resource->second.metadata.uid,
                                            .labels = resource->second.metadata.labels,
                                            .resource_version = resource->second.metadata.resource_version,
                                            .reason = row.reason,
                                            .message = row.message,
                                            .actor = the_daemon()});
          !noted)
        return noted;
    }
    saved.emplace_back(key, row);
  }
  turn.after_commit.emplace_back([this, saved = std::move(saved)] {
    const Snapshot current = snapshot();
    unsaved_.with([&](auto& map) {
      for (const auto& [key, row] : saved) {  // unless it was seen anew since
        const auto of_kind = current.observed.find(key.first);
        if (of_kind == current.observed.end() || !of_kind->second.contains(key.second) ||
            of_kind->second.at(key.second) == row)
          map.erase(key);
      }
    });
  });
  return {};
}

// One warning a policy that has rules in mode warn which, in force, would deny bindings.
void Store::Impl::warn_of_trials() {
  const std::lock_guard lock(trials_);
  std::map<std::string, std::string> known;  // policy -> what is told
  for (const Warning& warning : warnings.list())
    if (warning.type == kTrialDenial && warning.status != Warning::Status::resolved)
      known.emplace(warning.name, warning.message);
  for (const auto& [policy, trials] : trials_of(*desired())) {
    const std::string more = trials.count > kTrialsNamedMax
                                 ? fmt::format(" and {} more", trials.count - kTrialsNamedMax)
                                 : std::string();
    const std::string message =
        fmt::format("in force, rules on trial would deny {} binding{}: {}{}", trials.count,
                    trials.count == 1 ? "" : "s", trials.named, more);
    const auto told = known.find(policy);
    if (told == known.end() || told->second != message)
      warnings.note({.type = kTrialDenial, .kind = "AccessPolicy", .name = policy, .message = message});
    if (told != known.end()) known.erase(told);
  }
  for (const auto& [policy, message] : known) warnings.clear(kTrialDenial, "AccessPolicy", policy);
}

// In memory at once: readers see it while nothing can be written.
void Store::Impl::warn_of_disk(const Error& error) {
  const char* type = error.code == ErrorCode::exhausted ? kDiskFull : kStoreReadOnly;
  const std::string name = connections_.file().filename().string();
  if (!disk_trouble_.empty() && disk_trouble_ != type) warnings.clear(disk_trouble_, "Database", name);
  disk_trouble_ = type;
  warnings.note({.type = type,
                 .kind = "Database",
                 .name = name,
                 .severity = Warning::Severity::high,
                 .message = fmt::format("nothing can be written: {}; reads and what is served go on",
                                        error.message)});
}

Result<> Store::Impl::tidy(Turn& turn) {
  if (!loaded_)
    if (auto done = load(turn); !done) return done;
  // The warning itself is among what is not written yet: its row shows that the disk takes writes.
  if (!disk_trouble_.empty())
    turn.after_commit.emplace_back([this] {
      warnings.clear(std::exchange(disk_trouble_, {}), "Database", connections_.file().filename().string());
    });
  if (auto done = operations.tidy(turn); !done) return done;
  if (auto done = warnings.tidy(turn); !done) return done;
  if (clock_.now() - trimmed_ < kTrimPause) return {};
  trimmed_ = clock_.now();
  if (auto done = tokens.tidy(turn); !done) return done;
  if (auto done = events.trim(turn); !done) return done;
  if (auto done = AuditLog::trim(turn); !done) return done;
  if (auto done = DecisionLog::trim(turn); !done) return done;
  if (auto done = PolicyHistory::trim(turn); !done) return done;
  return IdempotencyTable::trim(turn);
}

Result<Backup> Store::Impl::backup(const BackupLook& look) {
  if (!connections_.reads_beside())
    return fail(ErrorCode::unavailable, "a database in memory has no backups");
  auto reader = open_reader(connections_.file());
  if (!reader) return fail(std::move(reader.error()));
  return make_backup(*reader, connections_.file(), clock_, look);
}

Result<std::vector<Finding>> Store::Impl::doctor() {
  std::vector<Finding> findings;
  // On the writer's thread: nothing changes between what is read and what is compared with it.
  const auto examined = writer_->run([&]() -> Result<> {
    const auto database = connections_.writable(desired()->resource_version);
    if (!database) return fail(database.error());
    auto found = examine(**database);
    if (!found) return fail(std::move(found.error()));
    findings = std::move(*found);
    std::vector<Spoiled> spoiled;
    const auto stored = read_desired(**database, spoiled);
    if (!stored) return fail(stored.error());
    Finding drift{"drift", true, "what is served is what is stored"};
    for (const Kind kind : kKinds) {
      const auto& served = desired()->of(kind);
      const bool same = std::equal(served.begin(), served.end(), stored->of(kind).begin(), stored->of(kind).end(),
                                   [](const auto& left, const auto& right) {
                                     return left.first == right.first && left.second.spec == right.second.spec &&
                                            left.second.metadata.uid == right.second.metadata.uid &&
                                            left.second.metadata.resource_version == right.second.metadata.resource_version;
                                   });
      if (!same)
        drift = {"drift", false,
                 fmt::format("{} in the database are not those that are served: start vsmgrd again",
                             plural_of(kind))};
    }
    findings.push_back(std::move(drift));
    return {};
  });
  if (!examined) return fail(examined.error());
  return findings;
}

}  // namespace vs
