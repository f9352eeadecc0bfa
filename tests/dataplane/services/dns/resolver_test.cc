// The resolver against a nameserver that misbehaves: right answers, or TRY_AGAIN within the deadline; never silence.
#include "dataplane/services/dns/resolver.h"

#include <algorithm>
#include <optional>

#include <gtest/gtest.h>

#include "tests/fakes/nameserver.h"

namespace vs::dns {
namespace {

using namespace std::chrono_literals;

class ResolverTest : public testing::Test {
 protected:
  void open(std::chrono::milliseconds timeout = 5000ms, std::uint32_t tries = 3) {
    auto opened = Resolver::open(loop_, {.nameservers = nameserver_.address(), .timeout = timeout, .tries = tries});
    ASSERT_TRUE(opened) << opened.error().message;
    resolver_ = std::move(*opened);
  }
  Answer resolve(const std::string& name, bool inet = true, bool inet6 = true, std::chrono::seconds patience = 60s) {
    std::vector<Answer> parts;
    std::size_t asked = 0;
    for (const RecordType type : {RecordType::a, RecordType::aaaa}) {
      if (type == RecordType::a ? !inet : !inet6) continue;
      ++asked;
      resolver_->ask(name, type, std::chrono::steady_clock::now() + patience, [&](Answer got) { parts.push_back(std::move(got)); });
    }
    while (parts.size() != asked) loop_.run_once(1000ms);
    while (resolver_->in_flight() != 0) loop_.run_once(0ms);
    EXPECT_EQ(parts.size(), asked);
    std::stable_partition(parts.begin(), parts.end(), [](const Answer& part) { return part.addresses.empty() || !part.addresses.front().inet6; });
    return join(std::move(parts));
  }

  EventLoop loop_;
  test::Nameserver nameserver_;
  std::unique_ptr<Resolver> resolver_;
};

TEST_F(ResolverTest, AnswersBothFamiliesWithTtl) {
  open();
  const Answer answer = resolve("host.test");
  EXPECT_EQ(answer.result, VS_DNS_FOUND);
  EXPECT_EQ(answer.canonical_name, "host.test");
  ASSERT_EQ(answer.addresses.size(), 2u);
  EXPECT_FALSE(answer.addresses[0].inet6);
  EXPECT_EQ(answer.addresses[0].bytes[0], 10);
  EXPECT_TRUE(answer.addresses[1].inet6);
  EXPECT_EQ(answer.addresses[1].ttl_s, 60u);
}

TEST_F(ResolverTest, AsksForOneFamilyOnly) {
  open();
  EXPECT_EQ(resolve("host.test", true, false).addresses.size(), 1u);
  EXPECT_EQ(nameserver_.queries(), 1);
}

TEST_F(ResolverTest, FollowsAliases) {
  open();
  const Answer answer = resolve("alias.test");
  EXPECT_EQ(answer.canonical_name, "host.test");
  EXPECT_EQ(answer.addresses.size(), 2u);
}

TEST_F(ResolverTest, TellsNoNameFromNoData) {
  open();
  EXPECT_EQ(resolve("nx.test").result, VS_DNS_NO_NAME);
  EXPECT_EQ(resolve("v4only.test", false, true).result, VS_DNS_NO_DATA);
  EXPECT_EQ(resolve("v4only.test").addresses.size(), 1u);
}

TEST_F(ResolverTest, NeverTakesAFailureForANo) {
  open(50ms, 2);
  for (const char* name : {"servfail.test", "formerr.test", "refused.test", "garbage.test", "truncated.test", "silent.test"})
    EXPECT_EQ(resolve(name).result, VS_DNS_TRY_AGAIN) << name;
}

TEST_F(ResolverTest, TellsANameserverThatFailsFromOneThatIsNotThere) {
  open(50ms, 1);
  const auto ask = [&](const char* name) { return resolve(name, true, false); };
  EXPECT_TRUE(ask("servfail.test").server_failed);
  EXPECT_FALSE(ask("silent.test").server_failed);
  auto opened = Resolver::open(loop_, {.nameservers = "127.0.0.1:1", .timeout = 1000ms, .tries = 1});
  ASSERT_TRUE(opened);
  resolver_ = std::move(*opened);
  EXPECT_FALSE(ask("host.test").server_failed);
}

TEST_F(ResolverTest, GetsLargeAnswersOverTcp) {
  open();
  EXPECT_EQ(resolve("many-1000.test", true, false).addresses.size(), 1000u);
}

TEST_F(ResolverTest, TriesAgain) {
  open(100ms, 3);
  EXPECT_EQ(resolve("flaky-2.test").addresses.size(), 2u);
  EXPECT_EQ(resolver_->counts().tries_again, 4u);
}

TEST_F(ResolverTest, GivesTheFamilyThatAnswered) {
  open(50ms, 2);
  const Answer answer = resolve("slow4.test");
  EXPECT_EQ(answer.result, VS_DNS_FOUND);
  ASSERT_EQ(answer.addresses.size(), 1u);
  EXPECT_TRUE(answer.addresses[0].inet6);
}

TEST_F(ResolverTest, EndsAtTheCallersDeadline) {
  open(60s, 3);
  EXPECT_EQ(resolve("silent.test", true, true, 1s).result, VS_DNS_TRY_AGAIN);
  EXPECT_EQ(resolver_->counts().timed_out, 2u);
}

TEST_F(ResolverTest, ADeadNameserverIsTriedAgainNotBelieved) {
  std::string dead;
  {
    const test::Nameserver gone;
    dead = gone.address();
  }
  auto opened = Resolver::open(loop_, {.nameservers = dead, .timeout = 1000ms, .tries = 2});
  ASSERT_TRUE(opened);
  resolver_ = std::move(*opened);
  EXPECT_EQ(resolve("host.test").result, VS_DNS_TRY_AGAIN);
  EXPECT_EQ(resolver_->counts().tries_again, 2u);
}

TEST_F(ResolverTest, TakesFreshSourcePortsRegularly) {
  open();
  for (std::uint64_t asked = 0; asked <= 2 * kQueriesPerChannelMax; asked += 2) resolve("host.test");
  EXPECT_GE(resolver_->counts().channels, 3u);
  EXPECT_GE(nameserver_.source_ports(), 2u);  // three, unless the kernel gives one twice
}

TEST_F(ResolverTest, FindsNamesOfAddresses) {
  open();
  std::optional<Answer> answer;
  const auto ask = [&](Address address) {
    answer.reset();
    resolver_->ask(reverse_name(address), RecordType::ptr, std::chrono::steady_clock::now() + 60s,
                   [&](Answer got) { answer = std::move(got); });
    while (!answer) loop_.run_once(1000ms);
  };
  ask({.bytes = {10, 1, 2, 3}});
  EXPECT_EQ(answer->result, VS_DNS_FOUND);
  EXPECT_EQ(answer->names, std::vector<std::string>{"host.test"});
  ask({.bytes = {10, 9, 9, 9}});
  EXPECT_EQ(answer->result, VS_DNS_NO_NAME);
}

TEST_F(ResolverTest, CallsNobodyBackOnceDestroyed) {
  open();
  resolver_->ask("silent.test", RecordType::a, std::chrono::steady_clock::now() + 60s,
                 [](const Answer&) { FAIL() << "the asker is gone"; });
  resolver_.reset();
  loop_.run_once(0ms);
}

TEST_F(ResolverTest, RefusesNameserversThatAreNone) {
  EXPECT_FALSE(Resolver::open(loop_, {.nameservers = "not-an-address"}));
}

}  // namespace
}  // namespace vs::dns
