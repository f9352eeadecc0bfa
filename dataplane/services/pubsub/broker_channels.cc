// Channels as such: their parameters, and what a schema means to the filters that are there.
#include <algorithm>
#include <utility>

#include "dataplane/services/pubsub/broker.h"

namespace vs::pubsub {

Result<> Broker::set_parameters(Channel& channel, const ChannelParameters& parameters, Veto veto) {
  const bool other_schema = parameters.schema != channel.parameters.schema;
  std::vector<Subscription*> affected;
  if (other_schema)
    for (auto& [id, subscription] : subscriptions_)
      if (subscription.program != nullptr && wants(subscription.terms, channel.name)) affected.push_back(&subscription);
  for (const Subscription* one : affected) {
    if (veto == Veto::none || one->terms.pattern != channel.name) continue;
    if (std::find(channel.left_out.begin(), channel.left_out.end(), one) != channel.left_out.end()) continue;
    if (const auto fits = parameters.schema.judge_filter(one->terms.filter); !fits)
      return fail(ErrorCode::conflict, "channel " + channel.name + ": the schema does not fit a filter that is installed: " +
                                           fits.error().message);
  }
  for (const Channel* derived : channel.derived) {
    if (!other_schema || veto == Veto::none || derived->derivation->terms().source != channel.name) continue;
    if (const auto fits = derived->derivation->judge(parameters.schema); !fits)
      return fail(ErrorCode::conflict, "channel " + channel.name + ": the schema does not fit channel " + derived->name +
                                           ", which is derived from it: " + fits.error().message);
  }
  for (const Subscription* one : affected) leave(channel, *one);
  channel.parameters = parameters;
  for (Subscription* one : affected) (void)join(channel, *one);
  if (other_schema) rejoin_derived(channel);
  if (channel.newest == nullptr) return {};
  const EventParts& newest = channel.newest->parts();
  if (!parameters.retained || !parameters.schema.judge(newest.attributes, newest.content_type)) channel.newest = nullptr;
  return {};
}

std::size_t Broker::filters_left_out() const {
  std::size_t count = 0;
  for (const auto& [name, channel] : channels_) count += channel.left_out.size();
  return count;
}

}  // namespace vs::pubsub
