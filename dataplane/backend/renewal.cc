// How a session goes on in another region when its terms have changed: the guest is told, connects once more with the session's
// ticket, and says in its old ring where the new one begins (abi/region.h). Nothing is lost, doubled or reordered; a guest that cannot,
// or does not, is ended as for any other change.
#include <sched.h>
#include <sys/random.h>

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/ids.h"
#include "base/log.h"
#include "dataplane/backend/backend.h"

namespace vs {
namespace {

// Whether a guest in this region sees no difference.
bool is_of_shape(const vs_region_header& header, const RegionShape& shape) {
  const bool batch = shape.wait == VS_WAIT_TIMER;
  return header.request.data_bytes_log2 == shape.request_bytes_log2 &&
         header.response.data_bytes_log2 == shape.response_bytes_log2 && header.wait_mode == shape.wait &&
         (!batch || (header.batch_messages == shape.batch_messages && header.batch_us == shape.batch_us));
}

}  // namespace

std::uint64_t Backend::make_ticket() {
  std::uint64_t ticket = 0;
  while (ticket == 0) VS_CHECK(::getrandom(&ticket, sizeof ticket, 0) == sizeof ticket);
  return ticket;
}

void Backend::change_terms(Binding& binding, const control::Terms& terms) {
  const control::Terms before = std::exchange(binding.terms, terms);
  if (before.rate_per_s != terms.rate_per_s || before.burst != terms.burst)
    binding.bucket = TokenBucket(terms.rate_per_s, terms.burst, std::chrono::steady_clock::now());
  std::vector<SessionId> leaving;
  for (const auto& [id, live] : sessions_) {
    if (&live->binding != &binding) continue;
    const bool as_before = is_of_shape(live->session.link().header(), shape_of(terms)) && !live->session.renewing();
    if (as_before || live->takes_renewal)
      offer_renewal(*live, !as_before);
    else
      leaving.push_back(SessionId{id});
  }
  for (const SessionId id : leaving) end_session(id, "binding changed");
}

void Backend::offer_renewal(LiveSession& live, bool offered) {
  live.renew_by = offered ? std::chrono::steady_clock::now() + kRenewalTimeMax : TimePoint::max();
  live.session.offer_renewal(offered);
}

void Backend::watch_tuned() {
  const bool any = std::any_of(bindings_.begin(), bindings_.end(),
                               [](const auto& one) { return one.second->terms.tune != control::Tune::off; });
  if (!any || std::exchange(tunes_, true)) return;
  loop_.after(kTunerWindow, [this, alive = std::weak_ptr(alive_)] {
    if (alive.expired()) return;
    tunes_ = false;
    tune_all();
    watch_tuned();
  });
}

// Guests that bring the memory are left as they are.
void Backend::tune_all() {
  cpu_set_t cores;
  const int count = ::sched_getaffinity(0, sizeof cores, &cores) == 0 ? CPU_COUNT(&cores) : 1;
  const auto now = std::chrono::steady_clock::now();
  for (const auto& [name, binding] : bindings_) {
    if (binding->terms.tune == control::Tune::off || binding->config.domid) continue;
    const auto peaks = std::exchange(binding->counters.peaks, {.watched = true});
    const std::uint64_t requests = binding->counters.requests - std::exchange(binding->requests_tuned, binding->counters.requests);
    const std::chrono::duration<double> took = now - std::exchange(binding->tuned_at, now);
    const TunerWindow window{.requests_per_s = static_cast<double>(requests) / took.count(),
                             .request_bytes_peak = peaks.request_waiting,
                             .response_bytes_peak = peaks.response_waiting,
                             .request_record_max = peaks.request_record,
                             .response_record_max = peaks.response_record,
                             .cores = count};
    const auto next = binding->tuner.look(binding->terms, window);
    if (!next) continue;
    log::info("binding.tuned", {{"binding", name}, {"why", binding->tuner.why()}});
    change_terms(*binding, *next);
    scratch_.resize(std::max<std::size_t>(scratch_.size(), next->request_bytes / VS_RECORD_PART_OF_RING));
    preview_.resize(scratch_.size());
  }
}

// Who may connect is checked; the ticket says which session is meant, of this binding's.
void Backend::welcome_renewed(Binding& binding, Caller& caller) {
  const std::uint64_t ticket = caller.hello().ticket;
  const auto found = std::find_if(sessions_.begin(), sessions_.end(), [&](const auto& one) {
    return &one.second->binding == &binding && one.second->session.link().header().ticket == ticket;
  });
  if (found == sessions_.end() || found->second->renew_by == TimePoint::max())
    return refuse(binding, caller, VS_STATUS_NOT_FOUND, VS_REFUSAL_NONE);
  const SessionId id{found->first};
  LiveSession& live = *found->second;
  const control::Terms& terms = binding.terms;
  RegionShape shape = shape_of(terms);
  shape.ticket = ticket;
  live.session.renew_no_more();
  live.shrinks = false;
  charge_memory(live);
  if (binding.domain->memory_bytes + region_bytes(shape) > terms.memory_bytes_max)
    return refuse(binding, caller, VS_STATUS_EXHAUSTED, VS_REFUSAL_MEMORY);
  auto link = caller.welcome(shape, {}, [this, id, renewal = live.session.renewals() + 1](Link::Sign sign) {
    on_sign_of_renewed(id, renewal, sign);
  });
  if (!link && link.error().code == ErrorCode::unavailable) return;  // the guest is gone
  if (!link) {
    log::warn("session.not_renewed", {{"binding", binding.config.name}, {"error", link.error()}});
    return refuse(binding, caller, VS_STATUS_EXHAUSTED, VS_REFUSAL_MEMORY);
  }
  live.shrinks = shape.response_bytes_log2 < live.session.link().header().response.data_bytes_log2;
  live.session.renew(std::move(*link));
  charge_memory(live);
  if (live.shrinks) service_->recall(number_of(id));
}

void Backend::on_sign_of_renewed(SessionId id, std::uint32_t renewal, Link::Sign sign) {
  LiveSession* live = live_session(id);
  if (live == nullptr) return;
  if (live->session.renewals() >= renewal) return on_sign(id, sign);
  if (sign == Link::Sign::doorbell) return;  // it says so in the old ring first
  if (ended_links_.empty())
    loop_.defer([this, alive = std::weak_ptr(alive_)] {
      if (!alive.expired()) ended_links_.clear();
    });
  ended_links_.push_back(live->session.renew_no_more());  // it may be on the stack
  ended_links_.back()->hang_up();
  live->shrinks = false;
  charge_memory(*live);
}

// The guest said so, and the session is in its new region.
void Backend::renewed(LiveSession& live, bool spun) {
  Binding& binding = live.binding;
  ++binding.counters.sessions_renewed;
  live.shrinks = false;
  charge_memory(live);
  if (spun) --spinning_;
  if (live.wait() == control::WaitMode::spin) ++spinning_;
  if (binding.quality.level() != 0) live.session.show_level(binding.quality.level());
  // The terms may have changed again meanwhile.
  offer_renewal(live, !is_of_shape(live.session.link().header(), shape_of(binding.terms)));
}

void Backend::charge_memory(LiveSession& live) {
  const std::size_t bytes = live.session.memory_bytes();
  live.binding.domain->memory_bytes += bytes - std::exchange(live.memory_bytes, bytes);
}

}  // namespace vs
