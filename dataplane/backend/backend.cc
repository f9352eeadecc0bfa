#include "dataplane/backend/backend.h"

#include <sys/socket.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/ids.h"
#include "base/log.h"

namespace vs {
namespace {

constexpr std::uint64_t ticket_of(std::uint64_t session, std::size_t slot) { return session * kUnansweredMax + slot; }

constexpr vs_status status_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::invalid:     return VS_STATUS_INVALID;
    case ErrorCode::denied:      return VS_STATUS_DENIED;
    case ErrorCode::not_found:   return VS_STATUS_NOT_FOUND;
    case ErrorCode::conflict:    return VS_STATUS_CONFLICT;
    case ErrorCode::exhausted:   return VS_STATUS_EXHAUSTED;
    case ErrorCode::unavailable: return VS_STATUS_UNAVAILABLE;
    case ErrorCode::internal:    return VS_STATUS_INTERNAL;
  }
  __builtin_unreachable();
}

// Names become paths. vsmgrd checked them; what goes into a path is checked where it does.
bool safe_in_path(const std::string& name) {
  return !name.empty() && name.size() <= 63 && name.find('/') == std::string::npos && name.front() != '.';
}

}  // namespace

Backend::Backend(EventLoop& loop, std::string kind, std::unique_ptr<Service> service, std::filesystem::path directory)
    : loop_(loop), kind_(std::move(kind)), directory_(std::move(directory)), service_(std::move(service)) {
  loop_.poll_with(this);
  scratch_.resize((std::size_t{1} << RegionShape{}.request_bytes_log2) / VS_RECORD_PART_OF_RING);
}

Backend::~Backend() {
  loop_.poll_with(nullptr);
  alive_.reset();
  for (const auto& [socket, handshake] : handshakes_) {
    loop_.cancel(handshake.timer);
    loop_.unwatch(socket);
  }
  for (const auto& [id, live] : sessions_) loop_.unwatch(live->session.socket());
  for (const auto& [name, binding] : bindings_) close_listener(*binding);
  // Sessions first: what the service then drops is told to nobody, and frontends ask the next backend.
  sessions_.clear();
  service_.reset();
}

control::Applied Backend::configure(const control::Configure& configure) {
  control::Applied applied{.number = configure.number};
  std::vector<Service::Named> services;
  for (const auto& service : configure.services) services.push_back({service.name, service.parameters});
  for (auto& [name, error] : service_->configure(services))
    for (const auto& binding : configure.bindings)
      if (binding.service == name) applied.problems.push_back({binding.name, "service " + name + ": " + error.message});

  std::map<std::string, std::unique_ptr<Binding>> before = std::exchange(bindings_, {});
  for (const auto& wanted : configure.bindings) {
    auto known = before.extract(wanted.name);
    std::unique_ptr<Binding> binding = known.empty() ? std::make_unique<Binding>() : std::move(known.mapped());
    if (binding->config != wanted) {
      end_guests(*binding);
      const bool moved = binding->config.domain != wanted.domain || binding->config.device != wanted.device;
      if (moved) close_listener(*binding);
      binding->config = wanted;
    }
    if (!binding->listener)
      if (auto opened = open_binding(*binding); !opened) applied.problems.push_back({wanted.name, opened.error().message});
    bindings_[wanted.name] = std::move(binding);
  }
  for (const auto& [name, binding] : before) {
    end_guests(*binding);
    close_listener(*binding);
  }
  ended_.clear();  // they refer to bindings that go now
  config_number_ = configure.number;
  log::info("backend.configured", {{"number", configure.number},
                                   {"services", configure.services.size()},
                                   {"bindings", configure.bindings.size()},
                                   {"problems", applied.problems.size()}});
  return applied;
}

Result<> Backend::open_binding(Binding& binding) {
  const auto& config = binding.config;
  if (!safe_in_path(config.domain) || !safe_in_path(config.device))
    return fail(ErrorCode::invalid, "binding " + config.name + ": a name that cannot be a path");
  const auto home = directory_ / config.domain;
  if (::mkdir(home.c_str(), 0755) != 0 && errno != EEXIST) return fail_errno(errno, "make " + home.string());
  ::chmod(home.c_str(), 0755);  // whatever the umask: the guest is another user
  auto listener = LocalListener::open(home / config.device);
  if (!listener) return fail(std::move(listener.error()));
  binding.listener.emplace(std::move(*listener));
  return loop_.watch(binding.listener->fd(), EPOLLIN, [this, &binding](std::uint32_t) { accept(binding); });
}

void Backend::close_listener(Binding& binding) {
  if (!binding.listener) return;
  loop_.unwatch(binding.listener->fd());
  binding.listener.reset();
}

void Backend::end_guests(Binding& binding) {
  std::vector<int> sockets;
  for (const auto& [socket, handshake] : handshakes_)
    if (&handshake.binding == &binding) sockets.push_back(socket);
  for (const int socket : sockets) end_handshake(socket);
  std::vector<SessionId> ids;
  for (const auto& [id, live] : sessions_)
    if (&live->binding == &binding) ids.push_back(SessionId{id});
  for (const SessionId id : ids) end_session(id, "binding changed");
}

void Backend::accept(Binding& binding) {
  for (int accepted = 0; accepted < kAcceptsPerEventMax; ++accepted) {
    auto connection = binding.listener->accept();
    if (!connection) {
      log::warn("session.not_accepted", {{"binding", binding.config.name}, {"error", connection.error()}});
      loop_.rewatch(binding.listener->fd(), 0);
      loop_.after(kAcceptPause, [this, alive = std::weak_ptr(alive_), name = binding.config.name] {
        if (alive.expired()) return;
        const auto found = bindings_.find(name);
        if (found != bindings_.end() && found->second->listener)
          loop_.rewatch(found->second->listener->fd(), EPOLLIN);
      });
      return;
    }
    if (!*connection) return;
    begin_handshake(binding, std::move(**connection));
  }
}

void Backend::begin_handshake(Binding& binding, UniqueFd socket) {
  if (binding.handshakes >= kHandshakesPerBindingMax) return refuse(binding, socket.get(), VS_STATUS_EXHAUSTED);
  const int fd = socket.get();
  const auto watched = loop_.watch(fd, EPOLLIN | EPOLLRDHUP, [this, fd](std::uint32_t) { continue_handshake(fd); });
  if (!watched) return refuse(binding, fd, VS_STATUS_EXHAUSTED);
  ++binding.handshakes;
  const TimerId timer = loop_.after(kHandshakeTimeout, [this, fd] {
    ++handshakes_.at(fd).binding.counters.hellos_bad;
    end_handshake(fd);
  });
  handshakes_.emplace(fd, Handshake{binding, std::move(socket), timer});
  continue_handshake(fd);  // a frontend says hello right after connecting: it is mostly here
}

void Backend::continue_handshake(int fd) {
  auto hello = receive_hello(fd);
  if (hello && !*hello) return;
  Handshake& handshake = handshakes_.at(fd);
  Binding& binding = handshake.binding;
  UniqueFd socket = std::move(handshake.socket);
  loop_.unwatch(fd);
  end_handshake(fd);
  if (!hello) {
    ++binding.counters.hellos_bad;
    if (hello.error().code == ErrorCode::invalid) (void)send_refusal(socket.get(), VS_STATUS_INVALID);
    return;
  }
  welcome(binding, std::move(socket), **hello);
}

void Backend::end_handshake(int fd) {
  const auto node = handshakes_.extract(fd);
  if (node.empty()) return;
  Handshake& handshake = node.mapped();
  loop_.cancel(handshake.timer);
  if (handshake.socket) loop_.unwatch(fd);
  --handshake.binding.handshakes;
}

void Backend::refuse(Binding& binding, int socket, vs_status status) {
  if (status == VS_STATUS_EXHAUSTED) ++binding.counters.sessions_exhausted;
  (void)send_refusal(socket, status);  // a guest that is gone already needs no answer
}

void Backend::welcome(Binding& binding, UniqueFd socket, const LocalHello& hello) {
  if (!binding.config.granted) {
    ++binding.counters.opens_refused;
    if (std::exchange(refusals_told_, false) && on_refusal_) on_refusal_();
    return refuse(binding, socket.get(), VS_STATUS_DENIED);
  }
  if (hello.service != kind_) {
    ++binding.counters.hellos_bad;
    return refuse(binding, socket.get(), VS_STATUS_INVALID);
  }
  std::size_t& of_domain = sessions_by_domain_[binding.config.domain];
  if (sessions_.size() >= kSessionsMax || of_domain >= kSessionsPerDomainMax)
    return refuse(binding, socket.get(), VS_STATUS_EXHAUSTED);
  auto region = LocalRegion::create(RegionShape{}, hello.generation);
  if (!region) {
    log::warn("session.not_opened", {{"binding", binding.config.name}, {"error", region.error()}});
    return refuse(binding, socket.get(), VS_STATUS_EXHAUSTED);
  }
  const SessionId id{next_session_++};
  const int fd = socket.get();
  const auto watched = loop_.watch(fd, EPOLLIN | EPOLLRDHUP | EPOLLET,
                                   [this, id](std::uint32_t events) { on_session_event(id, events); });
  if (!watched) return refuse(binding, fd, VS_STATUS_EXHAUSTED);
  if (!send_welcome(fd, region->header().bytes, region->memory())) return loop_.unwatch(fd);
  region->close_memory();
  auto live = std::make_unique<LiveSession>(
      LiveSession{binding, Session(std::move(socket), std::move(*region), binding.counters)});
  sessions_.emplace(number_of(id), std::move(live));
  ++of_domain;
  ++binding.counters.sessions_live;
  serve(id);
}

void Backend::on_session_event(SessionId id, std::uint32_t events) {
  if ((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) return end_session(id, "closed by the guest");
  const auto found = sessions_.find(number_of(id));
  if (found == sessions_.end()) return;
  if (!found->second->session.woken()) return end_session(id, "closed by the guest");
  serve(id);
}

void Backend::serve(SessionId id) {
  const auto found = sessions_.find(number_of(id));
  if (found == sessions_.end()) return;
  LiveSession& live = *found->second;  // stays in memory, even when it ends meanwhile
  const auto now = std::chrono::steady_clock::now();
  if (std::exchange(live.window, window_) != window_) ++active_;
  for (int turn = 0; turn < kBatchRequestsMax; ++turn) {  // empty turns count: a guest may say `here` and `not` in turns
    auto request = live.session.take(scratch_, now);
    if (!request) return break_session(id, request.error());
    if (*request) {
      const TakenRequest& one = **request;
      const auto wait = one.timeout_ms == 0 ? kRequestTimeoutMax
                                            : std::min(std::chrono::milliseconds(one.timeout_ms), kRequestTimeoutMax);
      service_->handle({live.binding.config.service, one.type, one.payload, now + wait},
                      Reply(*this, ticket_of(number_of(id), one.slot)));
      if (!sessions_.contains(number_of(id))) return;  // its answer broke it
      continue;
    }
    if (live.session.waiting_for_answers()) return live.session.release();  // answer() goes on
    if (keep_hot(id, live)) return live.session.release();                  // poll() or settle() goes on
    if (live.session.rest()) return;                                        // asleep until a doorbell
  }
  live.session.release();
  serve_later(id);
}

// After everyone else who is ready.
void Backend::serve_later(SessionId id) {
  LiveSession& live = *sessions_.at(number_of(id));
  if (std::exchange(live.again_scheduled, true)) return;
  loop_.defer([this, alive = std::weak_ptr(alive_), id] {
    if (alive.expired()) return;
    const auto found = sessions_.find(number_of(id));
    if (found == sessions_.end()) return;
    found->second->again_scheduled = false;
    serve(id);
  });
}

void Backend::answer(std::uint64_t ticket, Result<std::span<const std::byte>> answer) {
  const SessionId id{ticket / kUnansweredMax};
  const auto found = sessions_.find(number_of(id));
  if (found == sessions_.end()) return;  // the guest is gone; it will ask again, or not
  Session& session = found->second->session;
  const bool held = session.waiting_for_answers();
  const vs_status status = answer ? VS_STATUS_OK : status_of(answer.error().code);
  const auto bytes = answer ? *answer : std::span<const std::byte>{};
  const auto given = session.answer(ticket % kUnansweredMax, status, bytes, std::chrono::steady_clock::now());
  if (!given) return break_session(id, given.error());
  if (held) serve_later(id);
}

void Backend::break_session(SessionId id, const Error& error) {
  const auto found = sessions_.find(number_of(id));
  if (found == sessions_.end()) return;
  Binding& binding = found->second->binding;
  const vs_broken why = found->second->session.broken();
  ++binding.counters.broken[why];
  log::warn("session.broken", {{"binding", binding.config.name},
                               {"domain", binding.config.domain},
                               {"why", name_of(why)},
                               {"error", error}});
  end_session(id, "broken");
}

void Backend::end_session(SessionId id, const char* why) {
  auto node = sessions_.extract(number_of(id));
  if (node.empty()) return;
  LiveSession& live = *node.mapped();
  loop_.unwatch(live.session.socket());
  --live.binding.counters.sessions_live;
  const auto of_domain = sessions_by_domain_.find(live.binding.config.domain);
  if (--of_domain->second == 0) sessions_by_domain_.erase(of_domain);
  log::debug("session.ended", {{"binding", live.binding.config.name}, {"why", why}});
  // The guest sees the end at once; the memory goes when nobody on the stack uses it.
  ::shutdown(live.session.socket(), SHUT_RDWR);
  if (ended_.empty())
    loop_.defer([this, alive = std::weak_ptr(alive_)] {
      if (!alive.expired()) ended_.clear();
    });
  ended_.push_back(std::move(node.mapped()));
}

std::size_t Backend::active(TimePoint now) {
  if (now - window_since_ > kActiveWindow) {
    active_before_ = now - window_since_ > 2 * kActiveWindow ? 0 : active_;
    active_ = 0;
    window_since_ = now;
    ++window_;
  }
  return std::max(active_, active_before_);
}

bool Backend::poll() {
  bool found = false;
  for (std::size_t i = 0; i < hot_.size(); ++i) {
    const SessionId id = hot_[i];
    const auto live = sessions_.find(number_of(id));
    if (live == sessions_.end() || live->second->again_scheduled || !live->second->session.has_request()) continue;
    found = true;
    serve(id);
  }
  return found;
}

bool Backend::settle() {
  bool quiet = true;
  for (const SessionId id : std::exchange(hot_, {})) {
    const auto live = sessions_.find(number_of(id));
    if (live == sessions_.end()) continue;
    live->second->hot = false;
    if (live->second->again_scheduled || live->second->session.rest()) continue;
    keep_hot(id, *live->second);
    quiet = false;
  }
  return quiet;
}

// False when enough sessions are hot already.
bool Backend::keep_hot(SessionId id, LiveSession& live) {
  if (live.hot) return true;
  if (hot_.size() >= kHotSessionsMax) return false;
  hot_.push_back(id);
  return live.hot = true;
}

std::vector<Sample> Backend::samples() const {
  std::vector<Sample> samples = service_->samples();
  append_samples(samples, loop_.counts(), {{"kind", kind_}});
  for (const auto& [name, binding] : bindings_)
    append_samples(samples, binding->counters,
                   {{"binding", name}, {"domain", binding->config.domain}, {"service", binding->config.service}});
  return samples;
}

std::vector<control::Refused> Backend::take_refusals() {
  refusals_told_ = true;
  std::vector<control::Refused> refusals;
  for (const auto& [name, binding] : bindings_) {
    const std::uint64_t total = binding->counters.opens_refused;
    if (std::exchange(binding->refusals_reported, total) == total) continue;
    refusals.push_back({name, binding->config.domain, binding->config.device, total});
  }
  return refusals;
}

}  // namespace vs
