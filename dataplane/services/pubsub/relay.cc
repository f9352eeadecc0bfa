#include "dataplane/services/pubsub/relay.h"

#include <algorithm>
#include <random>
#include <utility>

#include <fmt/format.h>

#include "base/channel_name.h"
#include "base/log.h"

namespace vs::pubsub {
namespace {

// Names one run of one service of one node: what ran before may have used the same sequence numbers.
std::string origin_of(const EngineTerms& terms) {
  std::random_device random;
  const std::uint64_t run = (std::uint64_t{random()} << 32) | random();
  return fmt::format("{}/{}/{:016x}", terms.node, terms.service, run);
}

bool any_matches(const std::vector<std::string>& patterns, std::string_view channel) {
  return std::any_of(patterns.begin(), patterns.end(), [&](const std::string& one) { return matches(one, channel); });
}

bool any_overlaps(const std::vector<std::string>& patterns, std::string_view pattern) {
  return std::any_of(patterns.begin(), patterns.end(), [&](const std::string& one) { return overlap(one, pattern); });
}

}  // namespace

std::string_view name_of(EngineState state) {
  switch (state) {
    case EngineState::embedded:   return "embedded";
    case EngineState::connecting: return "connecting";
    case EngineState::connected:  return "connected";
    case EngineState::gone:       return "gone";
  }
  __builtin_unreachable();
}

Relay::Relay(EventLoop& loop, const EngineTerms& terms, Callbacks callbacks)
    : loop_(loop),
      terms_(terms),
      callbacks_(std::move(callbacks)),
      coverage_(terms.shared, terms.at_least_once),
      origins_(origin_of(terms)) {}

Relay::~Relay() {
  if (held_until_) loop_.cancel(*held_until_);
}

Result<std::unique_ptr<Relay>> Relay::open(EventLoop& loop, const EngineTerms& terms, const MakeEngine& make, Callbacks callbacks) {
  std::unique_ptr<Relay> relay(new Relay(loop, terms, std::move(callbacks)));
  if (terms.engine.empty()) {
    relay->engine_ = std::make_unique<EmbeddedEngine>();
    return relay;
  }
  if (!make) return fail(ErrorCode::unavailable, "engine " + terms.engine + ": this program has none of kind " + terms.kind);
  auto engine = make(loop, terms, relay->engine_callbacks());
  if (!engine) return fail(std::move(engine.error()).within("engine " + terms.engine));
  relay->engine_ = std::move(*engine);
  relay->state_ = relay->engine_->status().state;
  return relay;
}

Engine::Callbacks Relay::engine_callbacks() {
  return {.on_event = [this](const Crossing& event, const std::string& pattern,
                             std::uint64_t position) { on_event(event, pattern, position); },
          .on_pause = [this] { callbacks_.delivered(); },
          .on_stored = [this](StoreTicket ticket, Result<> stored) { callbacks_.stored(ticket, std::move(stored)); },
          .on_state = [this] { on_state(); },
          .on_lost = [this](std::uint64_t count) { on_lost(count); },
          .on_positions_lost =
              [this](std::uint64_t newest) {
                for (const auto& [id, pattern] : patterns_) callbacks_.limit(id, newest);
                tell_all(Event::mark(VS_EVENT_GAP, 1), true);
                callbacks_.delivered();
              }};
}

bool Relay::shares(std::string_view channel) const { return !terms_.engine.empty() && any_matches(terms_.shared, channel); }

bool Relay::stores(std::string_view channel) const {
  return !terms_.at_least_once.empty() && shares(channel) && any_matches(terms_.at_least_once, channel);
}

bool Relay::stores_any(std::string_view pattern) const {
  return !terms_.engine.empty() && any_overlaps(terms_.at_least_once, pattern);
}

void Relay::publish(const EventParts& parts, std::uint64_t published_ns, std::uint32_t expires_ms) {
  Origin origin = origins_.next();
  origin.again = (parts.header.flags & VS_EVENT_AGAIN) != 0;
  engine_->publish(wrap(parts, origin, published_ns, expires_ms));
}

Result<> Relay::store(StoreTicket ticket, const EventParts& parts, std::uint64_t published_ns, std::uint32_t expires_ms) {
  Origin origin = origins_.next();
  origin.again = (parts.header.flags & VS_EVENT_AGAIN) != 0;
  return engine_->store(ticket, wrap(parts, origin, published_ns, expires_ms));
}

// ---- what guests want ----

void Relay::apply(const Coverage::Change& change) {
  for (const std::string& pattern : change.begin) engine_->subscribe(pattern);
  for (const std::string& pattern : change.end) engine_->unsubscribe(pattern);
  const bool follows = coverage_.wants_apart();
  if (!follows && following_) engine_->unfollow();
  if (!follows) following_ = false;
}

std::optional<std::uint64_t> Relay::join(SubscriptionId id, const std::string& pattern, std::optional<std::uint64_t> after) {
  patterns_[id] = pattern;
  if (terms_.engine.empty()) return std::nullopt;
  apply(coverage_.add(pattern));
  const bool away = state_ != EngineState::connected && any_overlaps(terms_.shared, pattern);
  if (away && told_away_) callbacks_.tell(id, Event::mark(VS_EVENT_GAP | VS_EVENT_AWAY, 0));
  if (!stores_any(pattern)) return std::nullopt;
  if (!following_ || (after && *after < engine_->position().value_or(0))) engine_->follow(after);
  following_ = true;
  return after ? after : engine_->position();
}

void Relay::leave(SubscriptionId id) {
  const auto node = patterns_.extract(id);
  if (!node.empty()) apply(coverage_.remove(node.mapped()));
}

// ---- what comes ----

void Relay::on_event(const Crossing& crossing, const std::string& pattern, std::uint64_t position) {
  const bool stored = stores(crossing.channel);
  const bool fits = engine_->has_positions() ? stored == (position != 0) : position == 0;  // what is stored comes as it is followed alone
  if (!fits || !shares(crossing.channel)) {
    ++counts_.unwanted;
    return;
  }
  Held held{.arrival = {}, .channel = crossing.channel, .position = position};
  auto arrival = unwrap(crossing, kEventBytesMax);
  if (!arrival) {
    ++counts_.refused;
    return log::debug("pubsub.event_refused", {{"channel", crossing.channel}, {"error", arrival.error()}});
  }
  held.arrival = std::move(*arrival);
  if (position == 0) {
    const auto verdict = origins_.judge(held.arrival.origin, stored);
    if (verdict == Origins::Verdict::own) ++counts_.own;
    if (verdict == Origins::Verdict::seen) ++counts_.seen;
    if (verdict == Origins::Verdict::own || verdict == Origins::Verdict::seen) return;
    // While one pattern takes another's place a stranger's event comes by both.
    const bool replaced = verdict == Origins::Verdict::stranger && !pattern.empty() && !coverage_.wanted().contains(pattern);
    if (!stored && (replaced || !coverage_.wants(crossing.channel))) {
      ++counts_.unwanted;
      return;
    }
    if (!stored) {
      (void)deliver(held, false);
      return;
    }
  }
  if (held_.empty() && deliver(held, true)) return;
  held_.push_back(std::move(held));
  if (held_.size() > kHeldMax) lose_held();
  wait_for_room();
}

// Whoever has no room loses it.
void Relay::lose_held() {
  (void)deliver(held_.front(), false);
  held_.pop_front();
}

void Relay::wait_for_room() {
  engine_->pause(!held_.empty());
  if (held_.empty() || held_until_) return;
  held_until_ = loop_.after(kHeldTime, [this] {
    held_until_.reset();
    if (!held_.empty()) lose_held();
    deliver_held();
  });
}

void Relay::deliver_held() {
  const std::size_t before = held_.size();
  while (!held_.empty() && deliver(held_.front(), true)) held_.pop_front();
  if (held_until_ && held_.size() != before) loop_.cancel(*std::exchange(held_until_, std::nullopt));
  wait_for_room();
  callbacks_.delivered();
}

// False: it waits for the room of one who blocks.
bool Relay::deliver(Held& held, bool wait) {
  auto parts = read_event(held.arrival.event);
  if (!parts) {
    ++counts_.refused;
    log::debug("pubsub.event_refused", {{"channel", held.channel}, {"error", parts.error()}});
    return true;
  }
  if (held.arrival.origin.again) parts->header.flags |= VS_EVENT_AGAIN;
  if (held.position != 0) {
    parts->header.flags |= VS_EVENT_STORED;
    parts->header.sequence = held.position;
    parts->header.priority = 0;  // what is handed out first would be taken for all before it
  }
  const FromOutside event{*parts, held.arrival.event, held.arrival.published_ns};
  if (wait && !callbacks_.has_room(event)) return false;
  ++counts_.delivered;
  callbacks_.deliver(event);
  return true;
}

void Relay::on_state() {
  const EngineState before = std::exchange(state_, engine_->status().state);
  if (state_ == before) return;
  log::info("pubsub.engine", {{"service", terms_.service},
                              {"engine", terms_.engine},
                              {"state", name_of(state_)},
                              {"server", engine_->status().server},
                              {"error", engine_->status().error}});
  if (state_ == EngineState::gone && !std::exchange(told_away_, true)) {
    tell_all(Event::mark(VS_EVENT_GAP | VS_EVENT_AWAY, 0), false);
  } else if (state_ == EngineState::connected && std::exchange(told_away_, false)) {
    tell_back();
  }
  callbacks_.delivered();
}

// Of at-least-once channels nothing is lost; of others at least one: how many, nobody knows.
void Relay::tell_back() {
  for (const auto& [id, pattern] : patterns_) {
    const auto covers_it = [&, &asked = pattern](const std::string& one) { return covers(one, asked); };
    const bool safe = std::any_of(terms_.at_least_once.begin(), terms_.at_least_once.end(), covers_it);
    if (any_overlaps(terms_.shared, pattern)) callbacks_.tell(id, Event::mark(VS_EVENT_GAP | VS_EVENT_BACK, safe ? 0 : 1));
  }
}

void Relay::on_lost(std::uint64_t count) {
  tell_all(Event::mark(VS_EVENT_GAP, count), false);
  callbacks_.delivered();
}

void Relay::tell_all(const std::shared_ptr<const Event>& mark, bool stored) {
  for (const auto& [id, pattern] : patterns_)
    if (any_overlaps(stored ? terms_.at_least_once : terms_.shared, pattern)) callbacks_.tell(id, mark);
}

// ---- what is told of it ----

nlohmann::json Relay::describe() const {
  const EngineStatus status = engine_->status();
  nlohmann::json told{{"name", terms_.engine.empty() ? "embedded" : terms_.engine}, {"state", name_of(status.state)}};
  if (terms_.engine.empty()) return told;
  told.update({{"kind", terms_.kind},
               {"prefix", terms_.prefix},
               {"shared", terms_.shared},
               {"atLeastOnce", terms_.at_least_once},
               {"server", status.server},
               {"error", status.error},
               {"subscribed", status.subscribed},
               {"reconnects", status.reconnects},
               {"sent", status.sent},
               {"received", status.received},
               {"lostOutward", status.lost_outward},
               {"lostInward", status.lost_inward},
               {"notPermitted", status.not_permitted},
               {"storing", status.storing}});
  return told;
}

void Relay::append_samples(std::vector<Sample>& samples) const {
  if (terms_.engine.empty()) return;
  const EngineStatus status = engine_->status();
  const auto add = [&](const char* name, const char* help, Sample::Type type, std::uint64_t value) {
    samples.push_back({.name = std::string("vservices_pubsub_engine_") + name,
                       .help = help,
                       .type = type,
                       .labels = {{"service", terms_.service}, {"engine", terms_.engine}},
                       .value = static_cast<double>(value)});
  };
  using Type = Sample::Type;
  add("connected", "Whether the engine has a server.", Type::gauge, status.state == EngineState::connected ? 1 : 0);
  add("subscribed", "Patterns subscribed to at the server, for all guests of the node.", Type::gauge, status.subscribed);
  add("reconnects_total", "Connections to a server that were lost and made again.", Type::counter, status.reconnects);
  add("sent_total", "Events given to the server.", Type::counter, status.sent);
  add("received_total", "Events that the server brought.", Type::counter, status.received);
  add("lost_outward_total", "Events for which there was no room on the way to the server, or no server in time.", Type::counter,
      status.lost_outward);
  add("lost_inward_total", "Events from the server for which there was no room.", Type::counter, status.lost_inward);
  add("not_permitted_total", "Publishes and subscriptions that the server refused for want of a permission.", Type::counter,
      status.not_permitted);
  add("stored_total", "At-least-once events that the server acknowledged.", Type::counter, status.stored);
  add("resent_total", "At-least-once events sent again for want of an acknowledgement.", Type::counter, status.resent);
  add("storing", "At-least-once events not acknowledged yet.", Type::gauge, status.storing);
  add("held", "At-least-once events that wait for the room of a subscriber who blocks.", Type::gauge, held_.size());
  add("delivered_total", "Events from outside given to the channels.", Type::counter, counts_.delivered);
  add("own_total", "Own events that came back, and were dropped.", Type::counter, counts_.own);
  add("seen_total", "Events that came twice, dropped the second time.", Type::counter, counts_.seen);
  add("unwanted_total", "Events of channels that are not shared, or that nobody here wants.", Type::counter, counts_.unwanted);
  add("refused_total", "Messages from outside that were no event, or that had no channel left.", Type::counter, counts_.refused);
}

}  // namespace vs::pubsub
