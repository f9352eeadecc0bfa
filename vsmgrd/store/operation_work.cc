// What an operation's work and those who would stop it say to each other.
#include <utility>

#include <fmt/format.h>

#include "vsmgrd/store/operation_log.h"
#include "vsmgrd/store/writer.h"

namespace vs {
namespace {

tl::unexpected<Error> has_ended_already(const std::string& id) {
  return fail(ErrorCode::conflict, fmt::format("operation {} has ended", in_quotes(id)));
}

void take(Operation& operation, OperationLog::Progress& progress) {
  operation.phase = std::move(progress.phase);
  operation.done = progress.done;
  operation.total = progress.total;
  operation.unit = std::move(progress.unit);
  operation.cancellable = progress.cancellable;
}

}  // namespace

Result<> OperationLog::progress(const std::string& id, Progress progress) {
  Operation now;
  {
    const std::lock_guard lock(mutex_);
    const auto found = running_.find(id);
    if (found == running_.end() || has_ended(found->second.state)) return has_ended_already(id);
    Operation& operation = found->second;
    const bool same_phase = operation.phase == progress.phase;
    take(operation, progress);
    if (same_phase && std::chrono::steady_clock::now() - written_[id] < kProgressPause) {
      changed_.notify_all();
      return {};
    }
    now = operation;
  }
  return ledger_.write_alone([&](Turn& turn) -> Result<> {
    const auto still = running(id);
    if (!still) return has_ended_already(id);
    now.state = still->state;  // somebody may have asked for its end meanwhile
    now.cancel_requested = still->cancel_requested;
    now.updated_at = turn.now;
    return save(turn, now, "progressed", now.requestor);
  });
}

bool OperationLog::advance(const std::string& id, Progress progress, WallTime now) {
  const std::lock_guard lock(mutex_);
  const auto found = running_.find(id);
  if (found == running_.end() || has_ended(found->second.state)) return false;
  Operation& operation = found->second;
  if (operation.cancel_requested || (operation.deadline && *operation.deadline <= now)) return false;
  take(operation, progress);
  operation.updated_at = std::max(operation.updated_at, now);
  return true;
}

Result<> OperationLog::conclude(Turn& turn, const std::string& id, const End& end) {
  Operation ended;
  {
    const std::lock_guard lock(mutex_);
    const auto found = running_.find(id);
    if (found == running_.end() || has_ended(found->second.state)) return has_ended_already(id);
    Operation& operation = found->second;
    if (operation.cancel_requested)
      return fail(ErrorCode::conflict, fmt::format("operation {} is to stop", in_quotes(id)));
    operation.cancellable = false;
    operation.phase = "committing";
    ended = operation;
  }
  ended.state = Operation::State::succeeded;
  ended.reason = end.reason;
  ended.message = end.message;
  ended.result = end.result;
  ended.done = ended.total;
  ended.updated_at = turn.now;
  ended.finished_at = turn.now;
  return save(turn, ended, "succeeded", ended.requestor);
}

bool OperationLog::cancel_requested(const std::string& id) const {
  const auto operation = running(id);
  return !operation || operation->cancel_requested;
}

Result<Operation> OperationLog::request_cancel(const std::string& id, const Actor& actor, const Once& once) {
  if (const auto known = get(id); !known) return known;
  bool first = false;
  Operation asked;
  {
    const std::lock_guard lock(mutex_);
    const auto found = running_.find(id);
    if (found == running_.end() || has_ended(found->second.state)) return has_ended_already(id);
    Operation& operation = found->second;
    first = !operation.cancel_requested;
    if (first && !operation.cancellable)
      return fail(ErrorCode::conflict,
                  fmt::format("operation {} can no longer be cancelled (phase {})", in_quotes(id),
                              operation.phase.empty() ? "unknown" : operation.phase));
    operation.cancel_requested = true;
    operation.state = Operation::State::cancelling;
    asked = operation;
  }
  changed_.notify_all();
  const auto written = ledger_.write_alone([&](Turn& turn) -> Result<> {
    if (auto kept = IdempotencyTable::record(turn, once, asked); !kept) return kept;
    const auto still = running(id);
    if (!first || !still) return {};  // it heard, and has ended
    asked = *still;
    asked.updated_at = turn.now;
    return save(turn, asked, "cancelling", actor);
  });
  if (!written) return fail(written.error());
  return asked;
}

}  // namespace vs
