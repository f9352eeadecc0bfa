#include "vsmgrd/reconciler/reconciler.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/log.h"
#include "vsmgrd/reconciler/plan.h"

namespace vs {
namespace {

bool same(const Observed& one, const Observed& other) {
  return one.observed_generation == other.observed_generation && one.state == other.state &&
         one.reason == other.reason && one.message == other.message &&
         one.placement == other.placement && one.socket_directory == other.socket_directory && one.refused_opens == other.refused_opens &&
         std::equal(one.conditions.begin(), one.conditions.end(), other.conditions.begin(), other.conditions.end(),
                    [](const StatusCondition& left, const StatusCondition& right) {
                      return left.type == right.type && left.status == right.status &&
                             left.reason == right.reason && left.message == right.message;
                    });
}

// An object is in its state since it came into it, also over restarts of this daemon.
void date(Observed& one, const Observed* before, WallTime now) {
  const bool stays = before && before->state == one.state && before->reason == one.reason;
  one.since = stays ? before->since : now;
  for (StatusCondition& condition : one.conditions) {
    condition.since = now;
    if (!before) continue;
    for (const StatusCondition& old : before->conditions)
      if (old.type == condition.type && old.status == condition.status && old.reason == condition.reason)
        condition.since = old.since;
  }
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
    : store_(store), backends_(backends), clock_(clock), wake_(wake), troubles_(store, clock) {}

Reconciler::~Reconciler() { stop(); }

void Reconciler::start() {
  if (placing_ && hypervisor_ != nullptr) placing_->see_host(*hypervisor_);  // what is applied from now on is judged by the machine
  wake_.ring();  // whatever the database says is not yet so
  thread_ = std::thread([this] { run(); });
}

void Reconciler::stop() {
  wake_.stop();
  if (thread_.joinable()) thread_.join();
}

void Reconciler::run() {
  while (wake_.wait(patience())) {
    const auto passed = pass();
    if (passed) {
      wake_.pause(unheard_ ? kTakeOverPause : kPassPause);
      if (unheard_) wake_.ring();
      continue;
    }
    ++passes_failed_;
    log::error("reconciler.pass_failed", {{"error", passed.error()}});
    wake_.pause(kPassRetry);
    wake_.ring();
  }
}

// How long nothing need be looked at that nobody rings for.
std::optional<std::chrono::milliseconds> Reconciler::patience() const {
  if (look_again_) return kDriftLook;
  return placing_ ? placing_->patience() : std::nullopt;
}

bool Reconciler::stuck(std::chrono::nanoseconds limit) const {
  const std::int64_t began = pass_began_ns_.load(std::memory_order_relaxed);
  return began != 0 && clock_.now().time_since_epoch() - std::chrono::nanoseconds{began} > limit;
}

Result<> Reconciler::pass() {
  const auto now = std::chrono::nanoseconds(clock_.now().time_since_epoch()).count();
  pass_began_ns_.store(std::max<std::int64_t>(now, 1), std::memory_order_relaxed);
  auto passed = make_so();
  pass_times_.record(clock_.now().time_since_epoch() - std::chrono::nanoseconds{now});
  pass_began_ns_.store(0, std::memory_order_relaxed);
  return passed;
}

Result<> Reconciler::make_so() {
  if (passes_++ == 0) taken_over_at_ = clock_.now() + kTakeOverTime;
  const auto desired = store_.desired();
  if (!desired) return fail(desired.error());
  const std::vector<Guest> guests = hypervisor_ == nullptr ? std::vector<Guest>{} : hypervisor_->guests();
  const Domids domids = domids_of(desired->domains, guests);
  if (placing_ && hypervisor_ != nullptr) placing_->see_host(*hypervisor_);
  const PlacementPlan* const placement = placing_ ? &placing_->plan(*desired) : nullptr;
  const Owners owners = owners_ ? owners_() : Owners{};
  const BackendConfigs wanted = configs_for(*desired, domids, engines_, placement, owners);
  keep_homes(*desired);
  for (Deed& deed : plan(wanted, backends_.status())) {
    switch (deed.verb) {
      case Deed::Verb::stop: backends_.stop(deed.kind); break;
      case Deed::Verb::start: backends_.start(deed.kind); break;
      case Deed::Verb::configure:
        // Grows with every change, over restarts of this daemon too; also with those that nobody declared.
        numbers_[deed.kind] = std::max(static_cast<std::uint64_t>(desired->resource_version), numbers_[deed.kind] + 1);
        backends_.configure(deed.kind, numbers_[deed.kind], std::move(deed.config));
        break;
    }
  }
  if (told_) told_();
  if (placing_ && hypervisor_ != nullptr) placing_->place_guests(*desired, guests, *hypervisor_);
  tell_unknown(*desired, guests);
  const auto status = backends_.status();
  look_again_ = troubles_.look(wanted, status);
  troubles_.tell_refusals(*desired, status);
  if (placing_) placing_->look(*desired, wanted, status);
  auto observed = observe(*desired, status, homes_, domids,
                          hypervisor_ == nullptr ? "there is no hypervisor" : hypervisor_->trouble(), engines_, placement, owners);
  for (Observed& one : observed)
    if (placing_ && one.kind == Kind::domain) one.placement = placing_->placement_of_domain(one.name);
  for (Observed& one : observed)
    if (judge_ && one.kind == Kind::binding)
      if (auto condition = judge_(one.name)) one.conditions.push_back(std::move(*condition));
  if (on_samples_) on_samples_(samples(*desired, observed));
  return write(std::move(observed));
}

// A guest that no Domain means is seen, and not served.
void Reconciler::tell_unknown(const Desired& desired, const std::vector<Guest>& guests) {
  std::set<std::uint32_t> unknown;
  for (const Guest& guest : undeclared(desired.domains, guests)) {
    unknown.insert(guest.domid);
    if (!unknown_.contains(guest.domid))
      log::info("domain.undeclared", {{"domid", guest.domid}, {"name", guest.name}, {"uuid", guest.uuid}});
  }
  unknown_ = std::move(unknown);
}

// Before the backends are told: they bind in homes that are there and theirs, and no socket of a new binding is taken for a stale one.
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

// Only what differs from what the store shows: each write is a sync of the disk. What the disk did not take, readers see all
// the same, and the store keeps for the next try.
Result<> Reconciler::write(std::vector<Observed> observed) {
  const Snapshot before = store_.snapshot();
  const WallTime now = clock_.wall();
  const bool taking_over = clock_.now() < taken_over_at_;
  unheard_ = false;
  std::vector<Observed> changed;
  for (Observed& one : observed) {
    const Observed* old = nullptr;
    if (const auto kind = before.observed.find(one.kind); kind != before.observed.end())
      if (const auto found = kind->second.find(one.name); found != kind->second.end()) old = &found->second;
    if (old && same(*old, one)) continue;
    // Backends serve on while this daemon starts again. What they serve is what it was until they can have said so.
    if (taking_over && old && one.state == State::pending && old->observed_generation == one.observed_generation &&
        old->state != State::pending) {
      unheard_ = true;
      continue;
    }
    date(one, old, now);
    if (!old || old->state != one.state) log_change(one);
    changed.push_back(std::move(one));
  }
  if (!unheard_) taken_over_at_ = {};  // all were heard once: what they say from now on is news
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
  if (hypervisor_ != nullptr && hypervisor_->trouble().empty())
    add("vservices_undeclared_guests", "Guests of the hypervisor that no Domain object means: seen, not served.", Type::gauge,
        static_cast<double>(unknown_.size()));
  std::map<State, int> states;
  for (const Observed& one : observed)
    if (one.kind == Kind::binding) ++states[one.state];
  for (const State state : std::array{State::pending, State::bound, State::denied, State::failed})
    add("vservices_bindings", "Bindings by state.", Type::gauge, states[state])
        .labels.emplace_back("state", name_of(state));
  add("vservices_reconciler_passes_total", "Passes of the reconciler.", Type::counter, static_cast<double>(passes_));
  add("vservices_reconciler_passes_failed_total", "Passes that ended in an error.", Type::counter,
      static_cast<double>(passes_failed_));
  samples.push_back(pass_times_.sample("vservices_reconciler_pass_duration_seconds", "Time that a pass of the reconciler took."));
  if (placing_) placing_->append_samples(samples);
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
