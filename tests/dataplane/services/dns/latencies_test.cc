// Latencies that are drawn: of the right magnitude, of others, and each as likely as it was recorded.
#include "dataplane/services/dns/latencies.h"

#include <map>

#include <gtest/gtest.h>

namespace vs::dns {
namespace {

using namespace std::chrono_literals;

TEST(Latencies, AreOfTheMagnitudeOfTheEntrysOwn) {
  Latencies latencies;
  latencies.record(2ms, "web1");
  latencies.record(100ms, "web1");
  for (std::uint64_t random = 0; random < 10; ++random) {
    EXPECT_EQ(latencies.draw(3ms, random, "web2"), 2ms);
    EXPECT_EQ(latencies.draw(90ms, random, "web2"), 100ms);
    EXPECT_EQ(latencies.draw(10s, random, "web2"), 10s) << "nothing is known";
  }
}

TEST(Latencies, AreNeverTheAskersOwn) {
  Latencies latencies;
  for (int i = 0; i < 400; ++i) latencies.record(1234567ns, "prober");
  latencies.record(1300us, "web1");
  latencies.record(1400us, "web2");
  std::map<std::chrono::nanoseconds, int> drawn;
  for (std::uint64_t random = 0; random < 100; ++random) ++drawn[latencies.draw(1200us, random, "prober")];
  EXPECT_EQ(drawn, (std::map<std::chrono::nanoseconds, int>{{1300us, 50}, {1400us, 50}}));
}

TEST(Latencies, AreTheLatest) {
  Latencies latencies;
  for (std::size_t i = 0; i < 3 * kLatenciesMax; ++i) latencies.record(std::chrono::microseconds(1100 + i), "web1");
  for (std::uint64_t random = 0; random < 2 * kLatenciesMax; ++random)
    EXPECT_GE(latencies.draw(1200us, random, "web2"), std::chrono::microseconds(1100 + 2 * kLatenciesMax));
}

}  // namespace
}  // namespace vs::dns
