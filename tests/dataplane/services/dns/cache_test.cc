// What is kept, for how long, and who makes room for whom.
#include "dataplane/services/dns/cache.h"

#include <gtest/gtest.h>

namespace vs::dns {
namespace {

using namespace std::chrono_literals;

const TimePoint kStart{1h};

Answer found(std::uint32_t ttl_s) {
  Answer answer{.result = VS_DNS_FOUND, .canonical_name = "a.test", .addresses = {Address{}}};
  set_ttl(answer, ttl_s);
  return answer;
}
CacheKey key(std::string_view name = "a.test") { return make_key(name, RecordType::a); }

TEST(DnsCache, AgesTtls) {
  Cache cache({});
  cache.put("web1", key(), found(300), 1ms, kStart);
  EXPECT_EQ(cache.find("web1", key(), kStart)->answer.ttl_s, 300u);
  const auto later = cache.find("web1", key(), kStart + 100s);
  EXPECT_EQ(later->answer.addresses.at(0).ttl_s, 200u);
  EXPECT_EQ(cache.find("web1", key(), kStart + 100s, Cache::Ttl::whole)->answer.ttl_s, 300u);
}

TEST(DnsCache, KeepsPartitionsTypesAndNamesApartButNotTheirCase) {
  Cache cache({});
  cache.put("web1", key("A.Test"), found(300), 1ms, kStart);
  EXPECT_TRUE(cache.find("web1", key("a.tEST"), kStart));
  EXPECT_FALSE(cache.find("web2", key(), kStart));
  EXPECT_FALSE(cache.find("web1", make_key("a.test", RecordType::aaaa), kStart));
  EXPECT_FALSE(cache.find("web1", key("b.test"), kStart));
}

TEST(DnsCache, ClampsTtls) {
  Cache cache({.ttl_min = 5s, .ttl_max = 60s, .negative_ttl_max = 10s});
  cache.put("p", key("short.test"), found(1), 1ms, kStart);
  cache.put("p", key("long.test"), found(86400), 1ms, kStart);
  cache.put("p", key("no.test"), {.result = VS_DNS_NO_NAME, .ttl_s = 600}, 1ms, kStart);
  EXPECT_EQ(cache.find("p", key("short.test"), kStart)->answer.ttl_s, 5u);
  EXPECT_EQ(cache.find("p", key("long.test"), kStart)->answer.ttl_s, 60u);
  EXPECT_EQ(cache.find("p", key("no.test"), kStart)->answer.ttl_s, 10u);
}

TEST(DnsCache, KeepsNothingWithoutATime) {
  Cache cache({});
  cache.put("p", key("zero.test"), found(0), 1ms, kStart);
  cache.put("p", key("nosoa.test"), {.result = VS_DNS_NO_NAME}, 1ms, kStart);
  cache.put("p", key("unreachable.test"), {.result = VS_DNS_TRY_AGAIN}, 1ms, kStart);
  EXPECT_EQ(cache.counts().entries, 0u);
  Cache off({.ttl_max = 0s});
  off.put("p", key(), found(300), 1ms, kStart);
  off.put("p", key("failed.test"), {.result = VS_DNS_TRY_AGAIN, .server_failed = true}, 1ms, kStart);
  EXPECT_EQ(off.counts().entries, 0u);
}

TEST(DnsCache, KeepsFailuresForAMomentAndNeverOverWhatWasKnown) {
  Cache cache({.failure_ttl = 1s, .stale_max = 100s});
  const Answer failed{.result = VS_DNS_TRY_AGAIN, .server_failed = true};
  cache.put("p", key("bad.test"), failed, 1ms, kStart);
  EXPECT_TRUE(cache.find("p", key("bad.test"), kStart + 500ms));
  EXPECT_FALSE(cache.find("p", key("bad.test"), kStart + 1s));
  cache.put("p", key(), found(10), 1ms, kStart);
  cache.put("p", key(), failed, 1ms, kStart + 20s);
  EXPECT_TRUE(cache.find("p", key(), kStart + 20s)->stale);
}

TEST(DnsCache, GivesStaleAnswersForAWhile) {
  Cache cache({.stale_max = 100s});
  cache.put("p", key(), found(10), 1ms, kStart);
  EXPECT_FALSE(cache.find("p", key(), kStart + 9999ms)->stale);
  const auto stale = cache.find("p", key(), kStart + 10s);
  EXPECT_TRUE(stale->stale);
  EXPECT_EQ(stale->answer.ttl_s, 30u);
  EXPECT_FALSE(cache.find("p", key(), kStart + 110s));
  EXPECT_EQ(cache.counts().entries, 0u);
}

TEST(DnsCache, SaysWhenTheLastTenthBegins) {
  Cache cache({});
  cache.put("p", key(), found(100), 1ms, kStart);
  EXPECT_FALSE(cache.find("p", key(), kStart + 90s)->last_tenth);
  const auto last = cache.find("p", key(), kStart + 91s);
  EXPECT_TRUE(last->last_tenth);
  EXPECT_EQ(last->hits, 2u);
}

TEST(DnsCache, MakesRoomInThePartitionThatIsOverItsShareAndNowhereElse) {
  Cache cache({.guest_entries_max = 3});
  cache.put("quiet", key(), found(300), 1ms, kStart);
  for (int i = 0; i < 4; ++i) cache.put("loud", key(std::to_string(i) + ".test"), found(300), 1ms, kStart);
  EXPECT_EQ(cache.counts().evicted, 1u);
  EXPECT_FALSE(cache.find("loud", key("0.test"), kStart)) << "the least used goes first";
  EXPECT_TRUE(cache.find("loud", key("3.test"), kStart));
  EXPECT_TRUE(cache.find("quiet", key(), kStart));
}

TEST(DnsCache, KeepsWithinBytesOfGuestAndAll) {
  Cache cache({.guest_bytes_max = 1 << 20, .bytes_max = 64 << 10}, 8);
  EXPECT_EQ(cache.share_bytes(), 8u << 10);
  for (int i = 0; i < 1000; ++i) cache.put("p", key(std::to_string(i) + ".test"), found(300), 1ms, kStart);
  EXPECT_LE(cache.counts().bytes, 8u << 10);
  EXPECT_GT(cache.counts().entries, 10u);
  Answer huge = found(300);
  huge.addresses.resize(VS_DNS_ADDRESSES_MAX);
  const auto entries = cache.counts().entries;
  cache.put("p", key("huge.test"), huge, 1ms, kStart);
  EXPECT_EQ(cache.counts().entries, entries) << "what does not fit costs nothing else";
  cache.share_among(64);
  EXPECT_LE(cache.counts().bytes, 1u << 10);
}

TEST(DnsCache, IsFlushedByNamePartitionAndWhole) {
  Cache cache({});
  for (const char* partition : {"web1", "web2"})
    for (const char* name : {"a.test", "b.test"}) cache.put(partition, key(name), found(300), 1ms, kStart);
  EXPECT_EQ(cache.flush("web1", "a.test"), 1u);
  EXPECT_EQ(cache.flush({}, "a.test"), 1u);
  EXPECT_EQ(cache.flush("web1", {}), 1u);
  EXPECT_EQ(cache.flush({}, {}), 1u);
  EXPECT_EQ(cache.counts().flushed, 4u);
  EXPECT_EQ(cache.counts().bytes, 0u);
}

}  // namespace
}  // namespace vs::dns
