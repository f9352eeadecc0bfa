// What goes along with a domain to another node of the answers that were kept for it, and what is believed of what came along.
#include "dataplane/services/dns/soft_state.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "dataplane/services/dns/caching_resolver.h"
#include "dataplane/services/dns/dns_service.h"
#include "tests/dataplane/services/dns/manual_upstream.h"

namespace vs::dns {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;

const WallTime kNow{std::chrono::hours(500'000)};

Answer found(std::uint32_t ttl_s, std::uint8_t last = 3) {
  Answer answer{.result = VS_DNS_FOUND, .canonical_name = "b.test", .addresses = {{.bytes = {10, 1, 2, last}}}};
  set_ttl(answer, ttl_s);
  return answer;
}

Cache::Kept kept(const std::string& name, std::chrono::nanoseconds left = 9s, RecordType type = RecordType::a) {
  return {make_key(name, type), found(9), left};
}

json state_of(const std::vector<Cache::Kept>& all) { return encode_state(all, kNow, 1 << 18); }

TEST(SoftState, ArrivesAsItWasSent) {
  Answer six{.result = VS_DNS_FOUND, .addresses = {{.inet6 = true, .bytes = {0xfd, 1}}}};
  Answer names{.result = VS_DNS_FOUND, .names = {"host.test", "other.test"}};
  const std::vector<Cache::Kept> all{kept("a.test"),
                                     {make_key("a.test", RecordType::aaaa), six, 8s},
                                     {make_key("3.2.1.10.in-addr.arpa", RecordType::ptr), names, 7s},
                                     {make_key("nx.test", RecordType::a), {.result = VS_DNS_NO_NAME}, 6s},
                                     {make_key("v4.test", RecordType::aaaa), {.result = VS_DNS_NO_DATA}, 5s}};
  const DecodedState decoded = decode_state(json::parse(state_of(all).dump()), kNow);
  EXPECT_EQ(decoded.refused, 0u);
  ASSERT_EQ(decoded.kept.size(), all.size());
  for (std::size_t i = 0; i < all.size(); ++i) {
    EXPECT_EQ(decoded.kept[i].key, all[i].key);
    EXPECT_EQ(decoded.kept[i].left, all[i].left);
    Answer expected = all[i].answer;  // times are those of the entry
    set_ttl(expected, 0);
    EXPECT_EQ(decoded.kept[i].answer, expected) << i;
  }
}

TEST(SoftState, AgesOnItsWay) {
  const json state = state_of({kept("a.test", 9s), kept("b.test", 2s)});
  const DecodedState decoded = decode_state(state, kNow + 3s);
  ASSERT_EQ(decoded.kept.size(), 1u);
  EXPECT_EQ(decoded.kept[0].left, 6s);
  EXPECT_EQ(decoded.refused, 1u) << "b.test is outdated";
  EXPECT_EQ(decode_state(state, kNow - 1h).kept.at(0).left, 9s) << "a clock that is behind makes nothing last longer";
}

TEST(SoftState, HasRoomForSoMuch) {
  std::vector<Cache::Kept> all;
  for (int i = 0; i < 2000; ++i) all.push_back(kept("n" + std::to_string(i) + ".test"));
  EXPECT_EQ(state_of(all)["entries"].size(), kStateEntriesMax);
  const json small = encode_state(all, kNow, 1000);
  EXPECT_LE(small.dump().size(), 1000u);
  EXPECT_EQ(small["entries"][0]["name"], "n0.test") << "the first of them";
  EXPECT_EQ(encode_state(all, kNow, 10), json::object());
  EXPECT_EQ(encode_state({}, kNow, 1000), json::object());
}

TEST(SoftState, LeavesOutWhatIsNoNameOfAHost) {
  Cache::Kept odd = kept("a.test");
  odd.answer.canonical_name = "\xff\xfe.test";
  EXPECT_EQ(state_of({odd}), json::object());
  Cache::Kept failed = kept("a.test");
  failed.answer = {.result = VS_DNS_TRY_AGAIN, .server_failed = true};
  EXPECT_EQ(state_of({failed, kept("b.test")})["entries"].size(), 1u);
}

// One entry, changed.
std::uint64_t refused_with(const char* at, const json& value) {
  json state = state_of({kept("a.test")});
  state[json::json_pointer(at)] = value;
  const DecodedState decoded = decode_state(state, kNow);
  EXPECT_EQ(decoded.kept.size() + decoded.refused, 1u);
  return decoded.refused;
}

TEST(SoftState, OfAnEntryThatIsNoneNothingIsBelieved) {
  EXPECT_EQ(refused_with("/entries/0/leftMs", 9u), 0u);
  for (const json& name : {json(""), json("a..b"), json(std::string(254, 'a')), json("a b"), json(7), json(nullptr)})
    EXPECT_EQ(refused_with("/entries/0/name", name), 1u) << name;
  for (const json& type : {json("cname"), json("A"), json(1), json("aaaa"), json("ptr")})
    EXPECT_EQ(refused_with("/entries/0/type", type), 1u) << type << ": the address is of another family";
  for (const json& result : {json("tryAgain"), json("noName"), json(0)})
    EXPECT_EQ(refused_with("/entries/0/result", result), 1u) << result;
  for (const json& left : {json(0), json(-1), json(1.5), json(UINT64_MAX), json("9")})
    EXPECT_EQ(refused_with("/entries/0/leftMs", left), 1u) << left;
  for (const json& addresses : {json("10.1.2.3"), json::array(), json({"10.1.2"}), json({"fd00::1"}), json({7}),
                                json(std::vector<std::string>(VS_DNS_ADDRESSES_MAX + 1, "10.1.2.3"))})
    EXPECT_EQ(refused_with("/entries/0/addresses", addresses), 1u);
  EXPECT_EQ(refused_with("/entries/0/canonical", "a b"), 1u);
  EXPECT_EQ(refused_with("/entries/0/names", json({"host.test"})), 1u) << "a lookup has no names";
}

TEST(SoftState, OfAStateThatIsNoneNothingIsBelieved) {
  for (const json& state : {json(nullptr), json::array(), json("x"), json{{"entries", json::array()}}, json{{"asOfMs", 1}},
                            json{{"asOfMs", -1}, {"entries", json::array()}}, json{{"asOfMs", 1}, {"entries", 7}},
                            json{{"asOfMs", 1}, {"entries", std::vector<int>(kStateEntriesMax + 1)}}}) {
    const DecodedState decoded = decode_state(state, kNow);
    EXPECT_TRUE(decoded.kept.empty());
    EXPECT_EQ(decoded.refused, 1u) << state;
  }
  EXPECT_EQ(decode_state(json::object(), kNow).refused, 0u) << "there was nothing to say";
}

class TravelTest : public testing::Test {
 protected:
  std::unique_ptr<CachingResolver> resolver(const CacheTerms& terms = {}) {
    auto made = std::make_unique<CachingResolver>(upstream_, terms, std::make_shared<SharedCache>(Cache(terms)));
    made->serve({"web1", "web2"});
    return made;
  }
  Answer ask(CachingResolver& resolver, const std::shared_ptr<Asker>& who, const std::string& name) {
    std::optional<Answer> answer;
    resolver.lookup(who, {name, true, false}, upstream_.now() + 1min, [&](const Answer& given) { answer = given; });
    while (!answer) upstream_.run_next();
    return *answer;
  }
  static std::vector<std::string> names(const std::vector<Cache::Kept>& all) {
    std::vector<std::string> names;
    for (const auto& one : all) names.push_back(one.key.name);
    return names;
  }
  TravelTest() {
    upstream_.answer = [](const CacheKey&) { return found(300); };
  }

  test::ManualUpstream upstream_;
  std::shared_ptr<Asker> web1_ = std::make_shared<Asker>(Asker{"web1", {SharingMode::open, {}, {}}});
  std::shared_ptr<Asker> web2_ = std::make_shared<Asker>(Asker{"web2", {SharingMode::open, {}, {}}});
};

// Both share all they ask: what the other one asked is in the cache they share, and is nobody's to take along.
TEST_F(TravelTest, WhatOthersAskedNeverGoesAlong) {
  const auto here = resolver();
  ask(*here, web1_, "mine.test");
  ask(*here, web2_, "theirs.test");
  ask(*here, web1_, "both.test");
  ask(*here, web2_, "both.test");
  const auto travels = here->kept_for("web1", 100);
  EXPECT_THAT(names(travels), testing::ElementsAre("both.test", "mine.test")) << "those used last first";
  EXPECT_EQ(state_of(travels).dump().find("theirs"), std::string::npos);
  EXPECT_TRUE(here->kept_for("web3", 100).empty());
}

TEST_F(TravelTest, WhatCameAlongIsKnownToThatDomainAloneForTheRestOfItsTime) {
  const auto here = resolver(), there = resolver({.ttl_min = 60s});
  ask(*here, web1_, "mine.test");
  upstream_.advance(290s);
  EXPECT_EQ(there->take_over("web1", here->kept_for("web1", 100)), 1u);
  const int fetches = upstream_.fetches;
  EXPECT_EQ(ask(*there, web1_, "mine.test").ttl_s, 10u) << "no longer for a minimum that is there";
  EXPECT_EQ(upstream_.fetches, fetches);
  ask(*there, web2_, "mine.test");
  EXPECT_EQ(upstream_.fetches, fetches + 1) << "nobody else knows of it";
}

TEST_F(TravelTest, WhatIsKnownThereIsNotReplaced) {
  const auto here = resolver(), there = resolver();
  ask(*here, web1_, "mine.test");
  upstream_.answer = [](const CacheKey&) { return found(300, 77); };
  ask(*there, web1_, "mine.test");
  EXPECT_EQ(there->take_over("web1", here->kept_for("web1", 100)), 0u);
  EXPECT_EQ(ask(*there, web1_, "mine.test").addresses.at(0).bytes[3], 77);
}

TEST_F(TravelTest, NothingIsKeptWhereNothingIsToBeKept) {
  const auto here = resolver(), there = resolver({.ttl_max = 0s}), small = resolver({.guest_entries_max = 2});
  for (int i = 0; i < 5; ++i) ask(*here, web1_, "n" + std::to_string(i) + ".test");
  EXPECT_EQ(there->take_over("web1", here->kept_for("web1", 100)), 0u);
  EXPECT_EQ(small->take_over("web1", here->kept_for("web1", 100)), 5u);
  EXPECT_THAT(names(small->kept_for("web1", 100)), testing::ElementsAre("n4.test", "n3.test")) << "those used last";
}

}  // namespace
}  // namespace vs::dns
