// The channels that a service's own parameters declare: {"channels": [{"name", "eventBytesMax", "expiresMs", "retained", "contentType",
// "schema", "source", "filter", "operators"}]}, all but the name as they are needed.
//
// A name declares that channel; a pattern all of its channels that no earlier entry declares, and those that are created later. What they
// declare guests cannot change. Immutable. Errors: invalid, when it is none; vsmgrd has judged it in the words of a policy.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/result.h"
#include "dataplane/services/pubsub/broker.h"

namespace vs::pubsub {

inline constexpr std::size_t kDeclaredMax = 256;

struct DeclaredChannel {
  std::string name;  // or a pattern
  ChannelParameters parameters;
  std::optional<DerivationTerms> derivation;
};

class DeclaredChannels {
 public:
  // Null: none.
  static Result<DeclaredChannels> parse(const nlohmann::json& channels);

  [[nodiscard]] const std::vector<DeclaredChannel>& all() const { return channels_; }
  // What is declared of a channel: by its name, else by the first pattern. nullptr: nothing.
  [[nodiscard]] const DeclaredChannel* find(std::string_view channel) const;

 private:
  std::vector<DeclaredChannel> channels_;
};

}  // namespace vs::pubsub
