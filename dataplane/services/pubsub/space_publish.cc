// Publishing: each event is judged by itself, in order; what has to wait for a subscriber's room keeps the session's later ones behind it.
#include <algorithm>
#include <cstring>
#include <utility>

#include "dataplane/abi/ring.h"
#include "dataplane/services/pubsub/space.h"
#include "dataplane/services/status.h"

namespace vs::pubsub {
namespace {

void answer_publish(Reply reply, std::size_t room, const Refusal& refusal, std::uint64_t accepted) {
  const std::size_t text_max = room > sizeof(vs_pubsub_outcome) ? room - sizeof(vs_pubsub_outcome) : 0;
  const std::string_view text = std::string_view(refusal.why).substr(0, text_max);
  std::vector<std::byte> bytes(sizeof(vs_pubsub_outcome) + text.size());
  const vs_pubsub_outcome outcome{.result = static_cast<std::uint32_t>(refusal.status),
                                  .text_bytes = static_cast<std::uint32_t>(text.size()),
                                  .value = accepted};
  std::memcpy(bytes.data(), &outcome, sizeof outcome);
  if (!text.empty()) std::memcpy(bytes.data() + sizeof outcome, text.data(), text.size());
  std::move(reply).send(std::span<const std::byte>(bytes));
}

Refusal refusal_of(const Error& error) { return {status_of(error.code), error.message}; }

}  // namespace

bool PubsubService::Space::waits(std::uint64_t session) const {
  return std::any_of(blocked_.begin(), blocked_.end(), [&](const Publish& one) { return one.session == session; });
}

void PubsubService::Space::publish(const Request& request, Reply reply) {
  Publishing state{.guest = guest_of(request.session), .room = request.answer_bytes_max, .rest = request.payload, .deadline = request.deadline};
  const bool behind = !blocked_.empty() && waits(request.session);
  const bool may_wait = blocked_.size() < kBlockedMax;
  if (behind && !may_wait) {
    state.refusal = {VS_STATUS_EXHAUSTED, "publish: " + std::to_string(kBlockedMax) + " wait for subscribers, which is the limit"};
    return finish(std::move(reply), std::move(state));
  }
  if (!behind && publish_some(state, may_wait)) {
    serve_ready();
    return finish(std::move(reply), std::move(state));
  }
  wait_for_room(request, std::move(reply), std::move(state));
  serve_ready();
}

void PubsubService::Space::wait_for_room(const Request& request, Reply reply, Publishing state) {
  ++counts_.blocked;
  state.waiter = next_number_++;
  if (state.full != nullptr) waiting_.wait(*state.full, state.waiter);
  const TimerId deadline = loop_.at(request.deadline, [this, waiter = state.waiter] {
    const auto late = std::find_if(blocked_.begin(), blocked_.end(), [&](const Publish& one) { return one.state.waiter == waiter; });
    if (late == blocked_.end()) return;
    (void)publish_some(late->state, false);
    end_waiting(late);
    retry_blocked();
  });
  blocked_.push_back({request.session, std::move(reply), {state.rest.begin(), state.rest.end()}, std::move(state), deadline});
  blocked_.back().state.rest = blocked_.back().events;
}

void PubsubService::Space::end_waiting(std::list<Publish>::iterator one) {
  waiting_.leave(one->state.waiter);
  loop_.cancel(one->deadline);
  Publish done = std::move(*one);
  blocked_.erase(one);
  finish(std::move(done.reply), std::move(done.state));
}

void PubsubService::Space::finish(Reply reply, Publishing state) {
  if (state.storing != nullptr && state.storing->left != 0) return finish_when_stored(std::move(reply), std::move(state));
  if (state.storing != nullptr) {
    state.accepted += state.storing->accepted;
    if (state.refusal.status == VS_STATUS_OK) state.refusal = state.storing->refusal;
  }
  if (state.refusal.status != VS_STATUS_OK) ++counts_.refused;
  answer_publish(std::move(reply), state.room, state.refusal, state.accepted);
}

std::variant<Broker::Channel*, Refusal> PubsubService::Space::channel_of(const EventParts& parts, const Guest* guest) {
  if (last_ != nullptr && last_->name == parts.channel) return last_;
  if (Broker::Channel* known = broker_.find(parts.channel)) return last_ = known;
  if (guest != nullptr)
    for (const Verb verb : {Verb::publish, Verb::create})
      if (const auto judged = guest->rights().judge(verb, parts.channel); !judged) return refusal_of(judged.error());
  const auto made = make_channel(parts.channel);
  if (!made) return refusal_of(made.error());
  return last_ = *made;
}

bool PubsubService::Space::publish_one(Publishing& state, const EventParts& parts, bool wait, TimePoint now, std::uint64_t now_ns) {
  const auto refuse_event = [&](Refusal refusal) {
    if (refusal.status == VS_STATUS_DENIED) ++counts_.denied;
    if (refusal.status == VS_STATUS_EXHAUSTED) ++counts_.over_rate;
    if (refusal.status == VS_STATUS_TOO_LARGE) ++counts_.too_large;
    if (state.refusal.status == VS_STATUS_OK) state.refusal = std::move(refusal);
    return true;
  };
  auto found = channel_of(parts, state.guest.get());
  if (auto* refusal = std::get_if<Refusal>(&found)) return refuse_event(std::move(*refusal));
  Broker::Channel& channel = *std::get<Broker::Channel*>(found);
  const std::size_t bytes = parts.header.bytes;
  const std::size_t own_max = channel.parameters.event_bytes_max;
  if (const std::size_t most = own_max != 0 ? own_max : kEventBytesMax; bytes > most)
    return refuse_event({VS_STATUS_TOO_LARGE, "publish " + channel.name + ": " + std::to_string(bytes) + " bytes, limit " + std::to_string(most)});
  if (channel.derivation != nullptr)
    return refuse_event({VS_STATUS_DENIED, "publish " + channel.name + ": a derived channel, to which only the node publishes"});
  const bool shared = relay_->shares(channel.name);
  const bool stored = shared && relay_->stores(channel.name);
  if (wait && !stored && (!waiting_.may_go(channel, state.waiter) || !broker_.has_room(channel, parts))) {
    state.full = &channel;
    return false;
  }
  if (state.guest != nullptr)
    if (auto refusal = state.guest->judge(channel, bytes, now)) return refuse_event(std::move(*refusal));
  if (const auto fits = channel.parameters.schema.judge(parts.attributes, parts.content_type); !fits) {
    ++counts_.broke_schema;
    return refuse_event({VS_STATUS_INVALID, "publish " + channel.name + ": " + fits.error().message});
  }
  if (state.guest != nullptr) state.guest->published(channel, now);
  ++counts_.published;
  counts_.published_bytes += bytes;
  if (stored) {
    if (auto refusal = store(state, channel, parts, now_ns)) return refuse_event(std::move(*refusal));
    return true;
  }
  if (shared) relay_->publish(parts, now_ns, parts.header.expires_ms != 0 ? parts.header.expires_ms : channel.parameters.expires_ms);
  count(broker_.publish(channel, parts, state.rest, now_ns, now));
  ++state.accepted;
  watch_time();
  return true;
}

void PubsubService::Space::count(const Published& published) {
  counts_.derived += published.derived;
  counts_.delivered += published.subscribers - published.lost;
  counts_.lost += published.lost;
  for (const SubscriptionId id : published.ended) {
    ++counts_.too_slow;
    end(id);
  }
}

bool PubsubService::Space::publish_some(Publishing& state, bool wait) {
  const TimePoint now = std::chrono::steady_clock::now();
  const std::uint64_t now_ns = wall_clock_ns();
  while (!state.rest.empty()) {
    const auto parts = read_event(state.rest, last_ == nullptr ? std::string_view() : last_->name);
    if (!parts) {  // nor is it known where the next would begin
      if (state.refusal.status == VS_STATUS_OK) state.refusal = refusal_of(parts.error());
      state.rest = {};
      return true;
    }
    if (!publish_one(state, *parts, wait, now, now_ns)) return false;
    state.rest = state.rest.subspan(parts->header.bytes);
  }
  return true;
}

bool PubsubService::Space::retry_blocked_once() {
  bool went = false;
  std::vector<std::uint64_t> behind;  // sessions whose earlier events still wait
  for (auto next = blocked_.begin(); next != blocked_.end();) {
    const auto one = next++;
    if (std::find(behind.begin(), behind.end(), one->session) != behind.end()) continue;
    Publishing& state = one->state;
    const std::size_t rest = state.rest.size();
    if (publish_some(state, true)) {
      end_waiting(one);
      went = true;
      continue;
    }
    behind.push_back(one->session);
    waiting_.wait(*state.full, state.waiter);
    went = went || state.rest.size() != rest;
  }
  return went;
}

// Each that goes may let others go that are before it here, but behind it where they wait.
void PubsubService::Space::retry_blocked() {
  while (!blocked_.empty() && retry_blocked_once()) {
  }
  relay_->retry();
  serve_ready();
}

}  // namespace vs::pubsub
