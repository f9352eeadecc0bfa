#include "vsmgrd/policy/channel_rights.h"

#include <algorithm>
#include <array>
#include <optional>
#include <tuple>

#include <fmt/format.h>

#include "base/channel_name.h"

namespace vs {
namespace {

bool applies(const ChannelRule& rule, std::string_view channel, std::string_view verb) {
  const bool of_verb = rule.verbs.empty() || std::find(rule.verbs.begin(), rule.verbs.end(), verb) != rule.verbs.end();
  return of_verb && std::any_of(rule.channels.begin(), rule.channels.end(),
                                [&](const std::string& pattern) { return pubsub::matches(pattern, channel); });
}

constexpr std::array<std::string_view, 3> kSharings{"private", "group", "equal"};  // each shares more than the one before

std::size_t rank_of(std::string_view sharing) {
  return static_cast<std::size_t>(std::find(kSharings.begin(), kSharings.end(), sharing) - kSharings.begin());
}

bool lets_subscribe(const ChannelRule& rule) {
  return rule.effect == Effect::allow &&
         (rule.verbs.empty() || std::find(rule.verbs.begin(), rule.verbs.end(), "subscribe") != rule.verbs.end());
}

// Whether the guest is given shared memory of its service.
bool shares(const std::vector<ChannelRight>& rights) {
  return channels_are_open(rights) || std::any_of(rights.begin(), rights.end(), [](const ChannelRight& right) {
           return lets_subscribe(right.rule) && right.rule.sharing != "private";
         });
}

ChannelSharing sharing_of(const ServiceGuest& guest, std::string_view channel) {
  const ChannelVerdict verdict = judge_channel(guest.rights, channel, "subscribe");
  if (!verdict.allowed) return {"private", fmt::format("{} shares memory of this service and may not subscribe", guest.domain)};
  const ChannelRight* least = nullptr;
  for (const ChannelRight& right : guest.rights)
    if (lets_subscribe(right.rule) && applies(right.rule, channel, "subscribe") &&
        (least == nullptr || rank_of(right.rule.sharing) < rank_of(least->rule.sharing)))
      least = &right;
  if (least == nullptr) return {"group", fmt::format("{} is under no rule that lets it subscribe, and shares with its group", guest.domain)};
  return {least->rule.sharing, fmt::format("{}: {}/{} says so", guest.domain, least->policy, least->rule.id)};
}

}  // namespace

ChannelSharing judge_sharing(const std::vector<ServiceGuest>& guests, std::string_view channel) {
  std::optional<ChannelSharing> least;
  for (const ServiceGuest& guest : guests) {
    if (!shares(guest.rights)) continue;
    ChannelSharing one = sharing_of(guest, channel);
    if (!least || rank_of(one.mode) < rank_of(least->mode)) least = std::move(one);
  }
  return least.value_or(ChannelSharing{"private", "nobody shares memory of this service"});
}

std::vector<ChannelRight> channel_rules_of(const Resources& policies) {
  std::vector<ChannelRight> rules;
  for (const auto& [name, policy] : policies) {
    const auto& listed = std::get<AccessPolicySpec>(policy.spec).channel_rules;
    for (std::size_t i = 0; i < listed.size(); ++i) {
      const auto source = policy.metadata.sources.find(fmt::format("/spec/channelRules/{}", i));
      rules.push_back({.policy = name,
                       .rule = listed[i],
                       .source = source == policy.metadata.sources.end() ? std::nullopt : std::optional(source->second)});
      sort_lists(rules.back().rule.match);
    }
  }
  std::sort(rules.begin(), rules.end(), [](const ChannelRight& left, const ChannelRight& right) {
    return std::tie(left.policy, left.rule.id) < std::tie(right.policy, right.rule.id);
  });
  return rules;
}

std::vector<ChannelRight> channel_rights_of(const std::vector<ChannelRight>& rules, const Subject& subject) {
  std::vector<ChannelRight> rights;
  if (subject.kind != "pubsub") return rights;
  for (const ChannelRight& one : rules) {
    if (!matches(one.rule.match, subject) || !matches_node(one.rule.match, subject.node)) continue;
    rights.push_back(one);
    rights.back().rule.match = {};
  }
  return rights;
}

bool channels_are_open(const std::vector<ChannelRight>& rights) {
  return std::none_of(rights.begin(), rights.end(),
                      [](const ChannelRight& right) { return right.rule.effect == Effect::allow; });
}

ChannelVerdict judge_channel(const std::vector<ChannelRight>& rights, std::string_view channel, std::string_view verb) {
  ChannelVerdict verdict{.channel = std::string(channel), .verb = std::string(verb), .allowed = channels_are_open(rights)};
  verdict.message = verdict.allowed ? "no channel rule allows this domain anything, so all is allowed that none denies"
                                    : "no channel rule allows it";
  const ChannelRight* decided = nullptr;
  for (const ChannelRight& right : rights) {
    if (!applies(right.rule, channel, verb)) continue;
    const bool denies = right.rule.effect == Effect::deny;
    if (!denies && verb == "subscribe" && right.rule.filter_cost_max != 0) verdict.limits.push_back(&right);
    if (!denies && verb == "publish" && (right.rule.rate != 0 || right.rule.event_bytes_max != 0)) verdict.limits.push_back(&right);
    if (decided == nullptr || (denies && decided->rule.effect == Effect::allow)) decided = &right;
  }
  if (decided == nullptr) return verdict;
  verdict.allowed = decided->rule.effect == Effect::allow;
  verdict.policy = decided->policy;
  verdict.rule = decided->rule.id;
  verdict.message = decided->rule.message;
  verdict.source = decided->source;
  if (!verdict.allowed) verdict.limits.clear();
  return verdict;
}

}  // namespace vs
