#include "vsmgrd/store/operation_log.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

#include "vsmgrd/store/columns.h"
#include "vsmgrd/store/uuid.h"
#include "vsmgrd/store/writer.h"

namespace vs {
namespace {

using OperationState = Operation::State;

constexpr std::array kOperationStates{OperationState::running, OperationState::cancelling, OperationState::succeeded,
                                      OperationState::failed, OperationState::cancelled};
constexpr std::string_view kUpsertOperation =
    "INSERT OR REPLACE INTO operation (id, number, kind, state, phase, done, total, unit, "
    "cancellable, cancel_until, cancel_requested, resources, labels, principal, role, channel, "
    "request_id, created_at, updated_at, finished_at, deadline, reason, message, result) VALUES "
    "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
constexpr std::string_view kSelectOperations =
    "SELECT id, number, kind, state, phase, done, total, unit, cancellable, cancel_until, "
    "cancel_requested, resources, labels, principal, role, channel, request_id, created_at, "
    "updated_at, finished_at, deadline, reason, message, result FROM operation ";

OperationState operation_state_of(std::string_view name) {
  for (const OperationState state : kOperationStates)
    if (name_of(state) == name) return state;
  return OperationState::failed;
}

Operation operation_in(const Statement& row) {
  return {.id = text_in(row, 0),
          .number = row.integer(1),
          .kind = text_in(row, 2),
          .state = operation_state_of(row.text(3)),
          .phase = text_in(row, 4),
          .done = static_cast<std::uint64_t>(row.integer(5)),
          .total = static_cast<std::uint64_t>(row.integer(6)),
          .unit = text_in(row, 7),
          .cancellable = row.integer(8) != 0,
          .cancel_until = text_in(row, 9),
          .cancel_requested = row.integer(10) != 0,
          .resources = decode_texts(row.text(11)).value_or(std::vector<std::string>()),
          .labels = decode_labels(row.text(12)).value_or(Labels()),
          .requestor = actor_in(row, 13),
          .created_at = time_in(row, 17),
          .updated_at = time_in(row, 18),
          .finished_at = time_or_none(row, 19),
          .deadline = time_or_none(row, 20),
          .reason = text_in(row, 21),
          .message = text_in(row, 22),
          .result = text_in(row, 23)};
}

Result<std::vector<Operation>> read_operations(Database& database, const std::string& where) {
  std::vector<Operation> operations;
  const auto read = for_each_row(database, std::string(kSelectOperations) + where,
                                 [&](const Statement& row) -> Result<> {
                                   operations.push_back(operation_in(row));
                                   return {};
                                 });
  if (!read) return fail(read.error());
  return operations;
}

Operation ended_as(Operation operation, const OperationLog::End& end, WallTime now) {
  operation.state = end.state;
  operation.reason = end.reason;
  operation.message = end.message;
  operation.result = end.result;
  operation.cancellable = false;
  operation.updated_at = now;
  operation.finished_at = now;
  return operation;
}

tl::unexpected<Error> no_operation(const std::string& id) {
  return fail(ErrorCode::not_found, fmt::format("operation {} does not exist", in_quotes(id)));
}

}  // namespace

std::string_view name_of(Operation::State state) {
  switch (state) {
    case OperationState::running: return "running";
    case OperationState::cancelling: return "cancelling";
    case OperationState::succeeded: return "succeeded";
    case OperationState::failed: return "failed";
    case OperationState::cancelled: return "cancelled";
  }
  __builtin_unreachable();
}

bool has_ended(Operation::State state) {
  return state != OperationState::running && state != OperationState::cancelling;
}

std::optional<Operation> OperationLog::in_memory(const std::string& id) const {
  const std::lock_guard lock(mutex_);
  const auto found = running_.find(id);
  if (found == running_.end()) return std::nullopt;
  return found->second;
}

std::optional<Operation> OperationLog::running(const std::string& id) const {
  auto operation = in_memory(id);
  if (operation && has_ended(operation->state)) return std::nullopt;
  return operation;
}

void OperationLog::end_in_memory(Operation ended) {
  {
    const std::lock_guard lock(mutex_);
    running_[ended.id] = std::move(ended);
  }
  changed_.notify_all();
}

void OperationLog::keep(const Operation& operation) {
  {
    const std::lock_guard lock(mutex_);
    if (has_ended(operation.state)) {
      running_.erase(operation.id);
      written_.erase(operation.id);
    } else {
      running_[operation.id] = operation;
      written_[operation.id] = std::chrono::steady_clock::now();
    }
  }
  changed_.notify_all();
}

Result<> OperationLog::save(Turn& turn, const Operation& operation, const std::string& event,
                            const Actor& actor) {
  Operation kept = operation;
  if (kept.result.size() > kOperationResultBytesMax) kept.result = kResultOmitted;
  const Operation& o = kept;
  if (o.result.size() > kLargeResultBytes)
    if (auto made_room = turn.database.execute(
            "UPDATE operation SET result = ? WHERE number IN (SELECT number FROM operation WHERE "
            "length(CAST(result AS BLOB)) > ? ORDER BY number DESC LIMIT -1 OFFSET ?)",
            kResultOmitted, static_cast<std::int64_t>(kLargeResultBytes), kLargeResultsMax - 1);
        !made_room)
      return made_room;
  if (auto written = turn.database.execute(
          kUpsertOperation, o.id, o.number, o.kind, name_of(o.state), o.phase,
          static_cast<std::int64_t>(o.done), static_cast<std::int64_t>(o.total), o.unit,
          std::int64_t{o.cancellable}, o.cancel_until, std::int64_t{o.cancel_requested},
          encode_texts(o.resources), encode_labels(o.labels), o.requestor.principal,
          o.requestor.role, o.requestor.channel, o.requestor.request_id,
          format_time(o.created_at), format_time(o.updated_at), encode_time(o.finished_at),
          encode_time(o.deadline), o.reason, o.message, o.result);
      !written)
    return written;
  turn.after_commit.emplace_back([this, kept] { keep(kept); });
  if (event.empty()) return {};
  return events_.append(turn, {.type = "operation." + event,
                               .kind = "Operation",
                               .name = o.id,
                               .labels = o.labels,
                               .reason = o.reason.empty() ? o.phase : o.reason,
                               .message = o.message,
                               .actor = actor});
}

Result<Operation> OperationLog::begin(Start start, const Once& once) {
  {
    const std::lock_guard lock(mutex_);
    if (running_.size() >= kOperationsRunningMax)
      return fail(ErrorCode::exhausted,
                  fmt::format("{} operations run already: wait for one to end", running_.size()));
  }
  Operation operation{.id = make_uuid(),
                      .kind = std::move(start.kind),
                      .phase = std::move(start.phase),
                      .cancellable = start.cancellable,
                      .cancel_until = std::move(start.cancel_until),
                      .resources = std::move(start.resources),
                      .labels = std::move(start.labels),
                      .requestor = std::move(start.actor)};
  const auto begun = ledger_.write_alone([&](Turn& turn) -> Result<> {
    const auto last = turn.database.integer("SELECT max(number) FROM operation");
    if (!last) return fail(last.error());
    operation.number = *last + 1;
    operation.created_at = operation.updated_at = turn.now;
    if (start.deadline) operation.deadline = turn.now + *start.deadline;
    if (auto kept = IdempotencyTable::record(turn, once, operation); !kept) return kept;
    return save(turn, operation, "started", operation.requestor);
  });
  if (!begun) return fail(begun.error());
  return operation;
}

Result<Operation> OperationLog::finish(const std::string& id, End end) {
  Operation ended;
  const auto written = ledger_.write_alone([&](Turn& turn) -> Result<> {
    auto operation = running(id);
    if (!operation)
      return fail(ErrorCode::conflict, fmt::format("operation {} has ended", in_quotes(id)));
    ended = ended_as(std::move(*operation), end, turn.now);
    return save(turn, ended, std::string(name_of(ended.state)), ended.requestor);
  });
  if (written) return ended;
  if (const auto operation = running(id))  // nothing can be written: tidy() does it when it can be
    end_in_memory(ended_as(*operation, end, operation->updated_at));
  return fail(written.error());
}

std::size_t OperationLog::count_running() const {
  const std::lock_guard lock(mutex_);
  return static_cast<std::size_t>(std::count_if(running_.begin(), running_.end(), [](const auto& entry) {
    return !has_ended(entry.second.state);
  }));
}

Result<Operation> OperationLog::get(const std::string& id) const {
  if (auto operation = in_memory(id)) return std::move(*operation);
  std::optional<Operation> found;
  const auto read = ledger_.read([&](Database& database) {
    return for_each_row(
        database, std::string(kSelectOperations) + "WHERE id = ?",
        [&](const Statement& row) -> Result<> {
          found = operation_in(row);
          return {};
        },
        id);
  });
  if (!read) return fail(read.error());
  if (!found) return no_operation(id);
  return std::move(*found);
}

Result<std::vector<Operation>> OperationLog::list(const Query& query) const {
  std::vector<Operation> operations;
  std::string sql(kSelectOperations);
  sql.replace(sql.find("result FROM"), 6, "CASE WHEN length(CAST(result AS BLOB)) > ?4 THEN ?5 ELSE result END");
  sql +=
      "WHERE (?1 = 0 OR number < ?1) AND (?2 = 0 OR state IN ('running', 'cancelling')) "
      "ORDER BY number DESC LIMIT ?3";
  const auto read = ledger_.read([&](Database& database) {
    return for_each_row(
        database, sql,
        [&](const Statement& row) -> Result<> {
          operations.push_back(operation_in(row));
          return {};
        },
        query.before, std::int64_t{query.running_only},
        static_cast<std::int64_t>(std::min(query.limit, kOperationPageMax)), kListedResultBytesMax,
        kResultOmitted);
  });
  if (!read) return fail(read.error());
  for (Operation& operation : operations)
    if (auto newer = in_memory(operation.id)) operation = std::move(*newer);
  return operations;
}

Result<Operation> OperationLog::wait(const std::string& id,
                                     std::chrono::milliseconds patience) const {
  {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, patience, [&] {
      const auto found = running_.find(id);
      return found == running_.end() || has_ended(found->second.state);
    });
  }
  return get(id);
}

Result<> OperationLog::load(Turn& turn) {
  auto left = read_operations(turn.database, "WHERE state IN ('running', 'cancelling')");
  if (!left) return fail(left.error());
  const End cut_off{
      .state = OperationState::failed, .reason = "DaemonRestart", .message = "vsmgrd ended before it did"};
  for (Operation& operation : *left)
    if (auto saved = save(turn, ended_as(std::move(operation), cut_off, turn.now), "failed", the_daemon()); !saved)
      return saved;
  return {};
}

Result<> OperationLog::tidy(Turn& turn) {
  std::vector<Operation> overdue;
  std::vector<Operation> unwritten;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [id, operation] : running_)
      if (has_ended(operation.state))
        unwritten.push_back(operation);
      else if (operation.deadline && *operation.deadline <= turn.now)
        overdue.push_back(operation);
  }
  for (Operation& operation : unwritten) {
    operation.updated_at = turn.now;
    operation.finished_at = turn.now;
    if (auto saved = save(turn, operation, std::string(name_of(operation.state)), operation.requestor); !saved)
      return saved;
  }
  for (Operation& operation : overdue) {
    const End late{.state = OperationState::failed,
                   .reason = "DeadlineExceeded",
                   .message = "it had not ended by " + format_time(*operation.deadline)};
    if (auto saved = save(turn, ended_as(std::move(operation), late, turn.now), "failed", the_daemon()); !saved)
      return saved;
  }
  const std::string too_old = format_time(turn.now - kOperationAgeMax);
  return turn.database.execute(
      "DELETE FROM operation WHERE state NOT IN ('running', 'cancelling') AND (finished_at < ? OR "
      "number <= (SELECT max(number) FROM operation) - ?)",
      std::string_view(too_old), kOperationsMax);
}

}  // namespace vs
