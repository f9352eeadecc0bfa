// The store's inside: what its two source files share.
//
// See store.h. Members that say so belong to the writer's thread; the rest is Guarded or does not change.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/guarded.h"
#include "vsmgrd/store/commit.h"
#include "vsmgrd/store/connections.h"
#include "vsmgrd/store/counts.h"
#include "vsmgrd/store/store.h"
#include "vsmgrd/store/transition.h"
#include "vsmgrd/store/uuid.h"
#include "vsmgrd/store/writer.h"

namespace vs {

inline constexpr const char* kDiskFull = "DiskFull";  // types of warnings
inline constexpr const char* kStoreReadOnly = "StoreReadOnly";

// As the database keeps it.
inline WallTime milliseconds_of(WallTime time) {
  return std::chrono::floor<std::chrono::milliseconds>(time);
}

// What is published is what is durable; all reads are from there: they neither wait for a disk nor
// fail with it. `head_` is what the works of the running transaction came to.
class Store::Impl final : public Ledger {
 public:
  Impl(std::filesystem::path file, const Clock& clock, Decide decide)
      : connections_(std::move(file), clock),
        clock_(clock),
        decide_(std::move(decide)),
        events(*this),
        operations(*this, events),
        audit(*this),
        tokens(*this, events, clock),
        idempotency(*this),
        warnings(*this, events, clock),
        decisions(*this),
        policy_history(*this),
        sla(*this),
        handoffs(*this) {}

  Result<> open();

  Result<> write(const Writer::Work& work) override { return writer_->write(work); }
  Result<> write_alone(const Writer::Work& work) override {
    return writer_->write(work, Writer::Sharing::alone);
  }
  Result<> read(const std::function<Result<>(Database&)>& read) override;

  using Plan = std::function<Checked<Transition>(const Desired& before, const Birth& birth)>;
  Checked<ApplyOutcome> change(const Plan& plan, const WriteOptions& options,
                               Writer::Sharing sharing = Writer::Sharing::grouped);
  Result<> observe(const std::vector<Observed>& observed);
  Result<Backup> backup(const BackupLook& look);
  Result<std::vector<Backup>> backups() const { return list_backups(connections_.file()); }
  Result<std::vector<Finding>> doctor();
  [[nodiscard]] std::vector<Sample> samples() const;

  [[nodiscard]] Snapshot snapshot() const {
    return published_.with([](const Snapshot& snapshot) { return snapshot; });
  }
  [[nodiscard]] std::shared_ptr<const Desired> desired() const {
    return published_.with([](const Snapshot& snapshot) { return snapshot.desired; });
  }
  void on_commit(std::function<void()> callback) { on_commit_ = std::move(callback); }
  void refuse_misfits(Misfits misfits) { misfits_ = std::move(misfits); }

 private:
  // What one change came to.
  struct Draft {
    ApplyOutcome outcome;
    std::optional<Refusal> refusal;
    bool trials = false;  // what rules on trial would deny may differ
  };
  struct Unsaved {
    bool announce = false;  // its state is a new one
  };

  Result<> go_on(const WriteOptions& options, Draft& draft, OperationLog::Progress progress);
  Pace pace_of(const WriteOptions& options, Draft& draft, std::uint64_t rows);
  Result<> conclude(Turn& turn, const WriteOptions& options, Draft& draft);
  Result<Draft> draft(Turn& turn, const Plan& plan, const WriteOptions& options);
  Checked<ApplyOutcome> without_a_disk(const Plan& plan, const WriteOptions& options, Error error);
  Result<bool> answer_again(Turn& turn, const Once& once, Draft& draft);
  Result<> decide_again(Turn& turn);
  Result<> load(Turn& turn);
  Result<> tidy(Turn& turn);
  Result<> save_observed(Turn& turn);
  Result<> reload(Database& database);
  void warn_of(const std::vector<Spoiled>& spoiled);
  void clear_mended(const std::vector<Spoiled>& spoiled);
  void warn_of_trials();
  void warn_of_disk(const Error& error);
  void publish(Desired desired, const std::vector<ObjectKey>& deleted, std::int64_t event_id);
  [[nodiscard]] Birth birth() const { return {milliseconds_of(clock_.wall()), make_uuid}; }

  Connections connections_;
  const Clock& clock_;
  const Decide decide_;
  std::function<void()> on_commit_;
  Misfits misfits_;
  Guarded<Snapshot> published_;
  VerdictCounts verdicts_;

  // Of the writer's thread.
  Desired head_;
  bool loaded_ = false;
  std::chrono::steady_clock::time_point trimmed_{};
  std::set<ObjectKey> spoiled_;
  std::string disk_trouble_;  // type of the warning that tells of it; empty: none

  std::mutex trials_;  // held while their warnings are compared with what is
  Guarded<std::map<ObjectKey, Unsaved>> unsaved_;  // observed, and not in the database yet

 public:
  EventLog events;
  OperationLog operations;
  AuditLog audit;
  TokenTable tokens;
  IdempotencyTable idempotency;
  WarningTable warnings;
  DecisionLog decisions;
  PolicyHistory policy_history;
  SlaTable sla;
  HandoffTable handoffs;

 private:
  std::optional<Writer> writer_;  // last: it ends first
};

}  // namespace vs
