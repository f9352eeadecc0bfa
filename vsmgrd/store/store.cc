#include "vsmgrd/store/store.h"

#include <algorithm>
#include <mutex>
#include <optional>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "base/guarded.h"
#include "base/log.h"
#include "vsmgrd/model/codec.h"
#include "vsmgrd/store/commit.h"
#include "vsmgrd/store/lock_file.h"
#include "vsmgrd/store/open.h"
#include "vsmgrd/store/transition.h"
#include "vsmgrd/store/uuid.h"

namespace vs {
namespace {

// As the database keeps it.
WallTime milliseconds_of(WallTime time) {
  return std::chrono::floor<std::chrono::milliseconds>(time);
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

// The database is written under `writing_` and mirrored in `state_`, which all reads are from: they
// neither wait for a disk nor fail with it. `state_` is locked last, and only to look or to swap.
class Store::Impl {
 public:
  Impl(std::filesystem::path file, const Clock& clock, Decide decide)
      : file_(std::move(file)), clock_(clock), decide_(std::move(decide)) {}

  Result<> open();

  using Plan = std::function<Checked<Transition>(const Desired& before)>;
  Checked<ApplyOutcome> change(const Plan& plan, WriteOptions options);
  Result<> observe(const std::vector<Observed>& observed);

  [[nodiscard]] std::shared_ptr<const Desired> desired() const {
    return state_.with([](const State& state) { return state.desired; });
  }
  [[nodiscard]] std::optional<View> view(Kind kind, const std::string& name) const;
  [[nodiscard]] std::vector<View> views(Kind kind) const;
  [[nodiscard]] Birth birth() const { return {milliseconds_of(clock_.wall()), make_uuid}; }
  void on_commit(std::function<void()> callback) { on_commit_ = std::move(callback); }

 private:
  struct State {
    std::shared_ptr<const Desired> desired;
    ObservedByKey observed;
  };

  Result<> lock();
  Result<> connect();
  Result<> decide_again();
  Result<> write(const Desired& before, const Transition& transition, bool dry_run);
  Result<> save_observed();
  void publish(Desired desired, const std::vector<ObjectKey>& deleted);
  static View view_of(const State& state, const Resource& resource);

  const std::filesystem::path file_;
  const Clock& clock_;
  const Decide decide_;
  std::function<void()> on_commit_;
  Guarded<State> state_;

  std::mutex writing_;  // guards what follows
  LockFile lock_;
  std::optional<Database> database_;  // nullopt while the file system takes no writes
  std::set<ObjectKey> unsaved_;       // observed, and not in the database yet
};

Result<> Store::Impl::lock() {
  if (file_ == kInMemory || lock_.fd) return {};
  auto lock = LockFile::acquire(file_.string() + ".lock");
  if (!lock) return fail(std::move(lock.error()));
  lock_ = std::move(*lock);
  return {};
}

Result<> Store::Impl::open() {
  if (auto locked = lock(); !locked) return locked;
  Result<Contents> contents;
  if (auto database = open_writable(file_, shipped_migrations(), clock_)) {
    database_ = std::move(*database);
    contents = read_contents(*database_);
  } else if (file_ != kInMemory && takes_no_writes(file_)) {
    log::warn("store.read_only", {{"file", file_.string()}, {"error", database.error()}});
    contents = read_frozen(file_, shipped_migrations());
  } else {
    return fail(std::move(database.error()));
  }
  if (!contents) return fail(std::move(contents.error()));
  state_.with([&](State& state) {
    state.desired = std::make_shared<const Desired>(std::move(contents->desired));
    state.observed = std::move(contents->observed);
  });
  return decide_again();
}

// What is stored may be the decisions of another version of this program.
Result<> Store::Impl::decide_again() {
  const auto before = desired();
  Transition transition{.next = *before};
  transition.next.decisions = decide_(*before);
  if (transition.next.decisions == before->decisions) return {};
  if (database_)
    if (auto done = write(*before, transition, false); !done) return done;
  publish(std::move(transition.next), {});
  return {};
}

// A file system that took no writes when the store was opened may take them by now.
Result<> Store::Impl::connect() {
  if (database_) return {};
  if (auto locked = lock(); !locked) return locked;
  auto database = open_writable(file_, shipped_migrations(), clock_);
  if (!database) return fail(std::move(database.error()));
  const auto version = database->integer("SELECT resource_version FROM meta");
  if (!version) return fail(version.error());
  if (*version != desired()->resource_version)
    return fail(
        ErrorCode::internal,
        fmt::format("database {} is at change {}, not {}: it was exchanged; start vsmgrd again",
                    file_.string(), *version, desired()->resource_version));
  log::info("store.writable", {{"file", file_.string()}});
  database_ = std::move(*database);
  return {};
}

Result<> Store::Impl::write(const Desired& before, const Transition& transition, bool dry_run) {
  auto transaction = Transaction::begin(*database_);
  if (!transaction) return fail(std::move(transaction.error()));
  if (auto done = write_transition(*database_, before, transition); !done) return done;
  return dry_run ? Result<>() : transaction->commit();
}

void Store::Impl::publish(Desired desired, const std::vector<ObjectKey>& deleted) {
  auto next = std::make_shared<const Desired>(std::move(desired));
  state_.with([&](State& state) {
    state.desired = std::move(next);
    for (const ObjectKey& key : deleted) state.observed.erase(key);
  });
  for (const ObjectKey& key : deleted) unsaved_.erase(key);
}

Checked<ApplyOutcome> Store::Impl::change(const Plan& plan, WriteOptions options) {
  ApplyOutcome outcome;
  {
    const std::lock_guard writing(writing_);
    const auto before = desired();
    auto transition = plan(*before);
    if (!transition) return tl::unexpected(std::move(transition.error()));
    transition->next.decisions = decide_(transition->next);
    outcome = {.changes = std::move(transition->changes),
               .decisions_changed = changed_decisions(*before, transition->next),
               .resource_version = transition->next.resource_version};
    if (is_idle(*before, *transition)) return outcome;
    if (auto ready = connect(); !ready) return refuse(std::move(ready.error()));
    if (auto done = write(*before, *transition, options.dry_run); !done)
      return refuse(std::move(done.error()));
    if (options.dry_run) return outcome;
    publish(std::move(transition->next), transition->deleted);
  }
  const bool changed =
      std::any_of(outcome.changes.begin(), outcome.changes.end(),
                  [](const Change& change) { return change.action != Action::unchanged; });
  if (changed && on_commit_) on_commit_();
  return outcome;
}

Result<> Store::Impl::observe(const std::vector<Observed>& observed) {
  const std::lock_guard writing(writing_);
  const auto current = desired();
  state_.with([&](State& state) {
    for (const Observed& one : observed) {
      if (!current->of(one.kind).contains(one.name)) continue;
      Observed kept = one;
      kept.since = milliseconds_of(one.since);
      ObjectKey key(one.kind, one.name);
      const auto known = state.observed.find(key);
      if (known != state.observed.end() && known->second == kept) continue;
      unsaved_.insert(key);
      state.observed.insert_or_assign(std::move(key), std::move(kept));
    }
  });
  if (unsaved_.empty()) return {};
  if (auto saved = save_observed(); !saved) return saved;
  unsaved_.clear();
  return {};
}

Result<> Store::Impl::save_observed() {
  if (auto ready = connect(); !ready) return ready;
  std::vector<Observed> rows;
  state_.with([&](const State& state) {
    for (const ObjectKey& key : unsaved_) rows.push_back(state.observed.at(key));
  });
  auto transaction = Transaction::begin(*database_);
  if (!transaction) return fail(std::move(transaction.error()));
  for (const Observed& row : rows)
    if (auto written = write_observed(*database_, row); !written) return written;
  return transaction->commit();
}

View Store::Impl::view_of(const State& state, const Resource& resource) {
  View view{.resource = resource};
  const std::string& name = resource.metadata.name;
  if (const auto found = state.observed.find({resource.kind(), name});
      found != state.observed.end())
    view.observed = found->second;
  if (resource.kind() == Kind::binding)
    if (const auto found = state.desired->decisions.find(name);
        found != state.desired->decisions.end())
      view.decision = found->second;
  return view;
}

std::optional<View> Store::Impl::view(Kind kind, const std::string& name) const {
  return state_.with([&](const State& state) -> std::optional<View> {
    const auto found = state.desired->of(kind).find(name);
    if (found == state.desired->of(kind).end()) return std::nullopt;
    return view_of(state, found->second);
  });
}

std::vector<View> Store::Impl::views(Kind kind) const {
  return state_.with([&](const State& state) {
    std::vector<View> views;
    for (const auto& [name, resource] : state.desired->of(kind))
      views.push_back(view_of(state, resource));
    return views;
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
  return impl_->change(
      [&](const Desired& before) {
        return plan_apply(before, std::move(resources), impl_->birth());
      },
      options);
}

Checked<ApplyOutcome> Store::put(Resource resource, Precondition precondition,
                                 WriteOptions options) {
  return impl_->change(
      [&](const Desired& before) {
        return plan_put(before, std::move(resource), precondition, impl_->birth());
      },
      options);
}

Checked<ApplyOutcome> Store::remove(Kind kind, std::string_view name, Precondition precondition,
                                    WriteOptions options) {
  return impl_->change(
      [&](const Desired& before) { return plan_remove(before, kind, name, precondition); },
      options);
}

Result<View> Store::get(Kind kind, std::string_view name) const {
  if (auto view = impl_->view(kind, std::string(name))) return std::move(*view);
  return fail(ErrorCode::not_found,
              fmt::format("{} {} does not exist", name_of(kind), in_quotes(name)));
}

Result<std::vector<View>> Store::list(Kind kind) const { return impl_->views(kind); }

Result<Desired> Store::desired() const { return *impl_->desired(); }

Result<std::int64_t> Store::resource_version() const { return impl_->desired()->resource_version; }

Result<> Store::observe(const std::vector<Observed>& observed) { return impl_->observe(observed); }

void Store::on_commit(std::function<void()> callback) { impl_->on_commit(std::move(callback)); }

}  // namespace vs
