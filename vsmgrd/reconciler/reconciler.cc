#include "vsmgrd/reconciler/reconciler.h"

#include <array>
#include <utility>

#include "base/log.h"
#include "vsmgrd/reconciler/plan.h"

namespace vs {
namespace {

bool same(const Observed& one, const Observed& other) {
  return one.observed_generation == other.observed_generation && one.state == other.state &&
         one.reason == other.reason && one.message == other.message &&
         one.socket_directory == other.socket_directory && one.refused_opens == other.refused_opens;
}

void log_change(const Observed& now) {
  if (now.kind != Kind::binding) return;
  const std::string event = "binding." + std::string(now.state == State::bound    ? "bound"
                                                     : now.state == State::denied ? "denied"
                                                     : now.state == State::failed ? "failed"
                                                                                  : "pending");
  log::info(event, {{"name", now.name}, {"reason", now.reason}, {"message", now.message}});
}

}  // namespace

Reconciler::Reconciler(Store& store, Backends& backends, const Clock& clock, Wake& wake)
    : store_(store), backends_(backends), clock_(clock), wake_(wake) {}

Reconciler::~Reconciler() { stop(); }

void Reconciler::start() {
  wake_.ring();  // whatever the database says is not yet so
  thread_ = std::thread([this] { run(); });
}

void Reconciler::stop() {
  wake_.stop();
  if (thread_.joinable()) thread_.join();
}

void Reconciler::run() {
  while (wake_.wait()) {
    const auto passed = pass();
    if (passed) {
      wake_.pause(kPassPause);
      continue;
    }
    ++passes_failed_;
    log::error("reconciler.pass_failed", {{"error", passed.error()}});
    wake_.pause(kPassRetry);
    wake_.ring();
  }
}

Result<> Reconciler::pass() {
  if (passes_++ == 0) remember();
  const auto desired = store_.desired();
  if (!desired) return fail(desired.error());
  for (Deed& deed : plan(configs_for(*desired), backends_.status())) {
    switch (deed.verb) {
      case Deed::Verb::stop: backends_.stop(deed.kind); break;
      case Deed::Verb::start: backends_.start(deed.kind); break;
      case Deed::Verb::configure:
        // Grows with every change, over restarts of this daemon too.
        backends_.configure(deed.kind, static_cast<std::uint64_t>(desired->resource_version), std::move(deed.config));
        break;
    }
  }
  keep_homes(*desired);
  auto observed = observe(*desired, backends_.status(), homes_);
  for (Observed& one : observed) date(one);
  if (on_samples_) on_samples_(samples(*desired, observed));
  return write(std::move(observed));
}

// What an earlier run of this daemon wrote.
void Reconciler::remember() {
  for (const Kind kind : kKinds) {
    auto views = store_.list(kind);
    if (!views) continue;  // then everything is written anew
    for (View& view : *views)
      if (view.observed) written_.emplace(std::pair{kind, view.observed->name}, std::move(*view.observed));
  }
}

// Before the backends' next configuration is confirmed: a socket of a new binding is never taken for a stale one.
void Reconciler::keep_homes(const Desired& desired) {
  Backends::Devices devices;
  for (const auto& [name, resource] : desired.domains) devices[name];
  for (const auto& [name, resource] : desired.bindings) {
    const auto& spec = std::get<BindingSpec>(resource.spec);
    if (const auto domain = devices.find(spec.domain); domain != devices.end()) domain->second.insert(spec.device);
  }
  if (passes_ > 1 && devices == devices_ && homes_.size() == devices.size()) return;
  homes_ = backends_.keep_homes(devices);
  devices_ = std::move(devices);
}

// An object is in its state since it came into it, also over restarts of this daemon.
void Reconciler::date(Observed& one) const {
  const auto before = written_.find({one.kind, one.name});
  const bool stays = before != written_.end() && before->second.state == one.state && before->second.reason == one.reason;
  one.since = stays ? before->second.since : clock_.wall();
}

// Only what differs: each write is a sync of the disk. What the disk did not take, readers see all the same, and the store
// keeps for the next try.
Result<> Reconciler::write(std::vector<Observed> observed) {
  std::map<std::pair<Kind, std::string>, Observed> now;
  std::vector<Observed> changed;
  for (Observed& one : observed) {
    const std::pair key{one.kind, one.name};
    const auto before = written_.find(key);
    if (before == written_.end() || !same(before->second, one)) {
      if (before == written_.end() || before->second.state != one.state) log_change(one);
      changed.push_back(one);
    }
    now.emplace(key, std::move(one));
  }
  written_ = std::move(now);
  if (changed.empty() && !unsaved_) return {};
  const auto stored = store_.observe(changed);
  unsaved_ = !stored;
  return stored;
}

std::vector<Sample> Reconciler::samples(const Desired& desired, const std::vector<Observed>& observed) const {
  std::vector<Sample> samples;
  const auto add = [&](const char* name, const char* help, Sample::Type type, double value) -> Sample& {
    return samples.emplace_back(Sample{.name = name, .help = help, .type = type, .value = value});
  };
  using Type = Sample::Type;
  for (const Kind kind : kKinds)
    add("vservices_objects", "Declared objects.", Type::gauge, static_cast<double>(desired.of(kind).size()))
        .labels.emplace_back("kind", name_of(kind));
  std::map<State, int> states;
  for (const Observed& one : observed)
    if (one.kind == Kind::binding) ++states[one.state];
  for (const State state : std::array{State::pending, State::bound, State::denied, State::failed})
    add("vservices_bindings", "Bindings by state.", Type::gauge, states[state])
        .labels.emplace_back("state", name_of(state));
  add("vservices_reconciler_passes_total", "Passes of the reconciler.", Type::counter, static_cast<double>(passes_));
  add("vservices_reconciler_passes_failed_total", "Passes that ended in an error.", Type::counter,
      static_cast<double>(passes_failed_));
  for (const auto& [kind, backend] : backends_.status()) {
    add("vservices_backend_up", "1 while the backend of a service kind takes commands.", Type::gauge, backend.up ? 1 : 0)
        .labels.emplace_back("kind", kind);
    add("vservices_backend_restarts_total", "Times a backend was lost and started or connected again.", Type::counter,
        static_cast<double>(backend.restarts))
        .labels.emplace_back("kind", kind);
    add("vservices_backend_hangs_total", "Times a backend said nothing for --backend-patience and was killed.",
        Type::counter, static_cast<double>(backend.hangs))
        .labels.emplace_back("kind", kind);
  }
  return samples;
}

}  // namespace vs
