// A request about a channel as a guest wrote it, and what a channel is as it is told: abi/pubsub.h's parameters and declaration.
//
// Pure. Sizes are bytes. Errors: invalid (in words, with the column where a declaration has one), exhausted.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "dataplane/services/pubsub/broker.h"

namespace vs::pubsub {

// Judged.
struct ChannelRequest {
  std::string_view name;  // in the request's bytes
  ChannelParameters parameters;
  std::optional<DerivationTerms> derivation;  // of a derived channel; not judged
};
Result<ChannelRequest> read_channel_request(std::span<const std::byte> bytes);

// vs_pubsub_parameters, and the declaration if there is anything declared.
std::vector<std::byte> write_channel(const Broker::Channel& channel);

}  // namespace vs::pubsub
