// The service as guests meet it: requests in, one answer out for each, when there is something to say.
#include "dataplane/services/pubsub/pubsub_service.h"

#include <gtest/gtest.h>

#include "service_test.h"

namespace vs::pubsub::test {
namespace {

TEST_F(PubsubServiceTest, AReceiveIsAnsweredByTheNextEvent) {
  const auto id = subscribed(1, "news");
  const auto first = receive(1, id);
  EXPECT_TRUE(waits(first));
  EXPECT_EQ(heard(publish(2, {"a"})).outcome.value, 1u);
  EXPECT_EQ(heard(first).events, "a");
}

TEST_F(PubsubServiceTest, WhatCameBeforeIsGivenInOneBatch) {
  const auto id = subscribed(1, "news");
  EXPECT_EQ(heard(publish(2, {"a", "b", "c"})).outcome.value, 3u);
  EXPECT_EQ(heard(receive(1, id)).events, "a b c");
}

TEST_F(PubsubServiceTest, ABatchIsNoLargerThanTheRoomForIt) {
  const auto id = subscribed(1, "news");
  publish(2, {"a", "b", "c"});
  const std::size_t one = write({.payload = "a"}).size();
  EXPECT_EQ(heard(receive(1, id, std::chrono::hours(1), sizeof(vs_pubsub_outcome) + 2 * one)).events, "a b");
  const Heard& small = heard(receive(1, id, std::chrono::hours(1), sizeof(vs_pubsub_outcome) + one - 1));
  EXPECT_EQ(small.outcome.result, VS_STATUS_TOO_LARGE);
  EXPECT_EQ(small.outcome.value, sizeof(vs_pubsub_outcome) + one);
  EXPECT_EQ(heard(receive(1, id)).events, "c");
}

TEST_F(PubsubServiceTest, WhatAGuestCanNeverTakeItSkipsAndMisses) {
  const auto id = subscribed(1, "news");
  publish(2, {"large", "b"});
  const vs_pubsub_receive skipping{id, 1000, VS_PUBSUB_SKIP};
  EXPECT_EQ(heard(ask(1, VS_PUBSUB_RECEIVE, std::as_bytes(std::span(&skipping, 1)))).events, "lost:1 b");
}

TEST_F(PubsubServiceTest, AReceiveWhoseTimeIsOverIsAnsweredWithNothing) {
  const auto id = subscribed(1, "news");
  const Heard& answer = wait_for(receive(1, id, std::chrono::milliseconds(1)));
  EXPECT_EQ(answer.outcome.result, VS_STATUS_OK);
  EXPECT_EQ(answer.events, "");
  const auto next = receive(1, id);
  publish(2, {"a"});
  EXPECT_EQ(heard(next).events, "a");
}

TEST_F(PubsubServiceTest, ABlockedPublisherWaitsUntilThereIsRoom) {
  const auto id = subscribed(1, "news", VS_PUBSUB_BLOCK, 2);
  const auto published = publish(2, {"a", "b", "c"});
  EXPECT_TRUE(waits(published));
  EXPECT_EQ(heard(receive(1, id)).events, "a b");
  EXPECT_EQ(heard(published).outcome.value, 3u);
  EXPECT_EQ(heard(receive(1, id)).events, "c");
}

TEST_F(PubsubServiceTest, ABlockedPublisherWhoseTimeIsOverLosesItsEventsVisibly) {
  const auto id = subscribed(1, "news", VS_PUBSUB_BLOCK, 1);
  EXPECT_EQ(wait_for(publish(2, {"a", "b", "c"}, "news", std::chrono::milliseconds(1))).outcome.value, 3u);
  EXPECT_EQ(heard(receive(1, id)).events, "a lost:2");
}

TEST_F(PubsubServiceTest, AStalledSubscriberHoldsUpNobodyButWhoPublishesToIt) {
  subscribed(1, "stalled", VS_PUBSUB_BLOCK, 1);
  const auto lively = subscribed(1, "lively", VS_PUBSUB_BLOCK, 1);
  const auto waits_for_stalled = publish(2, {"a", "b"}, "stalled");
  const auto waits_for_lively = publish(3, {"a", "b"}, "lively");
  EXPECT_TRUE(waits(waits_for_lively));
  EXPECT_EQ(heard(receive(1, lively)).events, "a");
  EXPECT_EQ(heard(waits_for_lively).outcome.value, 2u);
  EXPECT_TRUE(waits(waits_for_stalled));
}

TEST_F(PubsubServiceTest, WhoWaitsLongestForAChannelGoesFirst) {
  const auto id = subscribed(1, "news", VS_PUBSUB_BLOCK, 2);
  publish(2, {"1", "2"});
  const auto first = publish(3, {"3", "4"});
  const auto second = publish(4, {"5"});
  EXPECT_EQ(heard(receive(1, id)).events, "1 2");
  EXPECT_EQ(heard(first).outcome.value, 2u);
  EXPECT_TRUE(waits(second));
  EXPECT_TRUE(waits(publish(5, {"6"})));
  EXPECT_EQ(heard(receive(1, id)).events, "3 4");
  EXPECT_EQ(heard(second).outcome.value, 1u);
  EXPECT_EQ(heard(receive(1, id)).events, "5 6");
}

TEST_F(PubsubServiceTest, ThoseWhoWaitForOneAnothersChannelsAllGetOn) {
  const auto a = subscribed(1, "a", VS_PUBSUB_BLOCK, 1);
  const auto b = subscribed(1, "b", VS_PUBSUB_BLOCK, 1);
  publish(2, {"0"}, "a");
  publish(2, {"0"}, "b");
  const auto both = [&](std::uint64_t session, const std::string& one, const std::string& other) {
    std::vector<std::byte> events = write({.channel = one, .payload = std::to_string(session)});
    const auto more = write({.channel = other, .payload = std::to_string(session)});
    events.insert(events.end(), more.begin(), more.end());
    return ask(session, VS_PUBSUB_PUBLISH, events);
  };
  const auto from_a = both(3, "a", "b");
  const auto from_b = both(4, "b", "a");
  const auto later = publish(3, {"later"}, "b");
  std::string got_a, got_b;
  for (int n = 0; n < 4; ++n) {
    got_a += heard(receive(1, a, std::chrono::milliseconds(0))).events + " ";
    got_b += heard(receive(1, b, std::chrono::milliseconds(0))).events + " ";
  }
  EXPECT_EQ(heard(from_a).outcome.value, 2u);
  EXPECT_EQ(heard(from_b).outcome.value, 2u);
  EXPECT_EQ(heard(later).outcome.value, 1u);
  EXPECT_EQ(got_a, "0 3 4  ");
  EXPECT_EQ(got_b, "0 4 3 later ");
}

TEST_F(PubsubServiceTest, ASubscriberThatGoesLetsBlockedPublishersOn) {
  subscribed(1, "news", VS_PUBSUB_BLOCK, 1);
  const auto published = publish(2, {"a", "b"});
  EXPECT_TRUE(waits(published));
  service->session_ended(1);
  EXPECT_EQ(heard(published).outcome.value, 2u);
}

TEST_F(PubsubServiceTest, WhoIsTooSlowIsTold) {
  const auto id = subscribed(1, "news", VS_PUBSUB_DISCONNECT_SLOW, 1);
  publish(2, {"a", "b"});
  const Heard& answer = heard(receive(1, id));
  EXPECT_EQ(answer.outcome.result, VS_STATUS_NOT_FOUND);
}

TEST_F(PubsubServiceTest, ASubscriptionIsItsSessionsAlone) {
  const auto id = subscribed(1, "news");
  for (const auto type : {VS_PUBSUB_RECEIVE, VS_PUBSUB_UNSUBSCRIBE, VS_PUBSUB_FILTER}) {
    const vs_pubsub_subscription named{id};
    EXPECT_EQ(heard(ask(2, type, std::as_bytes(std::span(&named, 1)))).outcome.result, VS_STATUS_NOT_FOUND) << type;
  }
  service->session_ended(2);
  publish(2, {"a"});
  EXPECT_EQ(heard(receive(1, id)).events, "a");
}

TEST_F(PubsubServiceTest, TheFirstEventThatIsNoneEndsABatch) {
  const auto id = subscribed(1, "news");
  std::vector<std::byte> events = write({.payload = "a"});
  const auto bad = write({.channel = "..", .payload = "b"});
  events.insert(events.end(), bad.begin(), bad.end());
  const Heard& answer = heard(ask(2, VS_PUBSUB_PUBLISH, events));
  EXPECT_EQ(answer.outcome.result, VS_STATUS_INVALID);
  EXPECT_EQ(answer.outcome.value, 1u);
  EXPECT_NE(answer.text, "");
  EXPECT_EQ(heard(receive(1, id)).events, "a");
}

TEST_F(PubsubServiceTest, AFilterThatIsNoneIsRefusedInWords) {
  const Heard& answer = heard(subscribe(1, "news", VS_PUBSUB_DROP_OLDEST, 0, "price > 1"));
  EXPECT_EQ(answer.outcome.result, VS_STATUS_INVALID);
  EXPECT_EQ(answer.text, "filter: column 1: price: no such name; there are channel, key, contentType, sequence, payload");
}

TEST_F(PubsubServiceTest, RequestsThatAreNoneAreRefused) {
  EXPECT_EQ(heard(ask(1, 999, {})).outcome.result, VS_STATUS_INVALID);
  EXPECT_EQ(heard(ask(1, VS_PUBSUB_SUBSCRIBE, {})).outcome.result, VS_STATUS_INVALID);
  EXPECT_EQ(heard(ask(1, VS_PUBSUB_RECEIVE, {})).outcome.result, VS_STATUS_INVALID);
  EXPECT_EQ(heard(subscribe(1, "news", 9)).outcome.result, VS_STATUS_INVALID);
  EXPECT_EQ(heard(subscribe(1, "news", VS_PUBSUB_BLOCK, 1 << 30)).outcome.result, VS_STATUS_EXHAUSTED);
}

TEST_F(PubsubServiceTest, KeepsItsLimits) {
  std::uint64_t id = 0;
  for (std::size_t n = 0; n < kSubscriptionsPerSessionMax; ++n) id = subscribed(1, "news");
  EXPECT_EQ(heard(subscribe(1, "news")).outcome.result, VS_STATUS_EXHAUSTED);
  for (std::size_t n = 0; n < kReceivesMax; ++n) EXPECT_TRUE(waits(receive(1, id)));
  EXPECT_EQ(heard(receive(1, id)).outcome.result, VS_STATUS_EXHAUSTED);
}

TEST_F(PubsubServiceTest, EveryReplyIsAnsweredWhenTheServiceGoes) {
  const auto id = subscribed(1, "news", VS_PUBSUB_BLOCK, 1);
  const auto other = subscribed(1, "other");
  const auto received = receive(1, other);
  const auto published = publish(2, {"a", "b"});
  service.reset();
  EXPECT_FALSE(waits(received));
  EXPECT_FALSE(waits(published));
  (void)id;
}

TEST_F(PubsubServiceTest, MemoryIsSharedByThoseWhoMayReadAndAnotherEditionComesWhenOneMayNot) {
  const auto rights = [](const std::string& channels, const std::string& sharing) -> nlohmann::json {
    return {{"default", "deny"},
            {"rules", {{{"effect", "allow"}, {"channels", {channels}}, {"verbs", {"subscribe"}}, {"sharing", sharing},
                        {"policy", "p"}, {"rule", "r"}, {"message", "m"}}}}};
  };
  const auto needs_with = [&](std::vector<nlohmann::json> of_all) {
    EXPECT_TRUE(service->configure({{"bus", nlohmann::json::object(), std::move(of_all)}}).empty());
    return service->frames("bus");
  };
  publish(1, {"a"}, "news");
  EXPECT_FALSE(needs_with({}));
  EXPECT_FALSE(needs_with({rights(">", "private")})) << "nobody shares";
  const auto grouped = needs_with({rights(">", "group"), rights(">", "equal")});
  ASSERT_TRUE(grouped);
  EXPECT_EQ(grouped->broadcast_bytes_log2, 0u) << "one is no equal";
  const auto equal = needs_with({rights(">", "equal"), rights("news", "equal"), rights(">", "private")});
  ASSERT_TRUE(equal);
  EXPECT_NE(equal->broadcast_bytes_log2, 0u);
  EXPECT_EQ(equal->edition, grouped->edition) << "nothing is shared less";
  const auto less = needs_with({rights(">", "equal"), rights("other", "equal")});
  ASSERT_TRUE(less);
  EXPECT_NE(less->edition, equal->edition) << "one of them may not read the news";
}

}  // namespace
}  // namespace vs::pubsub::test
