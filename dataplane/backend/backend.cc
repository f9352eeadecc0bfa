#include "dataplane/backend/backend.h"

#include <algorithm>
#include <bit>
#include <iterator>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/ids.h"
#include "base/log.h"
#include "dataplane/backend/handover.h"

namespace vs {
namespace {

// Whether its guests can go on meanwhile: they are the same, need no other entrance, and what was promised them stays.
bool changes_in_place(const control::BindingConfig& one, control::BindingConfig other, bool promised) {
  const control::Terms terms = std::exchange(other.terms, one.terms);
  return one == other && one.granted && !one.domid && terms.guarantee == one.terms.guarantee && terms.promise == one.terms.promise &&
         terms.content_classes == one.terms.content_classes && (!promised || terms.priority == one.terms.priority);
}

}  // namespace

RegionShape shape_of(const control::Terms& terms) {
  return {.request_bytes_log2 = static_cast<std::uint32_t>(std::bit_width(terms.request_bytes) - 1),
          .response_bytes_log2 = static_cast<std::uint32_t>(std::bit_width(terms.response_bytes) - 1),
          .wait = static_cast<vs_wait_mode>(terms.wait),
          .batch_messages = terms.batch_messages,
          .batch_us = terms.batch_us};
}

Backend::Backend(EventLoop& loop, std::string kind, std::unique_ptr<Service> service, std::unique_ptr<Transport> transport,
                 Neighbours* neighbours)
    : loop_(loop),
      kind_(std::move(kind)),
      transport_(std::move(transport)),
      neighbours_(neighbours == nullptr ? own_neighbours_ : *neighbours),
      frames_(loop),
      service_(std::move(service)) {
  service_->frames_from(frames_);
  loop_.poll_with(this);
}

Backend::~Backend() {
  loop_.poll_with(nullptr);
  alive_.reset();
  neighbours_.active -= active_told_;
  for (const auto& [name, binding] : bindings_) binding->entrance.reset();
  // Sessions first: what the service then drops is told to nobody, and frontends ask the next backend.
  sessions_.clear();
  service_.reset();
}

control::Applied Backend::configure(const control::Configure& wanted) { return configure(wanted, {}); }

control::Applied Backend::configure(const control::Configure& configure, std::vector<std::unique_ptr<Departing>> arriving) {
  control::Applied applied{.number = configure.number};
  std::vector<Service::Named> services;
  for (const auto& service : configure.services) {
    services.push_back({service.name, service.parameters});
    for (const auto& binding : configure.bindings)
      if (binding.granted && binding.service == service.name) {
        services.back().rights.push_back(binding.rights);
        services.back().sharings.push_back(binding.sharing);
        services.back().domains.push_back(binding.domain);
      }
  }
  auto problems = service_->configure(services);
  const std::vector<SessionId> arrived = arrive(std::move(arriving));
  FramePools::Changes frames = configure_frames(configure);
  std::move(frames.problems.begin(), frames.problems.end(), std::back_inserter(problems));
  for (auto& [name, error] : problems)
    for (const auto& binding : configure.bindings)
      if (binding.service == name) applied.problems.push_back({binding.name, "service " + name + ": " + error.message});

  std::map<std::string, std::unique_ptr<Binding>> before = std::exchange(bindings_, {});
  std::map<std::string, std::unique_ptr<Domain>> domains_before = std::exchange(domains_, {});
  std::size_t request_bytes_max = 0;
  for (const auto& wanted : configure.bindings) {
    auto known = before.extract(wanted.name);
    std::unique_ptr<Binding> binding = known.empty() ? std::make_unique<Binding>() : std::move(known.mapped());
    if (frames.services.contains(binding->config.service)) end_guests(*binding);
    binding->config.epoch = wanted.epoch;  // who commands is another matter than what is served
    binding->config.uid = wanted.uid;
    if (binding->config != wanted && changes_in_place(binding->config, wanted, binding->classes != nullptr)) {
      const bool begins = binding->config.terms.tune != wanted.terms.tune || wanted.terms.tune == control::Tune::off;
      control::Terms terms = wanted.terms;
      if (!begins) {  // what was chosen stays
        terms.wait = binding->terms.wait;
        terms.request_bytes = binding->terms.request_bytes;
        terms.response_bytes = binding->terms.response_bytes;
      } else {
        binding->tuner = {};
      }
      binding->config.terms = wanted.terms;
      change_terms(*binding, terms);
    } else if (binding->config != wanted) {
      end_guests(*binding);
      drop_answers(*binding);
      const bool moved = binding->config.domain != wanted.domain || binding->config.device != wanted.device ||
                         binding->config.domid != wanted.domid ||
                         (wanted.domid && binding->config.terms != wanted.terms);
      if (moved) binding->entrance.reset();
      binding->config = wanted;
      binding->terms = wanted.terms;
      binding->tuner = {};
      binding->bucket = TokenBucket(wanted.terms.rate_per_s, wanted.terms.burst, std::chrono::steady_clock::now());
      if (auto made = make_classes(*binding); !made) applied.problems.push_back({wanted.name, made.error().message});
    }
    auto& domain = domains_[wanted.domain];
    if (!domain) {
      auto known_domain = domains_before.extract(wanted.domain);
      domain = known_domain.empty() ? std::make_unique<Domain>() : std::move(known_domain.mapped());
    }
    binding->domain = domain.get();
    if (!binding->entrance)
      if (auto opened = open_binding(*binding); !opened) applied.problems.push_back({wanted.name, opened.error().message});
    bindings_[wanted.name] = std::move(binding);
  }
  for (const auto& [id, live] : sessions_)  // some may have a larger ring as yet
    request_bytes_max = std::max(request_bytes_max, live->session.request_ring_bytes());
  for (const auto& [name, binding] : bindings_)
    request_bytes_max = std::max<std::size_t>(request_bytes_max, binding->terms.request_bytes);
  scratch_.resize(request_bytes_max / VS_RECORD_PART_OF_RING);
  preview_.resize(scratch_.size());
  watch_quality();
  for (const auto& [name, binding] : before) {
    end_guests(*binding);
    drop_answers(*binding);
  }
  watch_tuned();
  ended_.clear();  // they refer to bindings that go now
  before.clear();
  for (const auto& [name, domain] : domains_before)
    for (Flow& flow : domain->flows) scheduler_.remove(flow);
  const auto now = std::chrono::steady_clock::now();
  for (const SessionId id : arrived)
    if (LiveSession* live = live_session(id)) make_ready(id, *live, now);  // looks, and asks for the doorbell
  return applied;
}

FramePools::Changes Backend::configure_frames(const control::Configure& configure) {
  std::map<std::string, FramePools::Wanted> wanted;
  for (const auto& service : configure.services)
    if (const auto needs = service_->frames(service.name)) wanted[service.name].needs = *needs;
  for (const auto& binding : configure.bindings)
    if (const auto found = wanted.find(binding.service); found != wanted.end() && binding.granted &&
        service_->reads_frames({binding.service, binding.name, binding.rights, binding.domain, binding.sharing}))
      found->second.domains.insert(binding.domain);
  return frames_.configure(wanted);
}

Result<> Backend::open_binding(Binding& binding) {
  const auto& config = binding.config;
  const Device device{.domain = config.domain,
                      .name = config.device,
                      .kind = kind_,
                      .domid = config.domid,
                      .region_bytes = region_bytes(shape_of(binding.terms))};
  auto entrance = transport_->open(loop_, device,
                                   {.on_hello = [this, &binding](Caller& caller) { welcome(binding, caller); },
                                    .on_bad_hello =
                                        [this, &binding](const std::string& why) {
                                          ++binding.counters.hellos_bad;
                                          if (!why.empty()) misbehaved(binding, why);
                                        },
                                    .on_crowd = [&binding] { ++binding.counters.sessions_exhausted; }});
  if (!entrance) return fail(std::move(entrance.error()).within("binding " + config.name));
  binding.entrance = std::move(*entrance);
  return {};
}

void Backend::end_guests(Binding& binding) {
  if (binding.entrance) binding.entrance->end_handshakes();
  for (const SessionId id : sessions_of(binding)) end_session(id, "binding changed");
}

std::vector<SessionId> Backend::sessions_of(const Binding& binding) const {
  std::vector<SessionId> ids;
  for (const auto& [id, live] : sessions_)
    if (&live->binding == &binding) ids.push_back(SessionId{id});
  return ids;
}

void Backend::refuse(Binding& binding, Caller& caller, vs_status status, vs_refusal reason) {
  if (status == VS_STATUS_EXHAUSTED) ++binding.counters.sessions_exhausted;
  if (status == VS_STATUS_INVALID) ++binding.counters.hellos_bad;
  if (reason == VS_REFUSAL_MEMORY) ++binding.counters.memory_exhausted;
  caller.refuse(status, reason);
}

void Backend::refuse_by_policy(Binding& binding, Caller& caller) {
  ++binding.counters.opens_refused;
  if (std::exchange(refusals_told_, false) && on_refusal_) on_refusal_();
  refuse(binding, caller, VS_STATUS_DENIED, VS_REFUSAL_POLICY);
}

void Backend::misbehaved(Binding& binding, const std::string& why) {
  ++binding.misdeeds;
  binding.misdeed = why.substr(0, kMisdeedBytesMax);
  if (std::exchange(refusals_told_, false) && on_refusal_) on_refusal_();
}

void Backend::welcome(Binding& binding, Caller& caller) {
  const Hello& hello = caller.hello();
  const control::Terms& terms = binding.terms;
  Domain& domain = *binding.domain;
  if (!binding.config.granted) return refuse_by_policy(binding, caller);
  if (hello.service != kind_) return refuse(binding, caller, VS_STATUS_INVALID, VS_REFUSAL_SERVICE);
  if (hello.device != binding.config.device) return refuse(binding, caller, VS_STATUS_DENIED, VS_REFUSAL_DEVICE);
  if (binding.frozen) {
    ++binding.counters.opens_frozen;
    return refuse(binding, caller, VS_STATUS_UNAVAILABLE, VS_REFUSAL_MIGRATING);
  }
  if (sessions_.size() >= kSessionsMax || domain.sessions >= kSessionsPerDomainMax)
    return refuse(binding, caller, VS_STATUS_EXHAUSTED, VS_REFUSAL_SESSIONS);
  if (hello.ticket != 0) return welcome_renewed(binding, caller);
  RegionShape shape = shape_of(terms);
  if (domain.memory_bytes + region_bytes(shape) > terms.memory_bytes_max)
    return refuse(binding, caller, VS_STATUS_EXHAUSTED, VS_REFUSAL_MEMORY);
  std::unique_ptr<FrameReader> reader;
  SessionGuest guest = guest_of(binding);
  if (auto pool = frames_.pool_of(binding.config.service); pool && hello.takes_pool && service_->reads_frames(guest))
    reader = std::make_unique<FrameReader>(std::move(pool), binding.config.domain);
  const SessionId id{next_session_++};
  SharedMemory memory = reader ? reader->pool->memory() : SharedMemory{};
  if (!hello.takes_broadcast) memory.broadcast = -1;
  guest.reads_broadcast = memory.broadcast >= 0;
  if (const auto answers = hello.takes_answers ? answers_of(binding) : nullptr) {
    memory.answers = answers->memory();
    guest.answers = answers;
  }
  if (hello.takes_renewal) shape.ticket = make_ticket();
  auto link = caller.welcome(shape, memory, [this, id](Link::Sign sign) { on_sign(id, sign); });
  if (!link && link.error().code == ErrorCode::unavailable) return;  // the guest is gone
  if (!link) {
    log::warn("session.not_opened", {{"binding", binding.config.name}, {"error", link.error()}});
    return refuse(binding, caller, VS_STATUS_EXHAUSTED, VS_REFUSAL_MEMORY);
  }
  auto made = std::make_unique<LiveSession>(LiveSession{
      binding, Session(std::move(*link), std::move(reader), binding.counters), shape.ticket != 0});
  LiveSession& live = *made;
  sessions_.emplace(number_of(id), std::move(made));
  ++domain.sessions;
  charge_memory(live);
  ++binding.counters.sessions_live;
  if (live.wait() == control::WaitMode::spin) ++spinning_;
  service_->session_begun(number_of(id), guest);
  tell_level(id, live);
  make_ready(id, live, std::chrono::steady_clock::now());  // its first turn asks for its doorbell
}

std::uint64_t Backend::flush(const control::Flush& what) {
  for (const auto& [name, binding] : bindings_) {
    const control::BindingConfig& config = binding->config;
    if (binding->answers && config.service == what.service && (what.domain.empty() || config.domain == what.domain))
      binding->answers->clear();  // whole: what else is in it comes back with the next question
  }
  return service_->flush(what.service, what.domain, what.name);
}

SessionGuest Backend::guest_of(const Binding& binding) {
  const control::BindingConfig& config = binding.config;
  return {config.service, config.name, config.rights, config.domain, config.sharing};
}

std::shared_ptr<BindingAnswers> Backend::answers_of(Binding& binding) {
  if (binding.answers || !service_->tells_ahead(binding.config.service)) return binding.answers;
  Domain& domain = *binding.domain;
  if (domain.memory_bytes + answers_bytes() > binding.config.terms.memory_bytes_max) return nullptr;
  auto memory = LocalAnswers::create(kAnswersSlots);
  if (!memory) {
    log::warn("session.without_answers", {{"binding", binding.config.name}, {"error", memory.error()}});
    return nullptr;
  }
  domain.memory_bytes += answers_bytes();
  return binding.answers = std::make_shared<BindingAnswers>(std::move(*memory));
}

// Its guest may read on what is in it, and finds nothing new: what it asked for is its own.
void Backend::drop_answers(Binding& binding) {
  if (!binding.answers) return;
  binding.domain->memory_bytes -= answers_bytes();
  binding.answers.reset();
}

Backend::LiveSession* Backend::live_session(SessionId id) {
  const auto found = sessions_.find(number_of(id));
  return found == sessions_.end() ? nullptr : found->second.get();
}

void Backend::break_session(SessionId id, const Error& error) {
  LiveSession* live = live_session(id);
  if (live == nullptr) return;
  Binding& binding = live->binding;
  const vs_broken why = live->session.broken();
  const auto now = std::chrono::steady_clock::now();
  ++binding.counters.broken[why];
  binding.broken_last = why;
  binding.broken_at = now;
  misbehaved(binding, "it broke the ring: " + error.message);
  if (now - binding.broken_logged < kBrokenLogPause) {
    ++binding.broken_unlogged;
  } else {
    log::warn("session.broken", {{"binding", binding.config.name},
                                 {"domain", binding.config.domain},
                                 {"why", name_of(why)},
                                 {"error", error},
                                 {"not_logged", std::exchange(binding.broken_unlogged, 0)}});
    binding.broken_logged = now;
  }
  end_session(id, "broken");
}

void Backend::end_session(SessionId id, const char* why) {
  auto node = sessions_.extract(number_of(id));
  if (node.empty()) return;
  LiveSession& live = *node.mapped();
  Domain& domain = *live.binding.domain;
  --live.binding.counters.sessions_live;
  --domain.sessions;
  domain.memory_bytes -= live.memory_bytes;
  if (live.wait() == control::WaitMode::spin) --spinning_;
  if (live.leaving) depart_if_answered(domain);
  if (live.binding.draining) end_drain_if_answered();
  log::debug("session.ended", {{"binding", live.binding.config.name}, {"why", why}});
  // The guest sees the end at once; the memory goes when nobody on the stack uses it.
  live.session.link().hang_up();
  service_->session_ended(number_of(id));
  if (ended_.empty())
    loop_.defer([this, alive = std::weak_ptr(alive_)] {
      if (!alive.expired()) ended_.clear();
    });
  ended_.push_back(std::move(node.mapped()));
}

std::vector<control::Refused> Backend::take_refusals() {
  refusals_told_ = true;
  std::vector<control::Refused> refusals;
  for (const auto& [name, binding] : bindings_) {
    const std::uint64_t total = binding->counters.opens_refused;
    const bool no_more = std::exchange(binding->refusals_reported, total) == total;
    if (std::exchange(binding->misdeeds_reported, binding->misdeeds) == binding->misdeeds && no_more) continue;
    refusals.push_back(
        {name, binding->config.domain, binding->config.device, total, binding->misdeeds, binding->misdeed});
  }
  return refusals;
}

}  // namespace vs
