#include "dataplane/services/dns/parameters.h"

#include <nlohmann/json.hpp>

namespace vs::dns {
namespace {

inline constexpr std::int64_t kTimeoutMsMax = 60'000;
inline constexpr std::int64_t kTriesMax = 10;

Result<std::int64_t> number(const nlohmann::json& from, const char* key, std::int64_t otherwise, std::int64_t max) {
  const auto found = from.find(key);
  if (found == from.end()) return otherwise;
  if (!found->is_number_integer() || found->get<std::int64_t>() < 1 || found->get<std::int64_t>() > max)
    return fail(ErrorCode::invalid, std::string(key) + ": a whole number from 1 to " + std::to_string(max));
  return found->get<std::int64_t>();
}

}  // namespace

Result<Parameters> parse_parameters(const nlohmann::json& from) {
  if (!from.is_object()) return fail(ErrorCode::invalid, "parameters: not an object");
  Parameters parameters;
  const auto timeout = number(from, "timeoutMs", parameters.timeout.count(), kTimeoutMsMax);
  if (!timeout) return fail(timeout.error());
  const auto tries = number(from, "tries", parameters.tries, kTriesMax);
  if (!tries) return fail(tries.error());
  parameters.timeout = std::chrono::milliseconds(*timeout);
  parameters.tries = static_cast<std::uint32_t>(*tries);
  if (const auto found = from.find("nameservers"); found != from.end()) {
    if (!found->is_array()) return fail(ErrorCode::invalid, "nameservers: not a list");
    for (const auto& server : *found) {
      if (!server.is_string()) return fail(ErrorCode::invalid, "nameservers: not a list of strings");
      if (!parameters.nameservers.empty()) parameters.nameservers += ',';
      parameters.nameservers += server.get<std::string>();
    }
  }
  return parameters;
}

}  // namespace vs::dns
