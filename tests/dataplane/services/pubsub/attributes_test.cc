// What content classes may ask of requests to channels: of sound ones all, of others nothing that is not there.
#include "dataplane/services/pubsub/request_attributes.h"

#include <cstring>
#include <random>

#include <gtest/gtest.h>

#include "dataplane/filter/compile.h"
#include "dataplane/filter/request_schema.h"
#include "events.h"

namespace vs::pubsub::test {
namespace {

filter::Verdict asked(const std::string& expression, std::uint16_t type, std::span<const std::byte> payload) {
  filter::Schema names = filter::request_names("pubsub");
  const auto program = filter::compile(expression, names);
  EXPECT_TRUE(program) << program.error().message;
  std::vector<filter::Value> values(names.slots());
  read_attributes({.service = "bus", .type = type, .payload = payload, .deadline = {}}, names.names(), values);
  return program->evaluate(values);
}

std::vector<std::byte> subscribe_to(std::string_view pattern, std::uint8_t flags = 0) {
  const vs_pubsub_subscribe head{.flags = flags, .pattern_bytes = static_cast<std::uint16_t>(pattern.size())};
  std::vector<std::byte> bytes(sizeof head + ((flags & VS_PUBSUB_RESUME) != 0 ? 8 : 0));
  std::memcpy(bytes.data(), &head, sizeof head);
  for (const char c : pattern) bytes.push_back(static_cast<std::byte>(c));
  return bytes;
}

TEST(RequestAttributes, OfAPublishAreThoseOfItsFirstEvent) {
  const auto event = write({.payload = "p", .key = "k", .priority = 2});
  for (const char* holds : {"operation == 'publish'", "key == 'k'", "priority == 2", "bytes > 40", "channel != ''"})
    EXPECT_EQ(asked(holds, VS_PUBSUB_PUBLISH, event), filter::Verdict::yes) << holds;
  EXPECT_EQ(asked("attributes.price > 1", VS_PUBSUB_PUBLISH, event), filter::Verdict::error) << "it has none";
}

TEST(RequestAttributes, OfASubscriptionAreItsPattern) {
  for (const std::uint8_t flags : {0, int{VS_PUBSUB_RESUME}})
    EXPECT_EQ(asked("operation == 'subscribe' && channel.startsWith('market.')", VS_PUBSUB_SUBSCRIBE, subscribe_to("market.>", flags)),
              filter::Verdict::yes);
}

TEST(RequestAttributes, OfWhatIsNoRequestAreNotThere) {
  EXPECT_EQ(asked("operation == 'publish'", 999, {}), filter::Verdict::error);
  EXPECT_EQ(asked("channel == ''", VS_PUBSUB_PUBLISH, std::vector<std::byte>(7)), filter::Verdict::yes);
}

TEST(RequestAttributes, OfAnyBytesAreSafe) {
  std::mt19937 random(5);
  for (int i = 0; i < 20'000; ++i) {
    std::vector<std::byte> bytes = random() % 2 == 0 ? write({.payload = "p", .key = "k"}) : subscribe_to("a.b");
    for (int flips = static_cast<int>(random() % 8); flips > 0; --flips) bytes[random() % bytes.size()] = static_cast<std::byte>(random());
    bytes.resize(random() % (bytes.size() + 1));
    (void)asked("channel == 'a' || attributes.x == 1", static_cast<std::uint16_t>(VS_PUBSUB_PUBLISH + random() % 8), bytes);
  }
}

}  // namespace
}  // namespace vs::pubsub::test
