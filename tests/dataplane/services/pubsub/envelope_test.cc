#include "dataplane/services/pubsub/envelope.h"

#include <gtest/gtest.h>

#include "events.h"

namespace vs::pubsub::test {
namespace {

// Out of a node, and into another.
Result<Arrival> cross(const Written& event, Origin origin = {.name = "alpha/bus/1", .sequence = 7}) {
  const auto bytes = write(event);
  return unwrap(wrap(*read_event(bytes), origin, 123, event.expires_ms), 1 << 20);
}

TEST(Envelope, CarriesAnEventThroughWithEverythingItHas) {
  const Written event{.channel = "room.north",
                      .payload = std::string("a\0b\xff", 4),
                      .key = "k \xc3\xa9%",
                      .content_type = "text/plain; charset=utf-8",
                      .expires_ms = 5000,
                      .texts = {{"symbol", "IBM = \"x\"\r\nVs-Origin: forged"}, {"empty", ""}},
                      .integers = {{"price", -3}, {"size", INT64_MAX}}};
  const auto arrival = cross(event);
  ASSERT_TRUE(arrival) << arrival.error().message;
  EXPECT_EQ(arrival->event, write(event));
  EXPECT_EQ(arrival->origin.name, "alpha/bus/1");
  EXPECT_EQ(arrival->origin.sequence, 7u);
  EXPECT_FALSE(arrival->origin.again);
  EXPECT_EQ(arrival->published_ns, 123u);
}

TEST(Envelope, SaysThatItMayHaveBeenPublishedBefore) {
  EXPECT_TRUE(cross({.payload = "x"}, {.name = "a/b/1", .sequence = 1, .again = true})->origin.again);
}

TEST(Envelope, CarriesEachTypeOfAttribute) {
  const Crossing crossing{.channel = "a",
                          .headers = {{"Vs-Attribute-yes", "bool:true"},
                                      {"Vs-Attribute-half", "double:0.5"},
                                      {"Vs-Attribute-raw", "bytes:%00%FF"}},
                          .payload = "p"};
  const auto arrival = unwrap(crossing, 1 << 20);
  ASSERT_TRUE(arrival) << arrival.error().message;
  const auto parts = read_event(arrival->event);
  ASSERT_TRUE(parts) << parts.error().message;
  const auto again = unwrap(wrap(*parts, {.name = "a/b/1", .sequence = 1}, 1, 0), 1 << 20);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->event, arrival->event);
}

TEST(Envelope, IsAsciiInItsHeaders) {
  std::string every;
  for (int c = 1; c < 256; ++c) every += static_cast<char>(c);
  const auto bytes = write({.payload = "x", .key = every.substr(0, 250), .texts = {{"a", every}}});
  for (const auto& [name, value] : wrap(*read_event(bytes), {.name = "n", .sequence = 1}, 1, 0).headers)
    for (const char c : name + value) EXPECT_TRUE(c >= ' ' && c <= '~') << name;
  EXPECT_EQ(*unescaped(escaped(every)), every);
}

TEST(Envelope, OfAStrangerIsAPlainEvent) {
  const auto arrival = unwrap({.channel = "room", .headers = {{"Traceparent", "00-1-2"}}, .payload = "21"}, 1 << 20);
  ASSERT_TRUE(arrival);
  EXPECT_TRUE(arrival->origin.name.empty());
  EXPECT_EQ(read_all(arrival->event), "21");
}

TEST(Envelope, RefusesWhatIsNone) {
  const auto refused = [](const char* name, const std::string& value) {
    const auto arrival = unwrap({.channel = "a", .headers = {{name, value}}, .payload = ""}, 1 << 20);
    return arrival ? std::string() : arrival.error().message;
  };
  EXPECT_EQ(refused("Vs-Sequence", "-1"), "Vs-Sequence: no number that it may have");
  EXPECT_EQ(refused("Vs-Expires-Ms", "4294967296"), "Vs-Expires-Ms: no number that it may have");
  EXPECT_EQ(refused("Vs-Key", "50%"), "Vs-Key: a % that no two digits follow");
  EXPECT_EQ(refused("Vs-Key", "%+1"), "Vs-Key: a % that no two digits follow");
  EXPECT_EQ(refused("Vs-Key", std::string(256, 'k')), "Vs-Key: more than 255 bytes");
  EXPECT_EQ(refused("Vs-Attribute-a", "float:1"), "Vs-Attribute-a: no value of a type that there is");
  EXPECT_EQ(refused("Vs-Attribute-a", "int:1x"), "Vs-Attribute-a: no value of a type that there is");
  EXPECT_EQ(refused("Vs-Attribute-a", "string:" + std::string(4097, 'x')), "Vs-Attribute-a: too long");
  EXPECT_EQ(refused("Vs-Again", "yes"), "Vs-Again: is \"1\" or not there");
}

TEST(Envelope, HasLimits) {
  EXPECT_FALSE(unwrap({.channel = "a", .headers = {}, .payload = std::string(1000, 'x')}, 1000));
  Crossing many{.channel = "a", .headers = {}, .payload = ""};
  for (std::size_t i = 0; i <= kHeadersMax; ++i) many.headers.emplace_back("X-" + std::to_string(i), "");
  EXPECT_FALSE(unwrap(many, 1 << 20));
  Crossing attributes{.channel = "a", .headers = {}, .payload = ""};
  for (int i = 0; i <= VS_EVENT_ATTRIBUTES_MAX; ++i) attributes.headers.emplace_back("Vs-Attribute-a" + std::to_string(i), "int:1");
  EXPECT_FALSE(unwrap(attributes, 1 << 20));
}

}  // namespace
}  // namespace vs::pubsub::test
