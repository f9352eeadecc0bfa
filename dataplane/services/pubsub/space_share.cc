// What a space shares with other nodes: its events on their way out, and theirs in.
#include <cstring>
#include <utility>

#include "dataplane/abi/ring.h"
#include "dataplane/services/pubsub/space.h"
#include "dataplane/services/status.h"

namespace vs::pubsub {
namespace {

inline constexpr std::size_t kForeignChannelsMax = kChannelsMax / 2;  // when so many are there, others' events create no more

// By our steady clock, when something happened that was so long ago by the wall clocks of two nodes.
std::chrono::steady_clock::time_point published_at(std::uint64_t published_ns, std::uint64_t now_ns) {
  const auto now = std::chrono::steady_clock::now();
  if (published_ns == 0 || published_ns >= now_ns) return now;
  return now - std::chrono::nanoseconds(now_ns - published_ns);
}

std::uint64_t shared_clock_ns() {
  return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(
                                        std::chrono::system_clock::now().time_since_epoch())
                                        .count());
}

}  // namespace

Relay::Callbacks PubsubService::Space::relay_callbacks() {
  return {.has_room =
              [this](const FromOutside& event) {
                Broker::Channel* channel = broker_.find(event.parts.channel);
                return channel == nullptr || broker_.has_room(*channel, event.parts);
              },
          .deliver = [this](const FromOutside& event) { deliver(event); },
          .delivered = [this] { serve_ready(); },
          .stored = [this](StoreTicket ticket, const Result<>& result) { stored(ticket, result); },
          .tell = [this](SubscriptionId id, const std::shared_ptr<const Event>& mark) { broker_.tell(id, mark); },
          .limit = [this](SubscriptionId id, std::uint64_t newest) { broker_.limit_position(id, newest); }};
}

Result<> PubsubService::Space::reach_nodes_by(const EngineTerms& terms, const MakeEngine& make) {
  if (terms == relay_->terms()) return {};
  auto relay = Relay::open(loop_, terms, make, relay_callbacks());
  if (!relay) return fail(std::move(relay.error()));
  const auto before = std::exchange(relay_, std::move(*relay));
  for (const auto& [id, pattern] : before->patterns()) broker_.begin_after(id, relay_->join(id, pattern, std::nullopt).value_or(0));
  while (!storing_.empty())  // the old engine says no more of them
    stored(storing_.begin()->first, fail(ErrorCode::unavailable, "the engine was changed meanwhile"));
  serve_ready();
  return {};
}

void PubsubService::Space::deliver(const FromOutside& event) {
  Broker::Channel* channel = broker_.find(event.parts.channel);
  if (channel == nullptr) {
    const auto made = broker_.channels() < kForeignChannelsMax ? make_channel(event.parts.channel) : nullptr;
    if (!made || *made == nullptr) return relay_->refused();
    channel = *made;
  }
  if (channel->derivation != nullptr) return relay_->refused();
  if (!channel->parameters.schema.judge(event.parts.attributes, event.parts.content_type)) {
    ++counts_.broke_schema;
    return relay_->refused();
  }
  const std::uint64_t now_ns = shared_clock_ns();
  count(broker_.publish(*channel, event.parts, event.bytes, event.published_ns != 0 ? event.published_ns : now_ns,
                        published_at(event.published_ns, now_ns)));
  watch_time();
}

std::optional<Refusal> PubsubService::Space::store(Publishing& state, const Broker::Channel& channel, const EventParts& parts,
                                                   std::uint64_t now_ns) {
  const StoreTicket ticket{next_number_++};
  const std::uint32_t expires_ms = parts.header.expires_ms != 0 ? parts.header.expires_ms : channel.parameters.expires_ms;
  if (const auto taken = relay_->store(ticket, parts, now_ns, expires_ms); !taken)
    return Refusal{status_of(taken.error().code), "publish " + channel.name + ": " + taken.error().message};
  if (state.storing == nullptr) state.storing = std::make_shared<Storing>();
  ++state.storing->left;
  storing_.emplace(ticket, state.storing);
  return std::nullopt;
}

void PubsubService::Space::stored(StoreTicket ticket, const Result<>& result) {
  const auto node = storing_.extract(ticket);
  if (node.empty()) return;
  Storing& storing = *node.mapped();
  --storing.left;
  if (result) {
    ++storing.accepted;
  } else if (storing.refusal.status == VS_STATUS_OK) {
    storing.refusal = {status_of(result.error().code), result.error().message};
  }
  if (storing.left == 0 && storing.done) storing.done();
}

void PubsubService::Space::finish_when_stored(Reply reply, Publishing state) {
  const std::shared_ptr<Storing> storing = state.storing;
  const std::uint64_t number = next_number_++;
  auto waiting = std::make_shared<std::pair<Reply, Publishing>>(std::move(reply), std::move(state));
  storing_deadlines_[number] = loop_.at(waiting->second.deadline, [this, storing] {
    std::erase_if(storing_, [&](const auto& one) {
      if (one.second != storing) return false;
      relay_->forget(one.first);
      return true;
    });
    storing->left = 0;
    if (storing->refusal.status == VS_STATUS_OK)
      storing->refusal = {VS_STATUS_UNAVAILABLE, "publish: the engine has not said in time that it is stored; it may be, or not"};
    storing->done();
  });
  storing->done = [this, number, waiting] {
    loop_.cancel(storing_deadlines_[number]);
    storing_deadlines_.erase(number);
    const auto done = std::exchange(waiting->second.storing->done, nullptr);  // it holds itself until here
    finish(std::move(waiting->first), std::move(waiting->second));
  };
}

}  // namespace vs::pubsub
