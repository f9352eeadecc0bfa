// Reads the channel rules of an AccessPolicy, and the parameters of a service of channels. Pure; thread-safe. What is wrong is noted, all of it.
#pragma once

#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "vsmgrd/model/codec.h"

namespace vs {

inline constexpr std::uint32_t kChannelRateMax = 100'000'000;
inline constexpr std::uint32_t kChannelBurstMax = 1'000'000'000;
inline constexpr std::uint32_t kChannelEventBytesMax = 1 << 20;
inline constexpr std::size_t kSharedPatternsMax = 64;
inline constexpr std::size_t kPrefixBytesMax = 128;
inline constexpr std::uint32_t kChannelFilterCostMax = 1'000'000;  // ns an event

ChannelRule decode_channel_rule(const nlohmann::json& value, std::string pointer, std::vector<Problem>& problems,
                                RuleMatch (*decode_match)(const nlohmann::json&, std::string, std::vector<Problem>&));

PubsubParameters decode_pubsub(const nlohmann::json& value, std::string pointer, std::vector<Problem>& problems);

// As they stand in documents; of parameters those that say something; without its match, as they stand in a stored decision.
nlohmann::json encode(const PubsubParameters& parameters);
nlohmann::json encode(const ChannelRule& rule);
nlohmann::json encode_stored(const ChannelRight& right);
// Throws nlohmann's exceptions when it is none.
ChannelRight decode_stored_right(const nlohmann::json& stored);

}  // namespace vs
