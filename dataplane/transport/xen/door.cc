#include "dataplane/transport/xen/door.h"

#include <sys/random.h>

#include <cstring>
#include <utility>

#include "base/check.h"
#include "base/log.h"
#include "dataplane/abi/xen.h"
#include "dataplane/transport/xen/directory.h"

namespace vs {
namespace {

inline constexpr const char* kDomainsToken = "domains";

std::string announcement(std::uint32_t domid, const std::string& device) { return guest_home(domid) + "/vservice/" + device; }
std::string frontends(std::uint32_t domid) { return guest_home(domid) + "/device/vservice"; }
std::string frontend(std::uint32_t domid, std::uint32_t node) { return frontends(domid) + "/" + std::to_string(node); }
std::string backends(std::uint32_t own, std::uint32_t domid) {
  return guest_home(own) + "/backend/vservice/" + std::to_string(domid);
}

std::string new_owner() {
  std::uint64_t number = 0;
  VS_CHECK(::getrandom(&number, sizeof number, 0) == sizeof number);
  return std::to_string(number);
}

}  // namespace

Result<std::unique_ptr<XenDoor>> XenDoor::prepare(std::size_t loops) {
  auto store = Xenstore::open();
  if (!store) return fail(std::move(store.error()));
  auto mapper = GrantMapper::open();
  if (!mapper) return fail(std::move(mapper.error()));
  std::vector<std::unique_ptr<Bells>> bells;
  for (std::size_t i = 0; i < loops; ++i) {
    auto one = Bells::open();
    if (!one) return fail(std::move(one.error()));
    bells.push_back(std::move(*one));
  }
  return std::unique_ptr<XenDoor>(new XenDoor(std::move(*store), std::move(*mapper), std::move(bells)));
}

XenDoor::XenDoor(Xenstore store, std::shared_ptr<GrantMapper> mapper, std::vector<std::unique_ptr<Bells>> bells)
    : store_(std::move(store)), mapper_(std::move(mapper)), bells_(std::move(bells)), owner_(new_owner()) {}

XenDoor::~XenDoor() {
  stop();
  for (const auto& [number, opening] : openings_) retract(*opening);
}

void XenDoor::retract(const Opening& opening) {
  (void)store_.remove_if(announcement(opening.domid, opening.device), "owner", owner_);
}

void XenDoor::stop() {
  loop_.stop();
  if (thread_.joinable()) thread_.join();
}

void XenDoor::start() {
  loop_.post([this] {
    if (const auto own = store_.read_number("domid", kPortMax); own && *own) own_domid_ = **own;
    auto watched = store_.watch("@releaseDomain", kDomainsToken);
    if (watched) watched = loop_.watch(store_.fd(), EPOLLIN, [this](std::uint32_t) { take_events(); });
    if (!watched) log::error("xen.not_watching", {{"error", watched.error()}});
  });
  thread_ = std::thread([this] { loop_.run(); });
}

std::shared_ptr<Bells> XenDoor::take_bells() {
  std::shared_ptr<Bells> bells = std::move(bells_.back());
  bells_.pop_back();
  return bells;
}

std::uint64_t XenDoor::open(Opening opening) {
  const std::uint64_t number = next_opening_++;
  loop_.post([this, number, shared = std::make_shared<Opening>(std::move(opening))] {
    openings_[number] = shared;
    announce(number);
  });
  return number;
}

void XenDoor::close(std::uint64_t opening) {
  loop_.post([this, opening] { withdraw(opening); });
}

void XenDoor::connected(XenOpenId id) {
  loop_.post([this, id] {
    Place place;
    Open* open = find(id, place);
    if (open == nullptr || open->closed) return;
    open->answered = true;
    answer(place.domid, place.node, open->nonce, VS_XEN_CONNECTED, nullptr);
  });
}

void XenDoor::closed(XenOpenId id) {
  loop_.post([this, id] {
    Place place;
    Open* open = find(id, place);
    if (open == nullptr) return;
    open->arrived = false;
    if (!open->closed) answer(place.domid, place.node, open->nonce, VS_XEN_CLOSED, nullptr);
    open->closed = true;
    remove_frontend(place.domid, place.node, open->nonce);  // its own end comes by the watch
  });
}

void XenDoor::refused(XenOpenId id, vs_status status, vs_refusal reason, std::string words) {
  loop_.post([this, id, trouble = Trouble{status, reason, std::move(words)}] {
    Place place;
    Open* open = find(id, place);
    if (open == nullptr || open->closed) return;
    open->arrived = false;
    open->closed = true;
    answer(place.domid, place.node, open->nonce, VS_XEN_CLOSED, &trouble);
  });
}

XenDoor::Open* XenDoor::find(XenOpenId id, Place& place) {
  const auto found = places_.find(static_cast<std::uint64_t>(id));
  if (found == places_.end()) return nullptr;
  place = found->second;
  return &guests_.at(place.domid).opens.at(place.node);
}

void XenDoor::announce(std::uint64_t number) {
  const auto& opening = *openings_.at(number);
  const std::uint32_t domid = opening.domid;
  const bool known = guests_.contains(domid);
  Guest& guest = guests_[domid];
  guest.devices[opening.device] = number;
  const std::string home = announcement(domid, opening.device);
  const std::string below = backends(own_domid_, domid);
  homes_.insert(domid);
  const auto note = [](const Result<>& done) {
    if (!done) log::warn("xen.not_announced", {{"error", done.error()}});
    return done.has_value();
  };
  // The guest owns the node below which it opens; the rest it can only read.
  if (!known)
    if (!note(store_.make(below, own_domid_, domid)) || !note(store_.make(frontends(domid), domid, own_domid_)) ||
        !note(store_.watch(frontends(domid), std::to_string(domid))))
      return;
  // The owner first: who announced it before takes it away no more.
  const std::array<std::pair<const char*, std::string>, 5> keys{{{"owner", owner_},
                                                                 {"service", opening.service},
                                                                 {"backend-id", std::to_string(own_domid_)},
                                                                 {"region-bytes", std::to_string(opening.region_bytes)},
                                                                 {"backend", below}}};
  if (!note(store_.make(guest_home(domid) + "/vservice", own_domid_, domid)) || !note(store_.make(home, own_domid_, domid))) return;
  for (const auto& [key, value] : keys)
    if (!note(store_.write(home + "/" + key, value))) return;
  if (known) look_at_nodes(domid, false);  // of a device that was withdrawn, somebody may wait
}

void XenDoor::withdraw(std::uint64_t number) {
  const auto node = openings_.extract(number);
  if (node.empty()) return;
  const std::uint32_t domid = node.mapped()->domid;
  const auto found = guests_.find(domid);
  if (found == guests_.end()) return;
  Guest& guest = found->second;
  const auto device = guest.devices.find(node.mapped()->device);
  if (device != guest.devices.end() && device->second == number) {
    guest.devices.erase(device);
    retract(*node.mapped());
  }
  for (auto& [name, open] : guest.opens) {
    if (open.opening != number || open.closed) continue;
    open.closed = true;
    answer(domid, name, open.nonce, VS_XEN_CLOSED, nullptr);
    remove_frontend(domid, name, open.nonce);
  }
  if (guest.devices.empty()) forget_domain(domid);
}

void XenDoor::forget_domain(std::uint32_t domid) {
  store_.unwatch(frontends(domid), std::to_string(domid));
  const std::string home = backends(own_domid_, domid);
  for (const auto& [name, open] : guests_.at(domid).opens) {
    (void)store_.remove_if(home + "/" + std::to_string(name), "nonce", open.nonce);  // or it is the next backend's
    if (open.arrived) tell_end(open);
    places_.erase(static_cast<std::uint64_t>(open.id));
  }
  guests_.erase(domid);
  clear_home(domid);
}

// While the domain lives there may be other backends' nodes, too; one that is withdrawn as it dies is looked at again when it is gone.
void XenDoor::clear_home(std::uint32_t domid) {
  if (guests_.contains(domid) || store_.domain_lives(domid)) return;
  (void)store_.remove(backends(own_domid_, domid));
  homes_.erase(domid);
}

void XenDoor::take_events() {
  for (std::size_t taken = 0; taken < kXenEventsPerTakeMax; ++taken) {
    const auto event = store_.next_event();
    if (!event) return;
    if (event->token == kDomainsToken) {
      look_at_guests();
      continue;
    }
    const auto domid = decimal(event->token, 0xffff);
    if (!domid || !guests_.contains(*domid)) continue;
    const std::string base = frontends(*domid) + "/";
    if (!event->path.starts_with(base)) {
      look_at_nodes(*domid, std::exchange(guests_.at(*domid).unseen, false));  // the watch is new, or the whole of it went
      continue;
    }
    // NODE, or NODE/state: the state is written last, and a node that goes, goes as a whole
    const std::string_view rest = std::string_view(event->path).substr(base.size());
    const auto slash = rest.find('/');
    if (slash != std::string_view::npos && rest.substr(slash) != "/state") continue;
    if (const auto node = decimal(rest.substr(0, slash), kPortMax)) look_at_node(*domid, *node, false);
  }
  loop_.post([this] { take_events(); });
}

// A domain that begins to die must be let go at once: while a page of it is mapped, it cannot go.
void XenDoor::look_at_guests() {
  std::vector<std::uint32_t> gone;
  for (const auto& [domid, guest] : guests_)
    if (!store_.domain_lives(domid)) gone.push_back(domid);
  for (const std::uint32_t domid : gone) {
    log::info("xen.domain_gone", {{"domid", domid}});
    forget_domain(domid);
  }
  for (const std::uint32_t domid : std::vector<std::uint32_t>(homes_.begin(), homes_.end())) clear_home(domid);
}

// `first`: what is open already was opened with the backend before us, which is gone; its frontends open anew.
void XenDoor::look_at_nodes(std::uint32_t domid, bool first) {
  const auto names = store_.list(frontends(domid));
  if (!names) return;
  for (const std::string& name : *names)
    if (const auto node = decimal(name, kPortMax)) look_at_node(domid, *node, first);
  std::vector<std::uint32_t> known;
  for (const auto& [node, open] : guests_.at(domid).opens) known.push_back(node);
  for (const std::uint32_t node : known) look_at_node(domid, node, first);
}

void XenDoor::look_at_node(std::uint32_t domid, std::uint32_t node, bool first) {
  Guest& guest = guests_.at(domid);
  const auto state = store_.read_number(frontend(domid, node) + "/state", 99);
  if (!state && state.error().code != ErrorCode::invalid) return;  // the store has its own trouble
  const std::string nonce = store_.read(frontend(domid, node) + "/nonce").value_or(std::nullopt).value_or("");
  auto known = guest.opens.find(node);
  if (known != guest.opens.end() && known->second.nonce != nonce) {  // its channel's number has been given to another open
    end(domid, node, guest);
    known = guest.opens.end();
  }
  if (known == guest.opens.end()) {
    if (state && !*state) return;
    const auto device = store_.read(frontend(domid, node) + "/device");
    if (device && *device && !guest.devices.contains(**device)) return;  // another backend's
    if (first && state && **state != VS_XEN_INITIALISED) {
      (void)store_.remove(backends(own_domid_, domid) + "/" + std::to_string(node));
      return remove_frontend(domid, node, nonce);
    }
    if (guest.opens.size() >= kXenOpensPerDomainMax) return;  // its nodes lie there until some of the others go
    Open& open = guest.opens[node];
    open.id = XenOpenId{next_open_++};
    open.nonce = nonce;
    places_[static_cast<std::uint64_t>(open.id)] = {domid, node};
  }
  Open& open = guest.opens.at(node);
  if (!state)
    return misbehaved(domid, node, guest, open,
                      {VS_STATUS_INVALID, VS_REFUSAL_PROTOCOL, "state: not a number"});
  const FrontendStep step = frontend_step(open.state, *state, open.answered);
  open.state = *state;
  switch (step) {
    case FrontendStep::opens: return begin(domid, node, guest);
    case FrontendStep::ends: return end(domid, node, guest);
    case FrontendStep::misbehaves:
      return misbehaved(domid, node, guest, open,
                        {VS_STATUS_INVALID, VS_REFUSAL_PROTOCOL, "state " + std::to_string(**state) + ": not the next one"});
    case FrontendStep::connects:
    case FrontendStep::none: return;
  }
}

void XenDoor::begin(std::uint32_t domid, std::uint32_t node, Guest& guest) {
  Open& open = guest.opens.at(node);
  if (open.closed) return;
  if (auto admitted = admit(domid, node, guest, open); !admitted) misbehaved(domid, node, guest, open, admitted.error());
}

tl::expected<void, XenDoor::Trouble> XenDoor::admit(std::uint32_t domid, std::uint32_t node, Guest& guest, Open& open) {
  const auto bad = [](std::string words, vs_refusal reason = VS_REFUSAL_PROTOCOL, vs_status status = VS_STATUS_INVALID) {
    return tl::unexpected<Trouble>(Trouble{status, reason, std::move(words)});
  };
  const std::string base = frontend(domid, node);
  const auto device = store_.read(base + "/device");
  if (!device || !*device) return bad("device: missing");
  const auto found = guest.devices.find(**device);
  if (found == guest.devices.end()) return bad("device: changed meanwhile");
  open.opening = found->second;
  if (open.nonce.empty() || open.nonce.size() > VS_XEN_NONCE_BYTES_MAX) return bad("nonce: missing, or too long");
  const std::shared_ptr<Opening> opening = openings_.at(open.opening);
  const auto number = [&](const char* key, std::uint32_t max) -> tl::expected<std::uint32_t, Trouble> {
    const auto read = store_.read_number(base + "/" + key, max);
    if (!read) return bad(std::string(key) + ": not a number, or out of range");
    if (!*read) return bad(std::string(key) + ": missing");
    return **read;
  };
  const auto remote = number("event-channel", kPortMax);
  if (!remote) return tl::unexpected<Trouble>(remote.error());
  if (*remote != node) return bad("event-channel: not the number of the node");
  const auto ref = number("directory-ref", UINT32_MAX);
  if (!ref) return tl::unexpected<Trouble>(ref.error());
  const auto port = opening->bells->bind(domid, *remote);
  if (!port) return bad("event-channel: " + port.error().message);
  XenArrival arrival{.id = open.id, .port = *port};
  const auto give_up = [&](auto trouble) {
    arrival.directory.unmap();
    opening->bells->unbind(*port);
    return trouble;
  };
  auto page = GrantedPages::map_notifying(mapper_, domid, *ref, offsetof(vs_xen_directory, backend_alive), *port);
  if (!page) return give_up(bad("directory-ref: " + page.error().message));
  arrival.directory = std::move(*page);
  vs_xen_directory copy;
  std::memcpy(&copy, arrival.directory.bytes().data(), sizeof copy);
  const auto verdict = judge_directory(copy, opening->region_bytes / VS_PAGE_BYTES);
  if (!verdict) return give_up(bad(verdict.error().what, verdict.error().reason,
                                   verdict.error().reason == VS_REFUSAL_MEMORY ? VS_STATUS_EXHAUSTED : VS_STATUS_INVALID));
  auto region = GrantedPages::map(mapper_, domid, verdict->refs);
  if (!region) return give_up(bad("directory: " + region.error().message, VS_REFUSAL_MEMORY));
  arrival.region = std::move(*region);
  arrival.hello = verdict->hello;
  open.arrived = true;
  opening->loop->post([opening, shared = std::make_shared<XenArrival>(std::move(arrival))] {
    opening->on_arrival(std::move(*shared));
  });
  return {};
}

void XenDoor::answer(std::uint32_t domid, std::uint32_t node, const std::string& nonce, std::uint32_t state, const Trouble* trouble) {
  const std::string home = backends(own_domid_, domid) + "/" + std::to_string(node);
  // Keys have the rights of their node. Nothing is made before it is written: the guest would find it empty.
  const auto put = [&](const char* key, const std::string& value) {
    const std::string path = home + "/" + key;
    if (auto done = store_.write(path, value); !done) log::warn("xen.not_answered", {{"error", done.error()}});
  };
  (void)store_.make(home, own_domid_, domid);
  put("frontend", frontend(domid, node));
  put("nonce", nonce);
  if (trouble != nullptr) {
    put("status", std::to_string(trouble->status));
    put("reason", std::to_string(trouble->reason));
    put("error", trouble->words);
  }
  put("state", std::to_string(state));
}

void XenDoor::misbehaved(std::uint32_t domid, std::uint32_t node, Guest& guest, Open& open, const Trouble& trouble) {
  if (open.closed) return;
  open.closed = true;
  if (open.arrived) tell_end(open);
  answer(domid, node, open.nonce, VS_XEN_CLOSED, &trouble);
  // One that does not even say for which device it is, is told of with any of the guest's.
  const auto opening = openings_.find(open.opening != 0 || guest.devices.empty() ? open.opening : guest.devices.begin()->second);
  if (opening != openings_.end())
    opening->second->loop->post([shared = opening->second, why = trouble.words] { shared->on_bad_hello(why); });
  const auto now = std::chrono::steady_clock::now();
  if (now - guest.logged < kXenLogPause) return;
  guest.logged = now;
  log::warn("xen.frontend_refused", {{"domid", domid}, {"node", node}, {"error", trouble.words}});
}

void XenDoor::end(std::uint32_t domid, std::uint32_t node, Guest& guest) {
  const Open open = guest.opens.at(node);
  if (open.arrived) tell_end(open);
  places_.erase(static_cast<std::uint64_t>(open.id));
  guest.opens.erase(node);
  (void)store_.remove(backends(own_domid_, domid) + "/" + std::to_string(node));
  remove_frontend(domid, node, open.nonce);
}

// Of this open: the guest may have begun another one under the same number.
void XenDoor::remove_frontend(std::uint32_t domid, std::uint32_t node, const std::string& nonce) {
  (void)store_.remove_if(frontend(domid, node), "nonce", nonce);
}

void XenDoor::tell_end(const Open& open) {
  const auto opening = openings_.find(open.opening);
  if (opening == openings_.end()) return;
  opening->second->loop->post([shared = opening->second, id = open.id] { shared->on_end(id); });
}

}  // namespace vs
