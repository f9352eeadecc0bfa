#include "dataplane/services/pubsub/broker.h"

#include <algorithm>
#include <utility>

#include "base/channel_name.h"
#include "base/check.h"
#include "base/ids.h"

namespace vs::pubsub {

using filter::kAttributes;

namespace {

Error no_such(SubscriptionId id) {
  return {ErrorCode::not_found, "subscription " + std::to_string(number_of(id)) + ": there is none"};
}

// Whether it may be evaluated on a channel.
Result<> judge_on(const Broker::Channel& channel, std::string_view filter) {
  if (channel.parameters.schema.empty()) return {};
  auto fits = channel.parameters.schema.judge_filter(filter);
  if (!fits) fits.error().message = "filter: " + fits.error().message + " (channel " + channel.name + ")";
  return fits;
}

bool has_budget(const Broker::Channel& channel, std::uint64_t cost, std::uint64_t goes = 0) {
  return channel.filter_cost - goes + cost <= kChannelFilterCostMax;
}

bool is_left_out(const Broker::Channel& channel, const Broker::Subscription& one) {
  return std::find(channel.left_out.begin(), channel.left_out.end(), &one) != channel.left_out.end();
}

}  // namespace

Broker::Broker(OnReady on_ready) : on_ready_(std::move(on_ready)), schema_(filter::event_names()), slots_known_(schema_.slots()) {
  schema_.open(kAttributes);
}

Result<std::unique_ptr<filter::Program>> Broker::compile(std::string_view text) {
  if (text.empty()) return std::unique_ptr<filter::Program>();
  auto program = filter::compile(text, schema_);
  if (!program) return fail(std::move(program.error()).within("filter"));
  while (slots_known_ < schema_.slots()) {
    const std::string& name = schema_.names()[slots_known_];
    attribute_slots_.emplace(name.substr(kAttributes.size() + 1), slots_known_++);
  }
  return std::make_unique<filter::Program>(std::move(*program));
}

Result<SubscriptionId> Broker::subscribe(SubscriptionTerms terms) {
  if (auto judged = judge_pattern(terms.pattern); !judged) return fail(std::move(judged.error()));
  if (subscriptions_.size() == kSubscriptionsMax)
    return fail(ErrorCode::exhausted, "subscriptions: " + std::to_string(kSubscriptionsMax) + " of them, which is the limit");
  auto program = compile(terms.filter);
  if (!program) return fail(std::move(program.error()));
  if (auto fits = judge_filter(terms, terms.filter, program->get()); !fits) return fail(std::move(fits.error()));
  const SubscriptionId id{next_id_++};
  SubscriptionQueue queue(terms.limits, terms.overflow);
  Subscription& made =
      subscriptions_.emplace(id, Subscription{id, std::move(terms), std::move(*program), std::move(queue), 0}).first->second;
  for (auto& [name, channel] : channels_) {
    if (!wants(made.terms, name)) continue;
    if (!join(channel, made) || !made.terms.retained || channel.newest == nullptr) continue;
    fill_slots(channel.newest->parts());
    if (made.program == nullptr || made.program->evaluate(slots_) == filter::Verdict::yes) made.queue.put(channel.newest, true);
  }
  if (!made.queue.empty()) on_ready_(id);
  return id;
}

Result<> Broker::set_filter(SubscriptionId id, std::string_view text, std::uint64_t cost_max) {
  const auto found = subscriptions_.find(id);
  if (found == subscriptions_.end()) return fail(no_such(id));
  auto program = compile(text);
  if (!program) return fail(std::move(program.error()));
  Subscription& subscription = found->second;
  subscription.terms.filter_cost_max = cost_max;
  if (auto fits = judge_filter(subscription.terms, text, program->get(), &subscription); !fits) return fail(std::move(fits.error()));
  leave(subscription);
  subscription.terms.filter = text;
  subscription.terms.broadcast = false;
  subscription.program = std::move(*program);
  for (auto& [name, channel] : channels_)
    if (wants(subscription.terms, name)) (void)join(channel, subscription);
  return {};
}

Result<> Broker::unsubscribe(SubscriptionId id) {
  const auto found = subscriptions_.find(id);
  if (found == subscriptions_.end()) return fail(no_such(id));
  leave(found->second);
  subscriptions_.erase(found);
  return {};
}

bool Broker::wants(const SubscriptionTerms& terms, std::string_view channel) {
  return matches(terms.pattern, channel) && (!terms.allowed || terms.allowed(channel));
}

Result<> Broker::judge_filter(const SubscriptionTerms& terms, std::string_view text, const filter::Program* program,
                              const Subscription* before) const {
  if (program == nullptr) return {};
  if (program->cost() > terms.filter_cost_max)
    return fail(ErrorCode::exhausted, "filter: may cost " + std::to_string(program->cost()) + " ns an event, and " +
                                          std::to_string(terms.filter_cost_max) + " are left to this guest");
  Result<> verdict;
  bool any = false;
  for (const auto& [name, channel] : channels_) {
    if (!wants(terms, name)) continue;
    if (auto fits = judge_on(channel, text); !fits) {
      if (verdict) verdict = std::move(fits);
      continue;
    }
    any = true;
    const bool goes = before != nullptr && before->program != nullptr && !is_left_out(channel, *before);
    if (!has_budget(channel, program->cost(), goes ? before->program->cost() : 0))
      return fail(ErrorCode::exhausted, "filter: channel " + name + ": its filters may cost " + std::to_string(channel.filter_cost) +
                                            " ns an event, and this one " + std::to_string(program->cost()) + "; limit " +
                                            std::to_string(kChannelFilterCostMax));
  }
  return any ? Result<>() : verdict;
}

std::uint64_t Broker::filter_cost(SubscriptionId id) const {
  const auto found = subscriptions_.find(id);
  return found == subscriptions_.end() || found->second.program == nullptr ? 0 : found->second.program->cost();
}

bool Broker::join(Channel& channel, Subscription& subscription) {
  if (subscription.program != nullptr &&
      (!has_budget(channel, subscription.program->cost()) || !judge_on(channel, subscription.terms.filter))) {
    channel.left_out.push_back(&subscription);
    return false;
  }
  if (subscription.queue.overflow() == Overflow::block) ++channel.blocking;
  if (subscription.terms.broadcast) {
    channel.listening.push_back(&subscription);
  } else if (subscription.program == nullptr) {
    channel.unfiltered.push_back(&subscription);
  } else {
    channel.filtered.add(number_of(subscription.id), *subscription.program);
    channel.filter_cost += subscription.program->cost();
  }
  return true;
}

void Broker::leave(const Subscription& subscription) {
  for (auto& [name, channel] : channels_)
    if (wants(subscription.terms, name)) leave(channel, subscription);
}

void Broker::leave(Channel& channel, const Subscription& subscription) {
  if (std::erase(channel.left_out, &subscription) != 0) return;
  if (subscription.queue.overflow() == Overflow::block) --channel.blocking;
  if (subscription.terms.broadcast) {
    std::erase(channel.listening, &subscription);
  } else if (subscription.program == nullptr) {
    std::erase(channel.unfiltered, &subscription);
  } else {
    channel.filtered.remove(number_of(subscription.id));
    channel.filter_cost -= subscription.program->cost();
  }
}

Broker::Channel* Broker::find(std::string_view name) {
  const auto known = channels_.find(name);
  return known == channels_.end() ? nullptr : &known->second;
}

Result<Broker::Channel*> Broker::create(std::string_view name) {
  if (Channel* known = find(name)) return known;
  if (channels_.size() == kChannelsMax)
    return fail(ErrorCode::exhausted, "channels: " + std::to_string(kChannelsMax) + " of them, which is the limit");
  Channel& made = channels_[std::string(name)];
  made.name = name;
  if (sharing_) made.sharing = sharing_(name);
  for (auto& [id, subscription] : subscriptions_)
    if (wants(subscription.terms, name)) (void)join(made, subscription);
  rejoin_derived(made);
  return &made;
}

void Broker::share_by(std::function<Sharing(std::string_view)> sharing) {
  sharing_ = std::move(sharing);
  for (auto& [name, channel] : channels_) channel.sharing = sharing_(name);
}

void Broker::fill_slots(const EventParts& event) {
  slots_.assign(schema_.slots(), filter::Value());
  slots_[filter::kChannelSlot] = filter::Value(event.channel);
  if (!event.key.empty()) slots_[filter::kKeySlot] = filter::Value(event.key);
  if (!event.content_type.empty()) slots_[filter::kContentTypeSlot] = filter::Value(event.content_type);
  slots_[filter::kSequenceSlot] = filter::Value(static_cast<std::int64_t>(event.header.sequence));
  slots_[filter::kPayloadSlot] = filter::Value(
      std::string_view(reinterpret_cast<const char*>(event.payload.data()), event.payload.size()), filter::Type::bytes);
  for (const auto& [name, value] : event.attributes)
    if (const auto slot = attribute_slots_.find(name); slot != attribute_slots_.end()) slots_[slot->second] = value;
}

void Broker::match(const Channel& channel, const EventParts& event) {
  matched_.clear();
  if (channel.filtered.size() == 0) return;
  fill_slots(event);
  filter_errors_ += channel.filtered.match(slots_, matched_).errors;
  std::sort(matched_.begin(), matched_.end());
}

bool Broker::has_room(Channel& channel, const EventParts& event) {
  if (channel.blocking == 0) return true;
  const auto fits = [&](const Subscription& one) {
    return one.queue.overflow() != Overflow::block || one.queue.has_room(event.header.bytes);
  };
  for (const Subscription* one : channel.unfiltered)
    if (!fits(*one)) return false;
  EventParts numbered = event;
  numbered.header.sequence = channel.sequence + 1;
  match(channel, numbered);
  return std::all_of(matched_.begin(), matched_.end(),
                     [&](filter::FilterIndex::Id id) { return fits(subscriptions_.at(SubscriptionId{id})); });
}

Published Broker::publish(Channel& channel, const EventParts& parts, std::span<const std::byte> bytes, std::uint64_t published_ns,
                          TimePoint now) {
  const bool stored = (parts.header.flags & VS_EVENT_STORED) != 0;
  const std::uint64_t sequence = stored ? parts.header.sequence : channel.sequence + 1;
  const auto event = Event::make(parts, bytes, sequence, published_ns, now, channel.parameters.expires_ms,
                                 !stored && in_frame(channel, parts));  // its reader counts those that it was given, which may be taken back
  const bool newest = sequence > channel.sequence;  // else it comes again, for one who has missed it
  if (newest) channel.sequence = sequence;
  if (newest && channel.parameters.retained) channel.newest = event;
  Published outcome{.sequence = event->sequence()};
  announce(channel, event, outcome);
  if (!channel.derived.empty()) derive_from(channel, event, published_ns, now, outcome);
  return outcome;
}

void Broker::announce(Channel& channel, const std::shared_ptr<const Event>& event, Published& outcome) {
  const std::size_t ended_before = outcome.ended.size();
  match(channel, event->parts());
  if (!channel.listening.empty()) {
    const bool stored = (event->parts().header.flags & VS_EVENT_STORED) != 0;  // who has had it does not get it again
    if (channel.sharing == Sharing::equal && !stored && broadcast_ && broadcast_(*event)) {
      outcome.subscribers += channel.listening.size();
    } else {
      for (Subscription* one : channel.listening) deliver(*one, event, outcome);
    }
  }
  for (Subscription* one : channel.unfiltered) deliver(*one, event, outcome);
  for (const filter::FilterIndex::Id id : matched_) deliver(subscriptions_.at(SubscriptionId{id}), event, outcome);
  for (std::size_t at = ended_before; at < outcome.ended.size(); ++at) VS_CHECK(unsubscribe(outcome.ended[at]).has_value());
}

void Broker::deliver(Subscription& subscription, std::shared_ptr<const Event> event, Published& outcome) {
  if ((event->parts().header.flags & VS_EVENT_STORED) != 0) {
    if (event->sequence() <= subscription.position) return;
    subscription.position = event->sequence();
  }
  ++outcome.subscribers;
  const bool was_empty = subscription.queue.empty();
  switch (subscription.queue.put(std::move(event))) {
    case SubscriptionQueue::Put::queued: break;
    case SubscriptionQueue::Put::lost: ++outcome.lost; break;
    case SubscriptionQueue::Put::ended:
      ++outcome.lost;
      outcome.ended.push_back(subscription.id);
      return;
  }
  if (was_empty) on_ready_(subscription.id);
}

void Broker::begin_after(SubscriptionId id, std::uint64_t position) {
  if (const auto found = subscriptions_.find(id); found != subscriptions_.end()) found->second.position = position;
}

void Broker::limit_position(SubscriptionId id, std::uint64_t newest) {
  if (const auto found = subscriptions_.find(id); found != subscriptions_.end())
    found->second.position = std::min(found->second.position, newest);
}

void Broker::tell(SubscriptionId id, const std::shared_ptr<const Event>& mark) {
  const auto found = subscriptions_.find(id);
  if (found == subscriptions_.end()) return;
  const bool was_empty = found->second.queue.empty();
  (void)found->second.queue.put(mark);
  if (was_empty) on_ready_(id);
}

Result<std::size_t> Broker::take(SubscriptionId id, std::span<std::byte> into, TimePoint now) {
  const auto found = subscriptions_.find(id);
  if (found == subscriptions_.end()) return fail(no_such(id));
  return found->second.queue.take(into, now);
}

SubscriptionQueue* Broker::queue(SubscriptionId id) {
  const auto found = subscriptions_.find(id);
  return found == subscriptions_.end() ? nullptr : &found->second.queue;
}

void Broker::skip(SubscriptionId id) {
  const auto found = subscriptions_.find(id);
  if (found != subscriptions_.end()) found->second.queue.skip();
}

const SubscriptionQueue* Broker::queue(SubscriptionId id) const {
  const auto found = subscriptions_.find(id);
  return found == subscriptions_.end() ? nullptr : &found->second.queue;
}

}  // namespace vs::pubsub
