// What bad input to channels gets: an error in words, and nobody else has less for it.
#include <cerrno>

#include "channels_test.h"

namespace vs::test {
namespace {

class BadInputTest : public ChannelsTest {
 protected:
  // The errno of subscribing, and the node's words.
  std::pair<int, std::string> subscribe_filtered(vs_device* device, const std::string& pattern, const std::string& filter) {
    vs_channel_options options{};
    options.pattern = pattern.c_str();
    options.filter = filter.c_str();
    vs_channel_subscription* made = nullptr;
    const int status = vs_channel_subscribe(device, &options, kPatienceMs, &made);
    return {status, vs_channel_why(device)};
  }
  static void reads_all(vs_channel_subscription* subscription, int count) {
    for (int n = 0; n < count; ++n) ASSERT_EQ(receive(subscription), std::to_string(n));
  }
};

using Refused = std::pair<int, std::string>;

TEST_F(BadInputTest, AFilterThatDoesNotParse) {
  EXPECT_EQ(subscribe_filtered(open(), "a", "key == 'x' &&"), Refused(-EINVAL, "filter: column 14: the expression is not complete"));
}

TEST_F(BadInputTest, AFilterOfTheWrongTypes) {
  EXPECT_EQ(subscribe_filtered(open(), "a", "key + 1 == 2"),
            Refused(-EINVAL, "filter: column 5: only numbers are calculated with, not string and int"));
}

TEST_F(BadInputTest, AFilterThatCostsTooMuch) {
  const auto [status, why] = subscribe_filtered(open(), "a", "key.matches('a') || key.matches('b')");
  EXPECT_EQ(status, -EAGAIN);
  EXPECT_EQ(why.find("filter: column 1: may cost "), 0u) << why;
}

TEST_F(BadInputTest, AFilterInThePlaceOfAnother) {
  vs_device* device = open();
  vs_channel_options options{};
  options.pattern = "a";
  options.filter = "size(payload) == 1";
  vs_channel_subscription* subscription = nullptr;
  ASSERT_EQ(vs_channel_subscribe(device, &options, kPatienceMs, &subscription), 0);
  for (const char* none : {"key ==", "size(5) == 1", "key.matches('a') || key.matches('b')"}) {
    EXPECT_LT(vs_channel_filter(subscription, none, kPatienceMs), 0);
    EXPECT_STRNE(vs_channel_why(device), "");
  }
  for (const char* payload : {"two", "1"}) publish(device, "a", payload);
  EXPECT_EQ(receive(subscription), "1") << "the old filter stays";
}

TEST_F(BadInputTest, ANameThatIsNone) {
  vs_device* device = open();
  for (const char* name : {"a..b", ".", "a b", "a.*", ">", "\xff"}) {
    EXPECT_EQ(publish(device, name, "x"), 1);
    EXPECT_EQ(fsync(device), -EINVAL) << name;
    EXPECT_STRNE(vs_channel_why(device), "");
    EXPECT_EQ(vs_channel_create(device, name, nullptr, kPatienceMs), -EINVAL);
  }
  EXPECT_EQ(publish(device, "", "x"), -EINVAL);
  EXPECT_EQ(publish(device, std::string(VS_CHANNEL_BYTES_MAX + 1, 'a'), "x"), -EINVAL);
  EXPECT_EQ(subscribe_filtered(device, "a.>.b", "").first, -EINVAL);
}

TEST_F(BadInputTest, AnEventOverTheSizeLimit) {
  vs_device* device = open();
  vs_channel_parameters small{};
  small.event_bytes_max = 100;
  ASSERT_EQ(vs_channel_create(device, "small", &small, kPatienceMs), 0);
  publish(device, "small", std::string(101, 'x'));
  EXPECT_EQ(fsync(device), -EMSGSIZE);
  EXPECT_EQ(publish(device, "a", std::string(1 << 20, 'x')), -EMSGSIZE) << "larger than the ring lets through";
  EXPECT_EQ(bus.sample("vservices_pubsub_too_large_total"), 1);
}

TEST_F(BadInputTest, AnEventWithoutTheRight) {
  bus.configure({{"default", "allow"}, {"rules", {rule("deny", {"secret"}, {"publish"})}}});
  vs_device* device = open();
  publish(device, "secret", "x");
  EXPECT_EQ(fsync(device), -EACCES);
  EXPECT_STREQ(vs_channel_why(device), "publish secret: Because. (policy p, rule r)");
  EXPECT_EQ(bus.sample("vservices_pubsub_denied_total"), 1);
}

TEST_F(BadInputTest, APublisherThatFloodsIsHeldToItsRateAndCounted) {
  bus.configure({{"default", "deny"},
                 {"rules", {rule("allow", {">"}, {"create", "publish", "subscribe"}, {{"ratePerS", 1}, {"burst", 10}})}}});
  vs_device* device = open();
  vs_channel_subscription* all = subscribe(device, "a");
  EXPECT_EQ(publish(device, "a", "x", 5000), 5000);
  EXPECT_EQ(fsync(device), -EAGAIN);
  EXPECT_NE(std::string(vs_channel_why(device)).find("over 1 events a second"), std::string::npos);
  const double refused = bus.sample("vservices_pubsub_over_rate_total");
  EXPECT_GE(refused, 4900);
  for (int n = 0; n < 5000 - static_cast<int>(refused); ++n) EXPECT_EQ(receive(all), "x");
}

TEST_F(BadInputTest, APublisherThatFloodsCostsReadersTheirOldestOnly) {
  vs_device* device = open();
  vs_channel_subscription* small = subscribe(device, "a", 100);
  for (int n = 0; n < 20; ++n) publish(device, "a", std::to_string(n), 1000);
  EXPECT_EQ(fsync(device), 0);
  publish(device, "a", "end");
  std::uint64_t got = 0, missed = 0;
  std::string last;
  while (last != "end") {
    const vs_channel_event* event = nullptr;
    ASSERT_EQ(vs_channel_receive(small, kPatienceMs, &event), 1);
    last.assign(static_cast<const char*>(event->payload), event->payload_bytes);
    ++got;
    missed += event->missed;
  }
  EXPECT_EQ(got + missed, 20'001u) << "what is lost is told";
}

TEST_F(BadInputTest, ASubscriberThatNeverReads) {
  vs_device* device = open();
  subscribe(device, "a", 10);
  vs_channel_subscription* reads = subscribe(open(), "a", 1000);
  for (int n = 0; n < 500; ++n) publish(device, "a", std::to_string(n));
  EXPECT_EQ(fsync(device), 0);
  reads_all(reads, 500);
}

TEST_F(BadInputTest, ASubscriberThatGoesWhileEventsWaitForIt) {
  vs_device* device = open();
  vs_channel_subscription* reads = subscribe(device, "a", 1000);
  vs_device* goes = nullptr;
  ASSERT_EQ(vs_open("pubsub", "pubsub", kPatienceMs, &goes), 0);
  subscribe(goes, "a", 1, VS_PUBSUB_BLOCK);
  EXPECT_EQ(publish(device, "a", "0"), 1);
  ASSERT_EQ(fsync(device), 0);
  for (int n = 1; n < 10; ++n) publish(device, "a", std::to_string(n));  // they wait for it
  vs_close(goes);
  EXPECT_EQ(fsync(device), 0);
  reads_all(reads, 10);
}

}  // namespace
}  // namespace vs::test
