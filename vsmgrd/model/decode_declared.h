// Reads the channels that a service of kind pubsub declares. Pure; thread-safe. What is wrong is noted, all of it: their schemas, filters and
// operators are judged as the backend will, one with the other, with the column in the text.
#pragma once

#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "vsmgrd/model/codec.h"

namespace vs {

inline constexpr std::size_t kDeclaredChannelsMax = 256;

std::vector<DeclaredChannel> decode_declared_channels(const nlohmann::json& value, const std::string& pointer,
                                                      std::vector<Problem>& problems);

// As they stand in documents.
nlohmann::json encode(const DeclaredChannel& channel);

}  // namespace vs
