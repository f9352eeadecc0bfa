// What a loop does about promises: which class a request is of, whose are shed when there is too much to do, and at which level a
// guest is told that it is served.
#include <algorithm>
#include <utility>

#include "base/ids.h"
#include "base/log.h"
#include "dataplane/backend/backend.h"

namespace vs {
namespace {

constexpr std::uint64_t kJudgedMin = 10;  // fewer say nothing of an interval

// Which part of what is judged may miss an objective before an interval counts as bad. Of those without a number of their own in
// the data plane one in a thousand.
double allowed_part(Objective objective) {
  switch (objective) {
    case Objective::p50: return 0.5;
    case Objective::p99: return 0.01;
    default: return 0.001;
  }
}

}  // namespace

Result<> Backend::make_classes(Binding& binding) {
  binding.classes.reset();
  binding.judged_before.clear();
  binding.shed = binding.shed_before = 0;
  auto made = RequestClasses::make(kind_, binding.config.terms, std::chrono::steady_clock::now());
  if (!made) return fail(std::move(made.error()));
  binding.classes = std::move(*made);
  if (binding.classes) binding.judged_before.resize(binding.classes->meters().size());
  return {};
}

Request Backend::request_of(const Binding& binding, SessionId id, const TakenRequest& taken, TimePoint now) const {
  const auto wait = taken.timeout_ms == 0 ? kRequestTimeoutMax
                                          : std::min(std::chrono::milliseconds(taken.timeout_ms), kRequestTimeoutMax);
  return {binding.config.service, taken.type, taken.payload, now + wait, number_of(id), taken.answer_bytes_max};
}

// nullptr: the binding has none. Where the next request cannot be seen, or its class does not matter, that of all others.
ClassMeter* Backend::class_of_next(LiveSession& live) {
  Binding& binding = live.binding;
  if (!binding.classes) return nullptr;
  if (!binding.classes->mixed()) return &binding.classes->others();
  const auto next = live.session.preview(preview_);
  if (!next) return &binding.classes->others();
  return &binding.classes->classify(*service_, {binding.config.service, next->type, next->payload, {}, 0, 0});
}

bool Backend::admit(SessionId id, LiveSession& live, const TakenRequest& taken, const Request& request, TimePoint now) {
  Binding& binding = live.binding;
  ClassMeter& meter = binding.classes->classify(*service_, request);
  const bool waits = service_->waits(request.type);
  live.session.meter(taken.slot, meter, waits);
  const control::Guarantee guarantee = binding.config.terms.guarantee;
  const auto waited = now - taken.arrived;
  const std::uint64_t deadline_us = meter.promise().deadline_us();
  if (guarantee == control::Guarantee::guaranteed && deadline_us != 0 && waited > std::chrono::microseconds(deadline_us))
    overload_.late(now);
  if (waits || !overload_.sheds(guarantee, waited, now)) return true;
  meter.shed();
  ++binding.shed;
  answer(number_of(id) * kUnansweredMax + taken.slot, fail(ErrorCode::exhausted, "there is too much to do"));
  return false;
}

void Backend::delivers(std::uint64_t ticket, const Delivery& delivery) {
  const LiveSession* live = live_session(SessionId{ticket / kUnansweredMax});
  if (live == nullptr) return;
  if (ClassMeter* meter = live->session.meter_of(ticket % kUnansweredMax)) meter->delivered(delivery);
}

void Backend::tell_level(SessionId id, LiveSession& live) {
  const std::uint32_t level = live.binding.quality.level();
  if (level == 0) return;
  live.session.show_level(level);
  service_->level_changed(number_of(id), level);
}

// Runs as long as a binding has something to be looked at.
void Backend::watch_quality() {
  const bool needed = std::any_of(bindings_.begin(), bindings_.end(), [](const auto& one) { return one.second->classes != nullptr; });
  if (!needed || std::exchange(watches_quality_, true)) return;
  loop_.after(kLevelInterval, [this, alive = std::weak_ptr(alive_)] {
    if (alive.expired()) return;
    watches_quality_ = false;
    look_at_quality();
    watch_quality();
  });
}

void Backend::look_at_quality() {
  std::vector<const Binding*> changed;
  for (const auto& [name, binding] : bindings_) {
    if (!binding->classes || !binding->quality.look(was_bad(*binding))) continue;
    changed.push_back(binding.get());
    log::info("binding.level", {{"binding", name}, {"level", binding->quality.level()}});
  }
  if (changed.empty()) return;
  for (const auto& [id, live] : sessions_)
    if (std::find(changed.begin(), changed.end(), &live->binding) != changed.end()) {
      live->session.show_level(live->binding.quality.level());
      service_->level_changed(id, live->binding.quality.level());
    }
}

// Something was shed since the last look, or an objective was missed by more than it allows.
bool Backend::was_bad(Binding& binding) {
  bool bad = std::exchange(binding.shed_before, binding.shed) != binding.shed;
  for (std::size_t i = 0; i < binding.judged_before.size(); ++i) {
    const ClassMeter& meter = binding.classes->meters()[i];
    for (std::size_t one = 0; one < kObjectives; ++one) {
      const auto objective = static_cast<Objective>(one);
      const ClassMeter::Judged now = meter.judged(objective);
      const ClassMeter::Judged before = std::exchange(binding.judged_before[i][one], now);
      const std::uint64_t judged = now.all - before.all;
      const auto missed = static_cast<double>(now.missed - before.missed);
      bad = bad || (judged >= kJudgedMin && missed > static_cast<double>(judged) * allowed_part(objective));
    }
  }
  return bad;
}

}  // namespace vs
