#include "dataplane/services/pubsub/guest.h"

#include <algorithm>
#include <utility>

#include "base/log.h"

namespace vs::pubsub {

Guest::Guest(std::string binding, nlohmann::json from) : binding_(std::move(binding)), from_(std::move(from)) {
  auto rights = Rights::parse(from_);
  if (!rights) log::error("pubsub.rights_refused", {{"error", rights.error()}});
  rights_ = rights ? std::move(*rights) : Rights::nothing();
  for (const ChannelRule& rule : rights_.rules())
    rates_.push_back(rule.rate_per_s != 0 ? std::optional(Rate(rule.rate_per_s, rule.burst)) : std::nullopt);
}

Guest::Grant& Guest::grant_of(const Broker::Channel& channel) {
  const auto [place, made] = grants_.try_emplace(&channel);
  Grant& grant = place->second;
  if (!made) return grant;
  if (const auto judged = rights_.judge(Verb::publish, channel.name); !judged)
    grant.refusal = Refusal{VS_STATUS_DENIED, judged.error().message};
  for (const std::size_t number : rights_.limits(channel.name)) {
    const ChannelRule& rule = rights_.rules()[number];
    if (rule.event_bytes_max != 0) grant.event_bytes_max = std::min<std::size_t>(grant.event_bytes_max, rule.event_bytes_max);
    if (rates_[number]) grant.rates.push_back(number);
  }
  return grant;
}

std::uint64_t FilterBudget::left(const Rights& rights, std::string_view pattern) const {
  std::uint64_t left = kGuestFilterCostMax - used_;
  for (const std::size_t number : rights.filter_limits(pattern)) {
    const auto used = used_of_rule_.find(number);
    const std::uint64_t most = rights.rules()[number].filter_cost_max;
    left = std::min(left, used == used_of_rule_.end() ? most : most - std::min(most, used->second));
  }
  return left;
}

void FilterBudget::add(const Rights& rights, std::string_view pattern, std::uint64_t cost) {
  used_ += cost;
  for (const std::size_t number : rights.filter_limits(pattern)) used_of_rule_[number] += cost;
}

void FilterBudget::remove(const Rights& rights, std::string_view pattern, std::uint64_t cost) {
  used_ -= cost;
  for (const std::size_t number : rights.filter_limits(pattern)) used_of_rule_[number] -= cost;
}

std::optional<Refusal> Guest::judge(const Broker::Channel& channel, std::size_t bytes, TimePoint now) {
  if (rights_.unlimited()) return std::nullopt;
  const Grant& grant = grant_of(channel);
  if (grant.refusal) {
    ++counts_.denied;
    return grant.refusal;
  }
  if (bytes > grant.event_bytes_max) {
    ++counts_.too_large;
    return Refusal{VS_STATUS_TOO_LARGE, "publish " + channel.name + ": " + std::to_string(bytes) + " bytes, limit " +
                                            std::to_string(grant.event_bytes_max)};
  }
  for (const std::size_t number : grant.rates)
    if (!rates_[number]->ready(now)) {
      ++counts_.over_rate;
      return Refusal{VS_STATUS_EXHAUSTED, "publish " + channel.name + ": over " +
                                              std::to_string(rights_.rules()[number].rate_per_s) + " events a second (" +
                                              rights_.rules()[number].name + ")"};
    }
  return std::nullopt;
}

void Guest::published(const Broker::Channel& channel, TimePoint now) {
  if (rights_.unlimited()) return;
  for (const std::size_t number : grant_of(channel).rates) rates_[number]->take(now);
}

}  // namespace vs::pubsub
