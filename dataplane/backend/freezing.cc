// How a binding goes to another node: nothing more is taken of it, what was taken is answered for a while, and what its service keeps for it
// goes along. Until the configuration takes it out it can be served on as before.
#include <algorithm>
#include <utility>

#include "base/ids.h"
#include "base/log.h"
#include "dataplane/backend/backend.h"

namespace vs {

void Backend::freeze(const control::Freeze& freeze, std::function<void(std::vector<control::FrozenBinding>)> done) {
  end_drain();
  drain_ = Drain{++drains_, {}, std::move(done)};
  std::vector<SessionId> frozen;
  for (const std::string& name : freeze.bindings) {
    const auto found = bindings_.find(name);
    if (found == bindings_.end() || found->second->draining) continue;  // named twice
    Binding& binding = *found->second;
    if (!std::exchange(binding.frozen, true)) ++binding.counters.freezes;
    binding.draining = true;
    drain_->bindings.push_back(name);
    const auto ids = sessions_of(binding);
    frozen.insert(frozen.end(), ids.begin(), ids.end());
  }
  for (const SessionId id : frozen) {
    LiveSession* live = live_session(id);
    if (live == nullptr) continue;
    live->session.show_migrating(freeze.thaw_ms);
    service_->recall(number_of(id));  // who waits for something to happen waits elsewhere
  }
  loop_.after(std::chrono::milliseconds(freeze.drain_ms), [this, number = drains_, alive = std::weak_ptr(alive_)] {
    if (!alive.expired()) drain_over(number);
  });
  end_drain_if_answered();
}

// Not from within a turn: what it was asked may still be answered in it.
void Backend::end_drain_if_answered() {
  if (!drain_) return;
  for (const auto& [id, live] : sessions_)
    if (live->binding.draining && !live->session.answered()) return;
  loop_.defer([this, number = drain_->number, alive = std::weak_ptr(alive_)] {
    if (!alive.expired()) drain_over(number);
  });
}

void Backend::drain_over(std::uint64_t number) {
  if (drain_ && drain_->number == number) end_drain();
}

void Backend::end_drain() {
  if (!drain_) return;
  Drain over = std::move(*drain_);
  drain_.reset();
  std::vector<control::FrozenBinding> frozen;
  for (const std::string& name : over.bindings)
    if (const auto found = bindings_.find(name); found != bindings_.end()) frozen.push_back(drained(*found->second));
  over.done(std::move(frozen));
}

control::FrozenBinding Backend::drained(Binding& binding) {
  binding.draining = false;
  control::FrozenBinding frozen{.binding = binding.config.name};
  if (!binding.frozen) {
    frozen.problem = "it was thawed before it had drained";
    return frozen;
  }
  for (const auto& [id, live] : sessions_)
    if (&live->binding == &binding) frozen.unanswered += static_cast<std::uint32_t>(live->session.unanswered());
  frozen.drained = frozen.unanswered == 0;
  binding.counters.requests_undrained += frozen.unanswered;
  if (binding.config.granted) frozen.state = service_->soft_state(guest_of(binding), control::kStateBytesMax);
  log::info("binding.frozen", {{"binding", binding.config.name},
                               {"epoch", binding.config.epoch},
                               {"sessions", binding.counters.sessions_live},
                               {"unanswered", frozen.unanswered}});
  return frozen;
}

std::vector<std::string> Backend::thaw(const std::vector<std::string>& bindings) {
  std::vector<std::string> thawed;
  const auto now = std::chrono::steady_clock::now();
  for (const std::string& name : bindings) {
    const auto found = bindings_.find(name);
    if (found == bindings_.end() || !found->second->frozen) continue;
    Binding& binding = *found->second;
    binding.frozen = binding.draining = false;
    thawed.push_back(name);
    for (const SessionId id : sessions_of(binding)) {
      LiveSession* live = live_session(id);
      if (live == nullptr) continue;
      if (live->lacks_answers) {  // its guest asks anew
        end_session(id, "it was frozen when it was answered");
        continue;
      }
      live->session.show_migrating(0);
      if (!live->ready && !live->throttled) make_ready(id, *live, now);
    }
    log::info("binding.thawed", {{"binding", name}, {"epoch", binding.config.epoch}});
  }
  if (drain_) end_drain_if_answered();
  return thawed;
}

void Backend::take_over(const std::string& name, const nlohmann::json& state) {
  const auto found = bindings_.find(name);
  if (found == bindings_.end() || !found->second->config.granted) return;
  const TakenOver taken = service_->take_over(guest_of(*found->second), state);
  taken_over_.entries += taken.entries;
  taken_over_.refused += taken.refused;
  log::info("binding.state_taken_over", {{"binding", name}, {"entries", taken.entries}, {"refused", taken.refused}});
}

}  // namespace vs
