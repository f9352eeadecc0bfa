// How the store makes a change: planned, decided, checked and written in one transaction.
#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "base/log.h"
#include "vsmgrd/model/codec.h"
#include "vsmgrd/store/commit.h"
#include "vsmgrd/store/objections.h"
#include "vsmgrd/store/store_impl.h"

namespace vs {
namespace {

bool is_idle(const Transition& transition, const std::map<std::string, Decision>& decisions) {
  return transition.written.empty() && transition.deleted.empty() && decisions.empty();
}

}  // namespace

// Whether this was done before; then the draft is the answer of then.
Result<bool> Store::Impl::answer_again(Turn& turn, const Once& once, Draft& draft) {
  auto found = IdempotencyTable::find(turn.database, once.key.principal, once.key.key);
  if (!found) return fail(std::move(found.error()));
  if (!*found) return false;
  if ((*found)->fingerprint != once.key.fingerprint)
    draft.refusal = Refusal{{ErrorCode::invalid,
                             fmt::format("key {} came with another request before: take a new one",
                                         in_quotes(once.key.key))},
                            {},
                            "key_reused"};
  else
    draft.outcome.replayed = std::move((*found)->reply);
  return true;
}

// Whether work on an operation may go on; else the draft says why not.
Result<> Store::Impl::go_on(const WriteOptions& options, Draft& draft, OperationLog::Progress progress) {
  if (!options.operation || options.dry_run || operations.advance(options.operation->id, std::move(progress), clock_.wall()))
    return {};
  Error error{ErrorCode::conflict, "nothing was changed: the operation was stopped before its end"};
  draft.refusal = Refusal{error, {}, std::string(kStopped)};
  return fail(std::move(error));
}

Pace Store::Impl::pace_of(const WriteOptions& options, Draft& draft, std::uint64_t rows) {
  if (!options.operation || options.dry_run) return {};
  return Pace([this, &options, &draft, rows](std::uint64_t done) {
    return go_on(options, draft, {.phase = "writing", .done = done, .total = rows, .unit = "rows", .cancellable = true});
  });
}

// The end of the operation is part of the change.
Result<> Store::Impl::conclude(Turn& turn, const WriteOptions& options, Draft& draft) {
  if (!options.operation) return {};
  auto concluded = operations.conclude(
      turn, options.operation->id,
      {.reason = "Applied", .message = "all of it was done", .result = options.operation->result(draft.outcome)});
  if (concluded || concluded.error().code != ErrorCode::conflict) return concluded;
  draft.refusal = Refusal{{ErrorCode::conflict, "nothing was changed: the operation was stopped before its end"},
                          {},
                          std::string(kStopped)};
  return {};
}

Result<Store::Impl::Draft> Store::Impl::draft(Turn& turn, const Plan& plan,
                                              const WriteOptions& options) {
  Draft draft;
  if (options.once && !options.dry_run) {
    const auto again = answer_again(turn, *options.once, draft);
    if (!again) return fail(again.error());
    if (*again) return draft;
  }
  if (auto on = go_on(options, draft, {.phase = "planning", .cancellable = true}); !on) return draft;
  auto transition = plan(head_, {turn.now, make_uuid});
  if (!transition) {
    draft.refusal = std::move(transition.error());
    return draft;
  }
  const auto decided = merge_decisions(transition->next, decide_(transition->next, transition->affected));
  if (auto objection = objection_to(*transition, options)) {
    draft.refusal = std::move(*objection);
    return draft;
  }
  if (auto misfits = misfits_ ? misfits_(head_, transition->next) : std::vector<Problem>(); !misfits.empty()) {
    draft.refusal = misfit_of(std::move(misfits));
    return draft;
  }
  draft.trials = touches_trials(head_, *transition, decided);
  ApplyOutcome& outcome = draft.outcome;
  outcome = {.changes = transition->changes,
             .decisions_changed = changed_verdicts(head_, decided),
             .resource_version = transition->next.resource_version};
  turn.after_commit.emplace_back([this, verdicts = outcome.decisions_changed] {
    for (const auto& [binding, verdict] : verdicts) verdicts_.count(verdict);
  });
  if (options.sees)
    std::erase_if(outcome.decisions_changed, [&](const auto& entry) {
      return !options.sees(std::as_const(transition->next.bindings).at(entry.first));
    });
  if (!is_idle(*transition, decided)) {
    Pace pace = pace_of(options, draft, rows_of(*transition, decided));
    const auto stopped = [&](Error error) -> Result<Draft> {
      if (draft.refusal) return std::move(draft);
      return fail(std::move(error));
    };
    if (auto done = write_transition(turn, head_, *transition, decided, options.actor, pace); !done)
      return stopped(std::move(done.error()));
    // Readers see the change before they see its events.
    auto event_id = std::make_shared<std::int64_t>(0);
    turn.after_commit.emplace_back([this, next = transition->next, deleted = transition->deleted, event_id] {
      publish(next, deleted, *event_id);
    });
    if (auto done = write_events(turn, events, head_, *transition, decided, options.actor, pace); !done)
      return stopped(std::move(done.error()));
    const auto last = turn.database.integer("SELECT seq FROM sqlite_sequence WHERE name = 'event'");
    if (!last) return fail(last.error());
    *event_id = outcome.event_id = *last;
    const bool heals = std::any_of(transition->written.begin(), transition->written.end(),
                                   [&](const ObjectKey& key) { return spoiled_.contains(key); });
    if (heals && !options.dry_run)
      turn.after_commit.emplace_back([this, &database = turn.database] {
        if (auto done = reload(database); !done)
          log::error("store.not_reloaded", {{"error", done.error()}});
      });
  }
  if (options.dry_run) {
    outcome.event_id = 0;
    return draft;
  }
  if (auto kept = IdempotencyTable::record(turn, options.once, outcome); !kept)
    return fail(std::move(kept.error()));
  if (auto concluded = conclude(turn, options, draft); !concluded) return fail(std::move(concluded.error()));
  if (!draft.refusal) head_ = std::move(transition->next);
  return draft;
}

// What is left out comes back with what it needed.
Result<> Store::Impl::reload(Database& database) {
  auto contents = read_contents(database);
  if (!contents) return fail(std::move(contents.error()));
  spoiled_.clear();
  for (const Spoiled& one : contents->spoiled)
    if (const auto kind = kind_named(one.kind)) spoiled_.emplace(*kind, one.name);
  head_ = std::move(contents->desired);
  publish(head_, {}, 0);
  clear_mended(contents->spoiled);
  return {};
}

Checked<ApplyOutcome> Store::Impl::change(const Plan& plan, const WriteOptions& options,
                                          Writer::Sharing sharing) {
  Draft done;
  const auto written = writer_->write(
      [&](Turn& turn) -> Result<> {
        auto drafted = draft(turn, plan, options);
        if (!drafted) return fail(std::move(drafted.error()));
        done = std::move(*drafted);
        if (done.refusal) return fail(done.refusal->error);
        return {};
      },
      options.dry_run ? Writer::Sharing::dry_run : sharing);
  if (done.refusal) return tl::unexpected(std::move(*done.refusal));
  if (!written) return without_a_disk(plan, options, written.error());
  const bool changed = !options.dry_run && !done.outcome.replayed &&
                       std::any_of(done.outcome.changes.begin(), done.outcome.changes.end(),
                                   [](const Change& change) { return change.action != Action::unchanged; });
  if (done.trials && !options.dry_run) warn_of_trials();
  if (changed && on_commit_) on_commit_();
  return std::move(done.outcome);
}

// Whoever is refused, or asks for what is so already, hears that also when nothing can be written.
Checked<ApplyOutcome> Store::Impl::without_a_disk(const Plan& plan, const WriteOptions& options,
                                                  Error error) {
  const auto before = desired();
  const auto transition = plan(*before, birth());
  if (!transition) return tl::unexpected(transition.error());
  if (auto objection = objection_to(*transition, options)) return tl::unexpected(std::move(*objection));
  if (auto misfits = misfits_ ? misfits_(*before, transition->next) : std::vector<Problem>(); !misfits.empty())
    return tl::unexpected(misfit_of(std::move(misfits)));
  const bool idle = transition->written.empty() && transition->deleted.empty() && !options.once;
  if (!idle) return refuse(std::move(error));
  return ApplyOutcome{.changes = transition->changes,
                      .resource_version = transition->next.resource_version};
}

}  // namespace vs
