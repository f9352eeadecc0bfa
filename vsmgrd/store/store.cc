#include "vsmgrd/store/store.h"

#include <algorithm>
#include <atomic>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "base/log.h"
#include "vsmgrd/model/codec.h"
#include "vsmgrd/store/commit.h"
#include "vsmgrd/store/store_impl.h"

namespace vs {
namespace {

constexpr const char* kBadObject = "BadObject";  // type of warnings

// What all bindings may have to be decided anew for writes many rows.
Writer::Sharing sharing_of(Kind kind) {
  const bool many = kind == Kind::access_policy || kind == Kind::sharing_policy || kind == Kind::service;
  return many ? Writer::Sharing::alone : Writer::Sharing::grouped;
}

}  // namespace

std::string_view name_of(Action action) {
  switch (action) {
    case Action::created: return "created";
    case Action::updated: return "updated";
    case Action::unchanged: return "unchanged";
    case Action::deleted: return "deleted";
  }
  __builtin_unreachable();
}

View Snapshot::view_of(const Resource& resource) const {
  View view{.resource = resource};
  const std::string& name = resource.metadata.name;
  if (const auto kind = observed.find(resource.kind()); kind != observed.end())
    if (const auto found = kind->second.find(name); found != kind->second.end())
      view.observed = found->second;
  if (resource.kind() == Kind::binding)
    if (const auto found = desired->decisions.find(name); found != desired->decisions.end())
      view.decision = found->second;
  return view;
}

std::optional<View> Snapshot::view(Kind kind, std::string_view name) const {
  const auto found = desired->of(kind).find(name);
  if (found == desired->of(kind).end()) return std::nullopt;
  return view_of(found->second);
}

Result<> Store::Impl::open() {
  auto contents = connections_.open();
  if (!contents) return fail(std::move(contents.error()));
  head_ = std::move(contents->desired);
  for (const Spoiled& one : contents->spoiled)
    if (const auto kind = kind_named(one.kind)) spoiled_.emplace(*kind, one.name);
  published_.with([&](Snapshot& snapshot) {
    snapshot.desired = std::make_shared<const Desired>(head_);
    snapshot.observed = std::move(contents->observed);
  });
  writer_.emplace(
      clock_, Writer::Hooks{.database = [this] { return connections_.writable(desired()->resource_version); },
                            .undone = [this] { head_ = *desired(); },
                            .failed = [this](const Error& error) { warn_of_disk(error); },
                            .tidy = [this](Turn& turn) { return tidy(turn); }});
  const bool writable = connections_.is_writable();
  if (auto logs = read([this](Database& database) -> Result<> {
        if (auto loaded = events.load(database); !loaded) return loaded;
        if (auto loaded = tokens.load(database); !loaded) return loaded;
        return warnings.load(database);
      });
      !logs)
    return logs;
  if (writable) {
    if (auto loaded = write([this](Turn& turn) { return load(turn); }); !loaded) return loaded;
  } else {
    // Decisions may be those of another version of this program; they are written when they can be.
    Desired decided = head_;
    merge_decisions(decided, decide_(head_, {.all = true}));
    publish(std::move(decided), {}, events.newest());
    head_ = *desired();
  }
  warn_of(contents->spoiled);
  warn_of_trials();
  published_.with([&](Snapshot& snapshot) { snapshot.event_id = events.newest(); });
  return {};
}

void Store::Impl::warn_of(const std::vector<Spoiled>& spoiled) {
  for (const Spoiled& one : spoiled) {
    log::warn("store.object_left_out",
              {{"kind", one.kind}, {"name", one.name}, {"error", one.message}});
    [[maybe_unused]] const auto raised =
        warnings.raise({.type = kBadObject,
                        .kind = one.kind,
                        .name = one.name,
                        .severity = Warning::Severity::high,
                        .message = fmt::format("{} {} is left out: {}; apply it again, or restore a copy",
                                               one.kind, in_quotes(one.name), one.message)});
  }
  clear_mended(spoiled);
}

void Store::Impl::clear_mended(const std::vector<Spoiled>& spoiled) {
  const auto still = [&](const Warning& warning) {
    return std::any_of(spoiled.begin(), spoiled.end(),
                       [&](const Spoiled& one) { return one.kind == warning.kind && one.name == warning.name; });
  };
  for (const Warning& warning : warnings.list())
    if (warning.type == kBadObject && !still(warning)) warnings.clear(kBadObject, warning.kind, warning.name);
}

// What must be set right in a database that was opened.
Result<> Store::Impl::load(Turn& turn) {
  if (auto decided = decide_again(turn); !decided) return decided;
  if (auto orphans = operations.load(turn); !orphans) return orphans;
  loaded_ = true;
  return {};
}

// What is stored may be the decisions of another version of this program; and what schema 1 held of
// policies is in no history yet.
Result<> Store::Impl::decide_again(Turn& turn) {
  Transition transition{.next = head_};
  const auto decided = merge_decisions(transition.next, decide_(head_, {.all = true}));
  for (const Kind kind : {Kind::access_policy, Kind::sharing_policy})
    for (const auto& [name, resource] : head_.of(kind))
      if (head_.policy_generation == 0)
        transition.changes.push_back({.kind = kind, .name = name, .action = Action::created});
  transition.policies_changed = !transition.changes.empty();
  if (decided.empty() && !transition.policies_changed) return {};
  const auto changes = std::exchange(transition.changes, {});
  if (transition.policies_changed) {
    transition.next.policy_generation += 1;
    PolicyGeneration first{.generation = transition.next.policy_generation, .principal = "vsmgrd"};
    for (const Change& change : changes) first.changes.push_back({change.kind, change.name, "created"});
    if (auto begun = PolicyHistory::begin(turn, first, transition.next); !begun) return begun;
    transition.policies_changed = false;
  }
  Pace pace;
  if (auto done = write_transition(turn, head_, transition, decided, the_daemon(), pace); !done) return done;
  if (auto done = write_events(turn, events, head_, transition, decided, the_daemon(), pace); !done) return done;
  head_ = transition.next;
  turn.after_commit.emplace_back([this] { publish(head_, {}, events.newest()); });
  return {};
}

Result<> Store::Impl::read(const std::function<Result<>(Database&)>& read) {
  if (connections_.reads_beside()) return connections_.read(read);
  return writer_->run([&]() -> Result<> {
    const auto database = connections_.writable(0);
    if (!database) return fail(database.error());
    return read(**database);
  });
}

void Store::Impl::publish(Desired desired, const std::vector<ObjectKey>& deleted,
                          std::int64_t event_id) {
  auto next = std::make_shared<const Desired>(std::move(desired));
  published_.with([&](Snapshot& snapshot) {
    snapshot.desired = std::move(next);
    snapshot.event_id = std::max(snapshot.event_id, event_id);
    for (const auto& [kind, name] : deleted) snapshot.observed[kind].erase(name);
  });
  unsaved_.with([&](auto& unsaved) {
    for (const ObjectKey& key : deleted) unsaved.erase(key);
  });
}

Store::Store(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Store::~Store() = default;

Result<std::unique_ptr<Store>> Store::open(const std::filesystem::path& file, const Clock& clock,
                                           Decide decide) {
  auto impl = std::make_unique<Impl>(file, clock, std::move(decide));
  if (auto opened = impl->open(); !opened) return fail(std::move(opened.error()));
  return std::unique_ptr<Store>(new Store(std::move(impl)));
}

Checked<ApplyOutcome> Store::apply(std::vector<Resource> resources, WriteOptions options) {
  const bool many = resources.size() > kGroupRowsMax || options.prune;
  return impl_->change(
      [&](const Desired& before, const Birth& birth) {
        return plan_apply(before, resources, birth, options.prune, options.sees);
      },
      options, many ? Writer::Sharing::alone : Writer::Sharing::grouped);
}

Checked<ApplyOutcome> Store::put(Resource resource, Precondition precondition,
                                 WriteOptions options) {
  const Writer::Sharing sharing = sharing_of(resource.kind());
  return impl_->change(
      [&](const Desired& before, const Birth& birth) {
        return plan_put(before, resource, precondition, birth, options.sees);
      },
      options, sharing);
}

Checked<ApplyOutcome> Store::remove(Kind kind, std::string_view name, Precondition precondition,
                                    WriteOptions options) {
  return impl_->change(
      [&](const Desired& before, const Birth&) {
        return plan_remove(before, kind, name, precondition, options.sees);
      },
      options, sharing_of(kind));
}

Snapshot Store::snapshot() const { return impl_->snapshot(); }

Result<View> Store::get(Kind kind, std::string_view name) const {
  if (auto view = snapshot().view(kind, name)) return std::move(*view);
  return fail(ErrorCode::not_found,
              fmt::format("{} {} does not exist", name_of(kind), in_quotes(name)));
}

Result<std::vector<View>> Store::list(Kind kind) const {
  const Snapshot now = snapshot();
  std::vector<View> views;
  views.reserve(now.desired->of(kind).size());
  for (const auto& [name, resource] : now.desired->of(kind)) views.push_back(now.view_of(resource));
  return views;
}

Result<Desired> Store::desired() const { return *impl_->desired(); }

Result<std::int64_t> Store::resource_version() const { return impl_->desired()->resource_version; }

Result<> Store::observe(const std::vector<Observed>& observed) { return impl_->observe(observed); }

void Store::on_commit(std::function<void()> callback) { impl_->on_commit(std::move(callback)); }

void Store::refuse_misfits(Misfits misfits) { impl_->refuse_misfits(std::move(misfits)); }

EventLog& Store::events() { return impl_->events; }
OperationLog& Store::operations() { return impl_->operations; }
AuditLog& Store::audit() { return impl_->audit; }
TokenTable& Store::tokens() { return impl_->tokens; }
IdempotencyTable& Store::idempotency() { return impl_->idempotency; }
WarningTable& Store::warnings() { return impl_->warnings; }
DecisionLog& Store::decisions() { return impl_->decisions; }
PolicyHistory& Store::policy_history() { return impl_->policy_history; }
Result<Backup> Store::backup(const BackupLook& look) { return impl_->backup(look); }
Result<std::vector<Backup>> Store::backups() const { return impl_->backups(); }
Result<std::vector<Finding>> Store::doctor() { return impl_->doctor(); }

}  // namespace vs
