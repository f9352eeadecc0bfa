// What a dns service is told, and what it is not told.
#include "dataplane/services/dns/parameters.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace vs::dns {
namespace {

using nlohmann::json;

TEST(DnsParameters, MayAllBeMissing) {
  EXPECT_EQ(*parse_parameters(json::object()), Parameters{});
  EXPECT_EQ(*parse_parameters({{"cache", json::object()}}), Parameters{});
}

TEST(DnsParameters, AreAllRead) {
  const auto read = parse_parameters({{"nameservers", {"192.0.2.1:53", "192.0.2.2"}},
                                      {"timeoutMs", 250},
                                      {"tries", 5},
                                      {"cache",
                                       {{"ttlMinMs", 1000}, {"ttlMaxMs", 60'000}, {"negativeTtlMaxMs", 2000}, {"failureTtlMs", 3000},
                                        {"staleMaxMs", 0}, {"staleAfterMs", 10}, {"prefetchHits", 0}, {"guestEntriesMax", 7},
                                        {"guestBytesMax", 8192}, {"bytesMax", std::uint64_t{1} << 36}}}});
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->nameservers, "192.0.2.1:53,192.0.2.2");
  const CacheTerms& cache = read->cache;
  EXPECT_EQ(cache.ttl_min, std::chrono::seconds(1));
  EXPECT_EQ(cache.ttl_max, std::chrono::seconds(60));
  EXPECT_EQ(cache.stale_max, std::chrono::seconds(0));
  EXPECT_EQ(cache.stale_after, std::chrono::milliseconds(10));
  EXPECT_EQ(cache.prefetch_hits, 0u);
  EXPECT_EQ(cache.guest_entries_max, 7u);
  EXPECT_EQ(cache.bytes_max, std::uint64_t{1} << 36);
}

TEST(DnsParameters, AreJudged) {
  for (const json& cache : {json{{"ttlMaxMs", -1}}, json{{"ttlMaxMs", "1h"}}, json{{"prefetchHits", std::uint64_t{1} << 33}},
                            json{{"bytesMax", std::uint64_t{1} << 63}}, json(5)})
    EXPECT_FALSE(parse_parameters({{"cache", cache}})) << cache;
  EXPECT_FALSE(parse_parameters({{"timeoutMs", 0}}));
}

}  // namespace
}  // namespace vs::dns
