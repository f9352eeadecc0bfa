// How a loop serves: who rang or was looked at becomes ready, the scheduler says whose turn it is, and a turn takes requests until
// its time is over or nothing is left.
#include <algorithm>
#include <utility>

#include "base/ids.h"
#include "dataplane/backend/backend.h"
#include "dataplane/services/status.h"

namespace vs {
namespace {

using control::WaitMode;

constexpr std::uint64_t ticket_of(std::uint64_t session, std::size_t slot) { return session * kUnansweredMax + slot; }

Cost cost_of_bytes(std::size_t bytes) { return static_cast<Cost>(bytes) / kBytesPerNanosecond; }

}  // namespace

void Backend::on_sign(SessionId id, Link::Sign sign) {
  if (sign == Link::Sign::end) return end_session(id, "closed by the guest");
  LiveSession* live = live_session(id);
  if (live == nullptr) return;
  ++live->binding.counters.doorbells_received;
  if (live->ready || live->leaving) return;
  if (live->binding.frozen) return rang_in_vain(id, *live);
  const bool expected = std::exchange(live->hears_again, false);
  if (!live->session.has_request()) {
    if (!expected) rang_in_vain(id, *live);
    return;
  }
  if (live->throttled) return;
  if (live->wait() == WaitMode::timer && !live->gathering) return gather(id, *live);
  make_ready(id, *live, std::chrono::steady_clock::now());
}

void Backend::rang_in_vain(SessionId id, LiveSession& live) {
  ++live.binding.counters.doorbells_in_vain;
  scheduler_.charge(live.binding.flow(), kDoorbellCost);
  const auto pause = live.brake.in_vain();
  if (pause.count() == 0) return;
  ++live.binding.counters.doorbell_pauses;
  live.session.link().hear(false);
  loop_.after(pause, [this, alive = std::weak_ptr(alive_), id] {
    if (!alive.expired()) hear_again(id);
  });
}

void Backend::hear_again(SessionId id) {
  LiveSession* live = live_session(id);
  if (live == nullptr) return;
  live->session.link().hear(true);  // then looked: what rang before was not heard
  live->hears_again = true;
  if (live->session.has_request() && !live->ready && !live->throttled)
    make_ready(id, *live, std::chrono::steady_clock::now());
}

// The first request rang; the next doorbell is for as many as make a batch, or there is none and the time is over.
void Backend::gather(SessionId id, LiveSession& live) {
  const vs_region_header& terms = live.session.link().header();
  const auto now = std::chrono::steady_clock::now();
  live.session.look(now);
  if (!live.session.rest_until(terms.batch_messages)) return make_ready(id, live, now);
  live.gathering = true;
  loop_.at(now + std::chrono::microseconds(terms.batch_us), [this, alive = std::weak_ptr(alive_), id] {
    if (!alive.expired()) end_gathering(id);
  });
}

void Backend::end_gathering(SessionId id) {
  LiveSession* live = live_session(id);
  if (live != nullptr && live->gathering && !live->ready) make_ready(id, *live, std::chrono::steady_clock::now());
}

void Backend::make_ready(SessionId id, LiveSession& live, TimePoint now) {
  if (live.held()) return;
  live.session.look(now);
  live.ready = true;
  const ClassMeter* next = class_of_next(live);
  if (next == nullptr) return scheduler_.ready(live.binding.flow(), id);
  const std::uint64_t deadline_us = next->promise().deadline_us();
  const DueTime due = deadline_us == 0 ? kNeverDue : live.session.arrived(now) + std::chrono::microseconds(deadline_us);
  scheduler_.ready(live.binding.flow(next->rank()), id, due);
}

void Backend::run_turns() {
  TimePoint now = std::chrono::steady_clock::now();
  const TimePoint until = now + kTurnsTime;
  while (now < until) {
    const auto turn = scheduler_.next();
    if (!turn) return;
    now = serve(*turn, now);
    if (scheduler_.empty()) overload_.idle();
    else overload_.busy(now);
  }
}

Backend::TimePoint Backend::serve(const Scheduler::Turn& turn, TimePoint begun) {
  LiveSession* live = live_session(turn.session);
  if (live == nullptr) return begun;
  if (live->held()) {
    live->ready = false;
    return begun;
  }
  live->ready = false;
  live->gathering = false;
  if (begun > live->renew_by && live->session.has_request()) {
    ++live->binding.counters.sessions_not_renewed;
    end_session(turn.session, "it goes on asking in its old region");
    return begun;
  }
  if (std::exchange(live->window, window_) != window_) ++active_;
  const std::uint64_t bytes_before = live->binding.counters.request_bytes;
  serving_ = turn.session;
  live->session.begin_turn();
  const TimePoint ended = serve_session(turn.session, *live, turn.flow, begun, std::min(turn.budget, kTurnMax));
  if (live->shrinks && live_session(turn.session) == live) service_->recall(number_of(turn.session));
  live->session.end_turn();
  serving_.reset();
  scheduler_.charge(turn.flow, (ended - begun).count() + cost_of_bytes(live->binding.counters.request_bytes - bytes_before));
  return ended;
}

// `live` stays in memory, even when it ends meanwhile.
Backend::TimePoint Backend::serve_session(SessionId id, LiveSession& live, const Flow& flow, TimePoint begun, Cost budget) {
  Binding& binding = live.binding;
  TimePoint now = begun;
  const TimePoint until = begun + std::chrono::nanoseconds(budget);
  live.session.look(begun);
  // Empty turns count: a guest may say `here` and `not` in turns.
  for (int turn = 0; turn < kRequestsPerTurnMax && now < until; ++turn, now = std::chrono::steady_clock::now()) {
    if (!live.session.has_request()) {
      if (quiet(id, live)) return now;
      continue;
    }
    const auto returned = live.session.take_returns();
    if (!returned) {
      break_session(id, returned.error());
      return now;
    }
    if (*returned != 0) {
      live.brake.useful();
      continue;
    }
    // What comes next may have its turn in another class.
    if (turn != 0 && binding.classes && binding.classes->mixed() && &binding.flow(class_of_next(live)->rank()) != &flow) break;
    if (!binding.bucket.take(now)) {
      throttle(id, live, now);
      return now;
    }
    const std::uint32_t renewals = live.session.renewals();
    const bool spins = live.wait() == WaitMode::spin;
    auto request = live.session.take(scratch_, now);
    if (!request) {
      break_session(id, request.error());
      return now;
    }
    if (!*request) {
      binding.bucket.put_back();
      if (live.session.renewals() != renewals) renewed(live, spins);
      continue;
    }
    live.brake.useful();
    const TakenRequest& one = **request;
    const Request asked = request_of(binding, id, one, now);
    if (!binding.classes || admit(id, live, one, asked, now))
      service_->handle(asked, Reply(*this, ticket_of(number_of(id), one.slot)));
    if (live_session(id) == nullptr) return std::chrono::steady_clock::now();  // its answer broke it
  }
  live.session.release();
  make_ready(id, live, now);
  return now;
}

// Nothing is left, or nothing may be taken: true when the session waits for its guest, its doorbell or its answers.
bool Backend::quiet(SessionId id, LiveSession& live) {
  live.binding.bucket.rest();
  if (live.session.waiting_for_answers()) {
    live.session.held();
    live.session.release();
    return true;  // answer() goes on
  }
  const WaitMode wait = live.wait();
  const bool look = wait == WaitMode::spin || wait == WaitMode::adaptive;
  if (!look || !keep_hot(id, live)) return live.session.rest();
  live.session.release();
  return true;  // poll() or settle() goes on
}

// What exceeds the rate stays in the guest's own ring.
void Backend::throttle(SessionId id, LiveSession& live, TimePoint now) {
  Binding& binding = live.binding;
  ++binding.counters.requests_throttled;
  live.session.release();
  live.throttled = true;
  binding.throttled.push_back(id);
  if (binding.throttled.size() > 1) return;  // the timer runs
  loop_.at(std::max(binding.bucket.next(), now + kThrottlePauseMin),
           [this, alive = std::weak_ptr(alive_), name = binding.config.name] {
             if (!alive.expired()) end_throttle(name);
           });
}

void Backend::end_throttle(const std::string& name) {
  const auto found = bindings_.find(name);
  if (found == bindings_.end()) return;
  const auto now = std::chrono::steady_clock::now();
  for (const SessionId id : std::exchange(found->second->throttled, {})) {
    LiveSession* live = live_session(id);
    if (live == nullptr || !std::exchange(live->throttled, false) || live->ready) continue;
    make_ready(id, *live, now);
  }
}

template <class Give>
void Backend::answer_with(std::uint64_t ticket, std::size_t bytes_copied, Give give) {
  const SessionId id{ticket / kUnansweredMax};
  LiveSession* live = live_session(id);
  if (live == nullptr) return;  // the guest is gone; it will ask again, or not
  if (live->binding.frozen && !live->binding.draining) {  // whoever serves it next answers
    ++live->binding.counters.answers_late;
    live->lacks_answers = true;
    return;
  }
  const bool held = live->session.waiting_for_answers();
  const ClassMeter* meter = live->session.meter_of(ticket % kUnansweredMax);
  const auto rank = meter == nullptr ? std::nullopt : std::optional(meter->rank());
  const auto now = std::chrono::steady_clock::now();
  const Result<> given = give(live->session, ticket % kUnansweredMax, now);
  const Cost time = serving_ ? 0 : (std::chrono::steady_clock::now() - now).count();
  scheduler_.charge(rank ? live->binding.flow(*rank) : live->binding.flow(), time + cost_of_bytes(bytes_copied));
  if (!given) return break_session(id, given.error());
  if (live->binding.draining) {
    ++live->binding.counters.requests_drained;
    if (live->session.answered()) end_drain_if_answered();
  }
  if (live->leaving && live->session.answered()) depart_if_answered(*live->binding.domain);
  if (held && !live->ready && !live->throttled && serving_ != id) make_ready(id, *live, now);
}

Lending Backend::lending(std::uint64_t ticket, const Frame& frame) const {
  const auto found = sessions_.find(ticket / kUnansweredMax);
  if (found == sessions_.end()) return Lending::lent;
  return found->second->session.lending(static_cast<const FrameLoan&>(frame.memory()));
}

void Backend::answer(std::uint64_t ticket, Result<std::span<const std::byte>> answer) {
  const vs_status status = answer ? VS_STATUS_OK : status_of(answer.error().code);
  const auto bytes = answer ? *answer : std::span<const std::byte>{};
  answer_with(ticket, bytes.size(), [&](Session& session, std::size_t slot, TimePoint now) {
    return session.answer(slot, status, bytes, now);
  });
}

void Backend::answer(std::uint64_t ticket, const Frame& frame, std::span<const std::byte> words) {
  // Frames have one source: frames_.
  const auto& loan = static_cast<const FrameLoan&>(frame.memory());
  answer_with(ticket, words.size(), [&](Session& session, std::size_t slot, TimePoint now) {
    return session.answer(slot, loan, words, now);
  });
  frames_.watch_leases();
}

std::size_t Backend::active(TimePoint now) {
  if (now - window_since_ > kActiveWindow) {
    const std::size_t before = now - window_since_ > 2 * kActiveWindow ? 0 : active_;
    neighbours_.active += before - std::exchange(active_told_, before);
    active_ = 0;
    window_since_ = now;
    ++window_;
  }
  return std::max(neighbours_.active.load(std::memory_order_relaxed), active_);
}

bool Backend::poll() {
  for (std::size_t i = 0; i < hot_.size(); ++i) {
    LiveSession* live = live_session(hot_[i]);
    if (live == nullptr) {
      hot_[i--] = hot_.back();
      hot_.pop_back();
      continue;
    }
    if (live->ready || live->throttled || live->held() || !live->session.has_request()) continue;
    make_ready(hot_[i], *live, std::chrono::steady_clock::now());
  }
  if (scheduler_.empty()) return false;
  run_turns();
  return true;
}

bool Backend::settle() {
  overload_.idle();
  neighbours_.active -= std::exchange(active_told_, 0);
  bool quiet = true;
  for (const SessionId id : std::exchange(hot_, {})) {
    LiveSession* live = live_session(id);
    if (live == nullptr) continue;
    live->hot = false;
    if (live->ready || live->throttled || live->held() || live->session.rest()) continue;
    keep_hot(id, *live);
    quiet = false;
  }
  return quiet && scheduler_.empty();
}

// False when enough sessions are hot already. Those that are to be looked at always are no matter of how many.
bool Backend::keep_hot(SessionId id, LiveSession& live) {
  if (live.hot) return true;
  if (hot_.size() >= kHotSessionsMax && live.wait() != WaitMode::spin) return false;
  hot_.push_back(id);
  return live.hot = true;
}

}  // namespace vs
