// Who is answered out of what, and what of it nameservers and other guests see.
#include "dataplane/services/dns/caching_resolver.h"

#include <gtest/gtest.h>

#include "tests/dataplane/services/dns/manual_upstream.h"

namespace vs::dns {
namespace {

using namespace std::chrono_literals;

class CachingResolverTest : public testing::Test {
 protected:
  void make(CacheTerms terms = {}) {
    resolver_ = std::make_unique<CachingResolver>(upstream_, terms, std::make_shared<SharedCache>(Cache(terms)));
    resolver_->serve({"web1", "web2", "web3"});
  }
  static std::shared_ptr<Asker> asker(std::string domain, Sharing sharing = {}) {
    return std::make_shared<Asker>(Asker{.domain = std::move(domain), .sharing = std::move(sharing)});
  }
  struct Asked {
    std::optional<Answer> answer;
    TimePoint at{};
  };
  std::shared_ptr<Asked> ask(const std::shared_ptr<Asker>& who, const std::string& name, std::chrono::nanoseconds patience = 60s) {
    auto asked = std::make_shared<Asked>();
    resolver_->lookup(who, {name, true, false}, upstream_.now() + patience, [this, asked](const Answer& answer) {
      ASSERT_FALSE(asked->answer) << "answered twice";
      asked->answer = answer;
      asked->at = upstream_.now();
    });
    return asked;
  }

  test::ManualUpstream upstream_;
  std::unique_ptr<CachingResolver> resolver_;
};

TEST_F(CachingResolverTest, AsksOnceForWhatIsAskedAgain) {
  make();
  const auto web1 = asker("web1");
  const auto first = ask(web1, "a.test");
  EXPECT_FALSE(first->answer);
  upstream_.advance(10ms);
  ASSERT_TRUE(first->answer);
  upstream_.advance(100s);
  const auto again = ask(web1, "A.TEST");
  ASSERT_TRUE(again->answer) << "at once";
  EXPECT_EQ(again->answer->ttl_s, 200u);
  EXPECT_EQ(upstream_.fetches, 1);
  EXPECT_EQ(web1->hits, 1u);
  EXPECT_EQ(web1->misses, 1u);
}

TEST_F(CachingResolverTest, JoinsBothFamilies) {
  make();
  std::optional<Answer> answer;
  resolver_->lookup(asker("web1"), {"a.test", true, true}, upstream_.now() + 1min, [&](const Answer& got) { answer = got; });
  upstream_.advance(10ms);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->addresses.size(), 2u);
  EXPECT_EQ(upstream_.fetches, 2);
}

TEST_F(CachingResolverTest, FetchesOnceForAllWhoWait) {
  make();
  const auto web1 = asker("web1");
  const auto one = ask(web1, "a.test");
  upstream_.advance(5ms);
  const auto two = ask(web1, "a.test");
  upstream_.advance(5ms);
  EXPECT_TRUE(one->answer);
  EXPECT_TRUE(two->answer);
  EXPECT_EQ(upstream_.fetches, 1);
  EXPECT_EQ(resolver_->counts().joined, 1u);
}

TEST_F(CachingResolverTest, EndsAtTheCallersDeadlineAndKeepsTheAnswerAllTheSame) {
  make();
  const auto hasty = ask(asker("web1"), "a.test", 1ms);
  upstream_.advance(2ms);
  ASSERT_TRUE(hasty->answer);
  EXPECT_EQ(hasty->answer->result, VS_DNS_TRY_AGAIN);
  upstream_.advance(8ms);
  EXPECT_TRUE(ask(asker("web1"), "a.test")->answer);
}

TEST_F(CachingResolverTest, PrefetchesWhatIsAskedForOftenInItsLastTenth) {
  make({.prefetch_hits = 2});
  const auto web1 = asker("web1");
  ask(web1, "a.test");
  upstream_.advance(10ms);
  upstream_.advance(280s);
  ask(web1, "a.test");
  EXPECT_EQ(upstream_.fetches, 1) << "asked for once so far";
  const auto at_once = ask(web1, "a.test");
  EXPECT_TRUE(at_once->answer);
  EXPECT_EQ(upstream_.fetches, 2);
  upstream_.advance(30s);
  const auto after = ask(web1, "a.test");
  ASSERT_TRUE(after->answer);
  EXPECT_GT(after->answer->ttl_s, 200u);
  EXPECT_EQ(resolver_->counts().prefetched, 1u);
}

TEST_F(CachingResolverTest, GivesAStaleAnswerWhenNameserversDoNot) {
  make({.failure_ttl = 1s, .stale_max = 1h, .stale_after = 1800ms});
  const auto web1 = asker("web1");
  ask(web1, "a.test");
  upstream_.advance(10ms);
  upstream_.advance(301s);
  upstream_.latency = [](const CacheKey&) { return 10s; };
  const auto slow = ask(web1, "a.test");
  upstream_.advance(1799ms);
  EXPECT_FALSE(slow->answer) << "they have their time first";
  upstream_.advance(1ms);
  ASSERT_TRUE(slow->answer);
  EXPECT_EQ(slow->answer->result, VS_DNS_FOUND);
  EXPECT_EQ(slow->answer->ttl_s, 30u);
  upstream_.advance(20s);
  upstream_.advance(301s);
  upstream_.latency = [](const CacheKey&) { return 10ms; };
  upstream_.answer = [](const CacheKey&) { return Answer{.result = VS_DNS_TRY_AGAIN, .server_failed = true}; };
  const auto failed = ask(web1, "a.test");
  upstream_.advance(10ms);
  ASSERT_TRUE(failed->answer);
  EXPECT_EQ(failed->answer->result, VS_DNS_FOUND);
  EXPECT_EQ(resolver_->counts().stale, 2u);
}

TEST_F(CachingResolverTest, KeepsNegativesAndFailures) {
  make();
  upstream_.answer = [](const CacheKey& key) {
    return key.name == "nx.test" ? Answer{.result = VS_DNS_NO_NAME, .ttl_s = 60} : Answer{.result = VS_DNS_TRY_AGAIN, .server_failed = true};
  };
  for (const char* name : {"nx.test", "failed.test"}) {
    ask(asker("web1"), name);
    upstream_.advance(10ms);
    EXPECT_TRUE(ask(asker("web1"), name)->answer) << name;
  }
  EXPECT_EQ(upstream_.fetches, 2);
}

TEST_F(CachingResolverTest, SharesInAGroupAndNotBeyond) {
  make();
  const Sharing lab{.mode = SharingMode::group, .group = "lab"};
  ask(asker("web1", lab), "a.test");
  const auto joined = ask(asker("web2", lab), "a.test");
  upstream_.advance(10ms);
  EXPECT_TRUE(joined->answer);
  upstream_.advance(100s);
  EXPECT_EQ(ask(asker("web2", lab), "a.test")->answer->ttl_s, 200u);
  EXPECT_FALSE(ask(asker("web3", {.mode = SharingMode::group, .group = "office"}), "a.test")->answer);
  EXPECT_EQ(upstream_.fetches, 2);
}

TEST_F(CachingResolverTest, SharesOpenlyWhatIsListed) {
  make();
  const Sharing mirrors{.mode = SharingMode::open, .names = {"deb.test", "*.mirror.test"}};
  for (const char* name : {"deb.test", "a.mirror.test", "other.test", "mirror.test"}) {
    ask(asker("web1", mirrors), name);
    upstream_.advance(10ms);
  }
  EXPECT_TRUE(ask(asker("web2", mirrors), "deb.test")->answer);
  EXPECT_TRUE(ask(asker("web2", mirrors), "a.mirror.test")->answer);
  EXPECT_FALSE(ask(asker("web2", mirrors), "other.test")->answer);
  EXPECT_FALSE(ask(asker("web2", mirrors), "mirror.test")->answer);
}

TEST_F(CachingResolverTest, DelayedLooksLikeAFetchOnceAndIsFastFromThenOn) {
  make();
  const Sharing delayed{.mode = SharingMode::delayed};
  ask(asker("web1", delayed), "a.test");
  upstream_.advance(10ms);
  upstream_.advance(100s);
  const auto web2 = asker("web2", delayed);
  const auto asked_at = upstream_.now();
  const auto first = ask(web2, "a.test");
  EXPECT_FALSE(first->answer);
  upstream_.advance(1s);
  ASSERT_TRUE(first->answer);
  EXPECT_EQ(first->at - asked_at, 10ms);
  EXPECT_EQ(first->answer->ttl_s, 300u) << "what it came with";
  upstream_.advance(100s);
  EXPECT_EQ(ask(web2, "a.test")->answer->ttl_s, 199u) << "by its own clock";
  EXPECT_EQ(upstream_.fetches, 1);
  EXPECT_EQ(resolver_->counts().delayed_hits, 1u);
}

TEST_F(CachingResolverTest, DelayedDoesNotWaitForAnotherGuestsFetch) {
  make();
  const Sharing delayed{.mode = SharingMode::delayed};
  ask(asker("web1", delayed), "a.test");
  upstream_.advance(9ms);
  const auto second = ask(asker("web2", delayed), "a.test");
  upstream_.advance(9ms);
  EXPECT_FALSE(second->answer);
  upstream_.advance(1ms);
  EXPECT_TRUE(second->answer);
  EXPECT_EQ(upstream_.fetches, 2);
}

TEST_F(CachingResolverTest, ForgetsOnCommand) {
  make();
  const Sharing lab{.mode = SharingMode::group, .group = "lab"};
  ask(asker("web1", lab), "a.test");
  upstream_.advance(10ms);
  EXPECT_EQ(resolver_->flush("web2", {}), 0u);
  EXPECT_EQ(resolver_->flush({}, "A.test"), 2u) << "its own, and the group's";
  EXPECT_FALSE(ask(asker("web1", lab), "a.test")->answer);
}

TEST_F(CachingResolverTest, ForgetsDomainsThatAreGone) {
  make();
  ask(asker("web1"), "a.test");
  upstream_.advance(10ms);
  resolver_->serve({"web2"});
  EXPECT_EQ(resolver_->own().counts().entries, 0u);
}

TEST_F(CachingResolverTest, AnswersWhoHasTooManyUnderWayAtOnce) {
  make();
  const auto web1 = asker("web1");
  for (std::size_t i = 0; i < kFlightsPerDomainMax; ++i) ask(web1, std::to_string(i) + ".test");
  const auto refused = ask(web1, "one-more.test");
  ASSERT_TRUE(refused->answer);
  EXPECT_EQ(refused->answer->result, VS_DNS_TRY_AGAIN);
  EXPECT_FALSE(ask(asker("web2"), "a.test")->answer) << "others are not concerned";
  EXPECT_EQ(resolver_->counts().refused, 1u);
  resolver_.reset();
  upstream_.advance(1min);
}

}  // namespace
}  // namespace vs::dns
