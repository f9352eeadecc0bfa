#include "dataplane/services/dns/parameters.h"

#include <algorithm>
#include <limits>

#include <nlohmann/json.hpp>

namespace vs::dns {
namespace {

inline constexpr std::int64_t kTimeoutMsMax = 60'000;
inline constexpr std::int64_t kTriesMax = 10;
inline constexpr std::int64_t kTtlMsMax = std::int64_t{7} * 24 * 3600 * 1000;  // RFC 8767 4
inline constexpr std::int64_t kCountMax = std::int64_t{1} << 40;

Result<std::int64_t> number(const nlohmann::json& from, const char* key, std::int64_t otherwise, std::int64_t max,
                            std::int64_t min = 1) {
  const auto found = from.find(key);
  if (found == from.end()) return otherwise;
  if (!found->is_number_integer() || found->get<std::int64_t>() < min || found->get<std::int64_t>() > max)
    return fail(ErrorCode::invalid, std::string(key) + ": a whole number from " + std::to_string(min) + " to " + std::to_string(max));
  return found->get<std::int64_t>();
}

template <class Duration>
Result<> read_duration(const nlohmann::json& from, const char* key, Duration& into) {
  const auto read = number(from, key, std::chrono::milliseconds(into).count(), kTtlMsMax, 0);
  if (!read) return fail(read.error());
  into = std::chrono::duration_cast<Duration>(std::chrono::milliseconds(*read));
  return {};
}

template <class Count>
Result<> read_count(const nlohmann::json& from, const char* key, Count& into) {
  const auto read = number(from, key, static_cast<std::int64_t>(into),
                           static_cast<std::int64_t>(std::min<std::uint64_t>(kCountMax, std::numeric_limits<Count>::max())), 0);
  if (!read) return fail(read.error());
  into = static_cast<Count>(*read);
  return {};
}

Result<> read_cache(const nlohmann::json& from, CacheTerms& cache) {
  if (!from.is_object()) return fail(ErrorCode::invalid, "cache: not an object");
  for (Result<> read : {read_duration(from, "ttlMinMs", cache.ttl_min), read_duration(from, "ttlMaxMs", cache.ttl_max),
                        read_duration(from, "negativeTtlMaxMs", cache.negative_ttl_max),
                        read_duration(from, "failureTtlMs", cache.failure_ttl), read_duration(from, "staleMaxMs", cache.stale_max),
                        read_duration(from, "staleAfterMs", cache.stale_after), read_count(from, "prefetchHits", cache.prefetch_hits),
                        read_count(from, "guestEntriesMax", cache.guest_entries_max),
                        read_count(from, "guestBytesMax", cache.guest_bytes_max), read_count(from, "bytesMax", cache.bytes_max)})
    if (!read) return fail(std::move(read.error()).within("cache"));
  return {};
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
  if (const auto found = from.find("cache"); found != from.end())
    if (auto read = read_cache(*found, parameters.cache); !read) return fail(std::move(read.error()));
  return parameters;
}

}  // namespace vs::dns
