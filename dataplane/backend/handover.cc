// How a domain goes from one loop to another: what it asked is answered where it was asked, and what waits in its rings is taken by
// the next loop, in the order it stands there. Its guests see nothing of it.
#include "dataplane/backend/handover.h"

#include <algorithm>
#include <set>
#include <utility>

#include "base/ids.h"
#include "base/log.h"
#include "dataplane/backend/pinning.h"

namespace vs {

void Backend::release(const std::string& name, std::function<void(std::unique_ptr<Departing>)> done) {
  const auto known = domains_.find(name);
  if (known == domains_.end()) return done(nullptr);
  // Who comes now is refused, and tries again, until the next loop opens the door.
  for (const auto& [binding_name, binding] : bindings_) {
    if (binding->domain != known->second.get() || !binding->entrance) continue;
    binding->entrance->reopens();
    binding->entrance.reset();
  }
  for (const auto& [id, live] : sessions_) live->leaving = live->leaving || live->binding.domain == known->second.get();
  const std::uint64_t number = ++leaves_;
  leaving_[name] = {number, std::move(done)};
  loop_.after(kHandoverMax, [this, name, number, alive = std::weak_ptr(alive_)] {
    if (alive.expired()) return;
    if (const auto late = leaving_.find(name); late != leaving_.end() && late->second.number == number) depart(name);
  });
  depart_if_answered(*known->second);
}

void Backend::depart_if_answered(const Domain& domain) {
  for (const auto& [id, live] : sessions_)
    if (live->binding.domain == &domain && !live->session.answered()) return;
  for (const auto& [name, known] : domains_)
    if (known.get() == &domain)
      loop_.defer([this, name = name, alive = std::weak_ptr(alive_)] {
        if (!alive.expired()) depart(name);
      });
}

// Not from within a turn: nobody on the stack knows these sessions.
void Backend::depart(const std::string& name) {
  auto asked = leaving_.extract(name);
  const auto known = domains_.find(name);
  if (asked.empty()) return;
  if (known == domains_.end()) return asked.mapped().done(nullptr);
  auto departing = std::make_unique<Departing>();
  departing->name = name;
  std::vector<SessionId> stay, go;
  for (const auto& [id, live] : sessions_)
    if (live->binding.domain == known->second.get())
      (live->session.answered() && !live->session.reads_frames() ? go : stay).push_back(SessionId{id});
  for (const SessionId id : stay) end_session(id, "its loop changes");
  std::sort(go.begin(), go.end());
  for (const SessionId id : go) {
    LiveSession& live = *live_session(id);
    live.session.release();
    live.session.link().silence();
    if (live.session.renewing()) live.session.next().silence();
    if (live.wait() == control::WaitMode::spin) --spinning_;
    service_->session_ended(number_of(id));
    departing->sessions.push_back(std::move(sessions_.extract(number_of(id)).mapped()));
  }
  ended_.clear();  // they refer to what goes now
  std::erase_if(hot_, [this](SessionId id) { return live_session(id) == nullptr; });
  for (Flow& flow : known->second->flows) scheduler_.remove(flow);
  for (auto at = bindings_.begin(); at != bindings_.end();) {
    const auto binding = at++;
    if (binding->second->domain != known->second.get()) continue;
    binding->second->throttled.clear();
    departing->bindings.insert(bindings_.extract(binding));
  }
  departing->domain = std::move(known->second);
  domains_.erase(known);
  log::debug("domain.departed", {{"domain", name}, {"sessions", departing->sessions.size()}});
  asked.mapped().done(std::move(departing));
}

std::vector<SessionId> Backend::arrive(std::vector<std::unique_ptr<Departing>> arriving) {
  std::vector<SessionId> arrived;
  for (auto& departing : arriving) {
    Domain& domain = *(domains_[departing->name] = std::move(departing->domain));
    for (auto& [name, binding] : departing->bindings) bindings_[name] = std::move(binding);
    for (auto& live : departing->sessions) {
      const SessionId id{next_session_++};
      Binding& binding = live->binding;
      Link& link = live->session.link();
      auto moved = link.move_to(loop_, [this, id](Link::Sign sign) { on_sign(id, sign); });
      if (moved && live->session.renewing())
        moved = live->session.next().move_to(loop_, [this, id, renewal = live->session.renewals() + 1](Link::Sign sign) {
          on_sign_of_renewed(id, renewal, sign);
        });
      if (!moved) {
        --binding.counters.sessions_live;
        --domain.sessions;
        domain.memory_bytes -= live->memory_bytes;
        link.hang_up();
        continue;
      }
      live->ready = live->throttled = live->gathering = live->hears_again = live->hot = live->leaving = false;
      live->window = 0;
      if (live->wait() == control::WaitMode::spin) ++spinning_;
      sessions_.emplace(number_of(id), std::move(live));
      SessionGuest guest = guest_of(binding);
      guest.answers = binding.answers;
      service_->session_begun(number_of(id), guest);
      tell_level(id, *live_session(id));
      arrived.push_back(id);
    }
  }
  return arrived;
}

std::vector<control::GuestFound> Backend::guests() const {
  std::map<std::string, std::set<pid_t>> peers;
  for (const auto& [id, live] : sessions_)
    if (const pid_t peer = live->session.link().peer(); peer > 0) peers[live->binding.config.domain].insert(peer);
  std::vector<control::GuestFound> guests;
  for (const auto& [domain, pids] : peers) {
    std::set<std::uint32_t> cpus;
    for (const pid_t pid : pids)
      for (const std::uint32_t cpu : affinity_of(pid)) cpus.insert(cpu);
    if (cpus.empty()) continue;
    control::GuestFound found{.domain = domain, .cpus = {cpus.begin(), cpus.end()}};
    for (const auto& [name, binding] : bindings_) {
      if (binding->config.domain != domain) continue;
      found.requests += binding->counters.total.count();
      found.latency_ns += static_cast<std::uint64_t>(binding->counters.total.sum().count());
    }
    guests.push_back(std::move(found));
  }
  return guests;
}

}  // namespace vs
