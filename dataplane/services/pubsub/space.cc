#include "dataplane/services/pubsub/space.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/channel_name.h"
#include "base/ids.h"
#include "dataplane/abi/ring.h"
#include "dataplane/services/status.h"

namespace vs::pubsub {
namespace {

// With as many of the words as the guest has room for.
void answer(Reply reply, std::size_t room, vs_status result, std::uint64_t value = 0, std::string_view text = {}) {
  const vs_pubsub_outcome none{};
  text = text.substr(0, room > sizeof none ? room - sizeof none : 0);
  std::vector<std::byte> bytes(sizeof none + text.size());
  const vs_pubsub_outcome outcome{
      .result = static_cast<std::uint32_t>(result), .text_bytes = static_cast<std::uint32_t>(text.size()), .value = value};
  std::memcpy(bytes.data(), &outcome, sizeof outcome);
  if (!text.empty()) std::memcpy(bytes.data() + sizeof outcome, text.data(), text.size());
  std::move(reply).send(std::span<const std::byte>(bytes));
}

// With `body` behind the outcome, if the guest has room for it.
template <class Body>
void answer_with(Reply reply, std::size_t room, std::uint64_t value, const Body& body) {
  struct {
    vs_pubsub_outcome outcome;
    Body body;
  } const words{.outcome = {.result = VS_STATUS_OK, .text_bytes = 0, .value = value}, .body = body};
  static_assert(sizeof words == sizeof words.outcome + sizeof body);
  std::move(reply).send(std::as_bytes(std::span(&words, 1)).first(room < sizeof words ? sizeof words.outcome : sizeof words));
}

std::string_view text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// What a guest asked for, judged. `after`: of at-least-once channels it has had all up to there.
Result<SubscriptionTerms> terms_of(std::span<const std::byte> payload, std::optional<std::uint64_t>& after) {
  vs_pubsub_subscribe head;
  if (payload.size() < sizeof head) return fail(ErrorCode::invalid, "subscribe: too short");
  std::memcpy(&head, payload.data(), sizeof head);
  payload = payload.subspan(sizeof head);
  if ((head.flags & VS_PUBSUB_RESUME) != 0) {
    if (payload.size() < sizeof(std::uint64_t)) return fail(ErrorCode::invalid, "subscribe: too short");
    std::memcpy(&after.emplace(), payload.data(), sizeof(std::uint64_t));
    payload = payload.subspan(sizeof(std::uint64_t));
  }
  if (std::size_t{head.pattern_bytes} + head.filter_bytes != payload.size())
    return fail(ErrorCode::invalid, "subscribe: its lengths and its bytes differ");
  constexpr unsigned kFlags =
      VS_PUBSUB_RETAINED | VS_PUBSUB_RESUME | VS_PUBSUB_BROADCAST | VS_PUBSUB_ADAPT_LATEST | VS_PUBSUB_ADAPT_FEWER;
  if (head.overflow > VS_PUBSUB_DISCONNECT_SLOW || (head.flags & ~kFlags) != 0)
    return fail(ErrorCode::invalid, "subscribe: a choice that there is not");
  if (head.events_max > kQueueEventsMax || head.bytes_max > kQueueBytesMax)
    return fail(ErrorCode::exhausted, "subscribe: a queue has at most " + std::to_string(kQueueEventsMax) + " events and " +
                                          std::to_string(kQueueBytesMax) + " bytes");
  SubscriptionTerms terms{.pattern = std::string(text_of(payload.first(head.pattern_bytes))),
                          .filter = std::string(text_of(payload.subspan(head.pattern_bytes))),
                          .limits = {},
                          .overflow = static_cast<Overflow>(head.overflow),
                          .retained = (head.flags & VS_PUBSUB_RETAINED) != 0,
                          .broadcast = (head.flags & VS_PUBSUB_BROADCAST) != 0};
  terms.adaptation = {.latest = (head.flags & VS_PUBSUB_ADAPT_LATEST) != 0, .fewer = (head.flags & VS_PUBSUB_ADAPT_FEWER) != 0};
  terms.broadcast = terms.broadcast && !terms.adaptation.latest && !terms.adaptation.fewer;
  if (head.events_max != 0) terms.limits.events_max = head.events_max;
  if (head.bytes_max != 0) terms.limits.bytes_max = head.bytes_max;
  return terms;
}

}  // namespace

PubsubService::Space::Space(EventLoop& loop, FrameSource* frames, std::string service)
    : loop_(loop),
      frames_(frames),
      service_(std::move(service)),
      shelf_(frames, service_),
      broker_([this](SubscriptionId id) { ready_.push_back(id); }),
      relay_(*Relay::open(loop, {}, {}, relay_callbacks())) {
  broker_.on_broadcast([this](const Event& event) { return broadcast(event); });
}

PubsubService::Space::~Space() {
  for (const auto& [id, subscriber] : subscribers_)
    for (const Receive& one : subscriber.receives) loop_.cancel(one.deadline);
  for (const Publish& one : blocked_) loop_.cancel(one.deadline);
  if (due_at_ != TimePoint::max()) loop_.cancel(due_);
  if (later_) loop_.cancel(*later_);
  for (const auto& [number, timer] : storing_deadlines_) loop_.cancel(timer);
  for (const auto& [ticket, storing] : storing_) storing->done = nullptr;  // which holds it
}

void PubsubService::Space::handle(const Request& request, Reply reply) {
  switch (request.type) {
    case VS_PUBSUB_PUBLISH:     return publish(request, std::move(reply));
    case VS_PUBSUB_SUBSCRIBE:   return subscribe(request, std::move(reply));
    case VS_PUBSUB_UNSUBSCRIBE: return unsubscribe(request, std::move(reply));
    case VS_PUBSUB_FILTER:      return set_filter(request, std::move(reply));
    case VS_PUBSUB_RECEIVE:     return receive(request, std::move(reply));
    case VS_PUBSUB_CREATE:      return create(request, std::move(reply));
    case VS_PUBSUB_GET:         return get(request, std::move(reply));
    case VS_PUBSUB_SET:         return set(request, std::move(reply));
    default: return refuse(request, std::move(reply), {ErrorCode::invalid, "pubsub: unknown operation"});
  }
}

void PubsubService::Space::refuse(const Request& request, Reply reply, const Error& error) {
  ++counts_.refused;
  if (error.code == ErrorCode::denied) ++counts_.denied;
  answer(std::move(reply), request.answer_bytes_max, status_of(error.code), 0, error.message);
}

void PubsubService::Space::refuse_filter(const Request& request, Reply reply, const Error& error) {
  if (error.code == ErrorCode::exhausted) ++counts_.filters_too_dear;
  refuse(request, std::move(reply), error);
}

void PubsubService::Space::charge_filter(Subscriber& subscriber, std::uint64_t cost) {
  const std::uint64_t before = std::exchange(subscriber.filter_cost, cost);
  if (subscriber.guest == nullptr) return;
  FilterBudget& budget = subscriber.guest->filters();
  budget.remove(subscriber.guest->rights(), subscriber.pattern, before);
  budget.add(subscriber.guest->rights(), subscriber.pattern, cost);
}

void PubsubService::Space::subscribe(const Request& request, Reply reply) {
  const auto count = std::count_if(subscribers_.begin(), subscribers_.end(),
                                   [&](const auto& one) { return one.second.session == request.session; });
  if (static_cast<std::size_t>(count) >= kSubscriptionsPerSessionMax)
    return refuse(request, std::move(reply), {ErrorCode::exhausted, "subscribe: " + std::to_string(kSubscriptionsPerSessionMax) +
                                                               " subscriptions of this session, which is the limit"});
  std::optional<std::uint64_t> after;
  auto terms = terms_of(request.payload, after);
  if (terms)
    if (auto judged = judge_pattern(terms->pattern); !judged) terms = fail(std::move(judged.error()));
  if (!terms) return refuse(request, std::move(reply), terms.error());
  if (const auto guest = guest_of(request.session); guest && !guest->rights().unlimited()) {
    if (const auto judged = guest->rights().judge_pattern_of(terms->pattern); !judged)
      return refuse(request, std::move(reply), judged.error());
    terms->allowed = [guest](std::string_view channel) { return guest->rights().may(Verb::subscribe, channel); };
  }
  const auto guest = guest_of(request.session);
  if (guest != nullptr) terms->filter_cost_max = guest->filters().left(guest->rights(), terms->pattern);
  // Whoever wants less than all, or something else than the newest, or goes on behind a position, has a queue.
  const bool reads = terms->broadcast && request.answer_bytes_max >= sizeof(vs_pubsub_outcome) + sizeof(vs_pubsub_broadcast);
  const Broadcast* ring = reads && broadcast_sessions_.contains(request.session) ? broadcast_ring() : nullptr;
  terms->broadcast = ring != nullptr && terms->filter.empty() && terms->overflow == Overflow::drop_oldest && !terms->retained &&
                     !after && !relay_->stores_any(terms->pattern);
  std::string pattern = terms->pattern;
  const bool listens = terms->broadcast;
  const std::uint64_t next = listens ? ring->next_sequence() : 0;
  const Adaptation adaptation = terms->adaptation;
  const auto id = broker_.subscribe(std::move(*terms));
  if (!id) return refuse_filter(request, std::move(reply), id.error());
  const auto position = relay_->join(*id, pattern, after);
  broker_.begin_after(*id, position.value_or(0));
  broker_.queue(*id)->adapts(adaptation);
  if (const auto level = levels_.find(request.session); level != levels_.end()) broker_.queue(*id)->set_level(level->second);
  Subscriber& made = subscribers_
                         .emplace(*id, Subscriber{.session = request.session,
                                                  .guest = guest,
                                                  .pattern = std::move(pattern),
                                                  .receives = {},
                                                  .listens = listens})
                         .first->second;
  charge_filter(made, broker_.filter_cost(*id));
  ready_.clear();  // nobody waits for it yet
  if (position) return answer_with(std::move(reply), request.answer_bytes_max, number_of(*id), *position);
  if (reads) return answer_with(std::move(reply), request.answer_bytes_max, number_of(*id), vs_pubsub_broadcast{.next = next, .reserved = 0});
  answer(std::move(reply), request.answer_bytes_max, VS_STATUS_OK, number_of(*id));
}

Result<SubscriptionId> PubsubService::Space::own_subscription(const Request& request) const {
  vs_pubsub_subscription named;
  if (request.payload.size() < sizeof named) return fail(ErrorCode::invalid, "pubsub: a subscription is named here");
  std::memcpy(&named, request.payload.data(), sizeof named);
  const SubscriptionId id{named.subscription};
  const auto found = subscribers_.find(id);
  if (found == subscribers_.end() || found->second.session != request.session)  // another's is as good as none
    return fail(ErrorCode::not_found, "subscription " + std::to_string(named.subscription) + ": this session has none such");
  return id;
}

void PubsubService::Space::unsubscribe(const Request& request, Reply reply) {
  const auto id = own_subscription(request);
  if (!id) return refuse(request, std::move(reply), id.error());
  (void)broker_.unsubscribe(*id);
  end(*id);
  answer(std::move(reply), request.answer_bytes_max, VS_STATUS_OK);
  retry_blocked();
}

void PubsubService::Space::set_filter(const Request& request, Reply reply) {
  const auto id = own_subscription(request);
  if (!id) return refuse(request, std::move(reply), id.error());
  Subscriber& subscriber = subscribers_.at(*id);
  const std::uint64_t before = subscriber.filter_cost;
  charge_filter(subscriber, 0);
  const Guest* guest = subscriber.guest.get();
  const std::uint64_t left = guest != nullptr ? subscriber.guest->filters().left(guest->rights(), subscriber.pattern) : UINT64_MAX;
  const auto set = broker_.set_filter(*id, text_of(request.payload.subspan(sizeof(vs_pubsub_subscription))), left);
  charge_filter(subscriber, set ? broker_.filter_cost(*id) : before);
  if (!set) return refuse_filter(request, std::move(reply), set.error());
  if (std::exchange(subscriber.listens, false)) {  // from now on it has a queue
    const Broadcast* ring = broadcast_ring();
    const std::uint64_t next = ring != nullptr ? ring->next_sequence() : 0;
    return answer_with(std::move(reply), request.answer_bytes_max, number_of(*id), vs_pubsub_broadcast{.next = next, .reserved = 0});
  }
  answer(std::move(reply), request.answer_bytes_max, VS_STATUS_OK);
}

void PubsubService::Space::receive(const Request& request, Reply reply) {
  const auto id = own_subscription(request);
  if (!id) return refuse(request, std::move(reply), id.error());
  const auto looking = looks(request);
  if (!looking) return refuse(request, std::move(reply), looking.error());
  vs_pubsub_receive asked;
  std::memcpy(&asked, request.payload.data(), sizeof asked);
  const TimePoint until = std::min(request.deadline, std::chrono::steady_clock::now() + std::chrono::milliseconds(asked.wait_ms));
  if ((asked.flags & VS_PUBSUB_SKIP) != 0) broker_.skip(*id);
  Subscriber& subscriber = subscribers_.at(*id);
  if (subscriber.receives.size() == kReceivesMax)
    return refuse(request, std::move(reply), {ErrorCode::exhausted, "receive: " + std::to_string(kReceivesMax) + " wait already"});
  const bool at_once = subscriber.receives.empty() && (asked.wait_ms == 0 || !broker_.queue(*id)->empty() || ((asked.flags & VS_PUBSUB_LOOKS) != 0 && !*looking));
  if (at_once && serve_one(*id, reply, request.answer_bytes_max)) return retry_blocked();
  const std::uint64_t number = next_number_++;
  const TimerId deadline = loop_.at(until, [this, id = *id, number] {
    const auto found = subscribers_.find(id);
    if (found == subscribers_.end()) return;
    auto& receives = found->second.receives;
    const auto late = std::find_if(receives.begin(), receives.end(), [&](const Receive& one) { return one.number == number; });
    if (late == receives.end()) return;
    Receive done = std::move(*late);
    receives.erase(late);
    answer(std::move(done.reply), done.room, VS_STATUS_OK);
  });
  const std::size_t room = request.answer_bytes_max;
  subscriber.receives.push_back({number, std::move(reply), room, deadline, *looking});
  if (*looking && !std::exchange(subscriber.looks, true)) looking_.push_back(*id);
  serve(*id);
  retry_blocked();
}

// The broker has it no more: who waits for it is told.
void PubsubService::Space::end(SubscriptionId id) {
  auto node = subscribers_.extract(id);
  if (node.empty()) return;
  relay_->leave(id);
  charge_filter(node.mapped(), 0);
  for (Receive& one : node.mapped().receives) {
    loop_.cancel(one.deadline);
    answer(std::move(one.reply), one.room, VS_STATUS_NOT_FOUND, 0, "the subscription has ended");
  }
  shelf_.sweep();
}

void PubsubService::Space::recall(std::uint64_t session) {
  for (auto& [id, subscriber] : subscribers_) {
    if (subscriber.session != session) continue;
    for (Receive& one : std::exchange(subscriber.receives, {})) {
      loop_.cancel(one.deadline);
      answer(std::move(one.reply), one.room, VS_STATUS_OK);
    }
  }
}

void PubsubService::Space::session_begun(std::uint64_t session, const SessionGuest& guest) {
  auto& known = guests_[std::string(guest.binding)];
  if (!known || known->from() != guest.rights) {
    const bool changed = known != nullptr;
    known = std::make_shared<Guest>(std::string(guest.binding), guest.rights);
    if (changed) broker_.rejoin_derived();
  }
  guest_of_session_[session] = known;
  if (guest.reads_broadcast) broadcast_sessions_.insert(session);
  if (guests_.size() > kGuestsMax)  // of those, the limits of one that is not there begin anew
    std::erase_if(guests_, [](const auto& one) { return one.second.use_count() == 1; });
}

std::shared_ptr<Guest> PubsubService::Space::guest_of(std::uint64_t session) const {
  const auto found = guest_of_session_.find(session);
  return found == guest_of_session_.end() ? nullptr : found->second;
}

void PubsubService::Space::level_changed(std::uint64_t session, std::uint32_t level) {
  if (level == 0) levels_.erase(session);
  else levels_[session] = level;
  for (const auto& [id, subscriber] : subscribers_)
    if (subscriber.session == session) broker_.queue(id)->set_level(level);
}

void PubsubService::Space::session_ended(std::uint64_t session) {
  std::vector<SubscriptionId> gone;
  for (const auto& [id, subscriber] : subscribers_)
    if (subscriber.session == session) gone.push_back(id);
  for (const SubscriptionId id : gone) {
    (void)broker_.unsubscribe(id);
    end(id);
  }
  for (auto one = blocked_.begin(); one != blocked_.end();) {
    if (one->session != session) {
      ++one;
      continue;
    }
    loop_.cancel(one->deadline);
    waiting_.leave(one->state.waiter);
    one = blocked_.erase(one);
  }
  guest_of_session_.erase(session);
  levels_.erase(session);
  broadcast_sessions_.erase(session);
  retry_blocked();
}

}  // namespace vs::pubsub
