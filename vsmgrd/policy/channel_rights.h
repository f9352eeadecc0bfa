// What a binding may do with the channels of its service: the channel rules that are about it, and what
// they decide about one channel. The backend decides the same (dataplane/services/pubsub/rights.h).
//
// Pure; thread-safe.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "vsmgrd/policy/rule_match.h"

namespace vs {

inline constexpr std::array<std::string_view, 3> kChannelVerbs{"create", "publish", "subscribe"};

// All channel rules of a set of policies, by policy and rule.
std::vector<ChannelRight> channel_rules_of(const Resources& policies);
// Those that are about this subject. Their number is what it costs.
std::vector<ChannelRight> channel_rights_of(const std::vector<ChannelRight>& rules, const Subject& subject);

struct ChannelVerdict {
  std::string channel;
  std::string verb;
  bool allowed = false;
  std::string policy;  // empty: no rule is about it, the default decides
  std::string rule;
  std::string message;
  std::optional<Source> source;
  std::vector<const ChannelRight*> limits;  // of an allowed publish: all hold together
};
// `channel` is a name.
ChannelVerdict judge_channel(const std::vector<ChannelRight>& rights, std::string_view channel, std::string_view verb);
// How far the memory is shared in which the events of a channel are delivered: the least of what the rights of all say
// who are given shared memory of the service. Who may do everything and is under no rule says group.
struct ChannelSharing {
  std::string mode = "private";  // private | group | equal
  std::string because;           // for people: whose right it is that lets it be no more
};
struct ServiceGuest {
  std::string domain;
  std::vector<ChannelRight> rights;
};
ChannelSharing judge_sharing(const std::vector<ServiceGuest>& guests, std::string_view channel);
// Whether what no rule is about is allowed.
bool channels_are_open(const std::vector<ChannelRight>& rights);

}  // namespace vs
