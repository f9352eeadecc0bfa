// Durations, times, names and words.
#include <gtest/gtest.h>

#include "tests/vsmgrd/model/random_resource.h"
#include "vsmgrd/model/codec.h"

namespace vs::test {
namespace {

using namespace std::chrono_literals;

TEST(Duration, IsOneNumberAndOneUnit) {
  EXPECT_EQ(parse_duration("250ms"), 250ms);
  EXPECT_EQ(parse_duration("2s"), 2s);
  EXPECT_EQ(parse_duration("1m"), 1min);
  EXPECT_EQ(parse_duration("1h"), 1h);
  EXPECT_EQ(parse_duration("0ms"), 0ms);
  for (const char* text : {"", "2", "s", "-1s", "+1s", " 1s", "1 s", "1s ", "1.5s", "1m30s", "1d",
                           "1S", "0x1s", "99999999999999999999s", "9223372036854775807h"})
    EXPECT_FALSE(parse_duration(text)) << text;
}

TEST(Duration, IsWrittenInTheLargestUnitThatDivides) {
  EXPECT_EQ(format_duration(0ms), "0ms");
  EXPECT_EQ(format_duration(999ms), "999ms");
  EXPECT_EQ(format_duration(2000ms), "2s");
  EXPECT_EQ(format_duration(60s), "1m");
  EXPECT_EQ(format_duration(90s), "90s");
  EXPECT_EQ(format_duration(2h), "2h");
}

TEST(Duration, SurvivesTheRoundTrip) {
  Chance chance(1);
  for (int i = 0; i < 1000; ++i) {
    const std::chrono::milliseconds duration(chance.below(100'000'000));
    ASSERT_EQ(parse_duration(format_duration(duration)), duration);
  }
}

TEST(Time, IsRfc3339InUtcWithMilliseconds) {
  EXPECT_EQ(format_time(WallTime{}), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(format_time(WallTime{1'700'000'000'123'456us}), "2023-11-14T22:13:20.123Z");
  EXPECT_EQ(format_time(WallTime{-1ms}), "1969-12-31T23:59:59.999Z");
  EXPECT_EQ(parse_time("2023-11-14T22:13:20.123Z"), WallTime{1'700'000'000'123ms});
  EXPECT_EQ(parse_time("2024-02-29T00:00:00.000Z"), WallTime{1'709'164'800s});
  for (const char* text :
       {"", "2023-11-14", "2023-11-14T22:13:20Z", "2023-11-14T22:13:20.123+01:00",
        "2023-11-14t22:13:20.123Z", "2023-02-29T00:00:00.000Z", "2023-13-01T00:00:00.000Z",
        "2023-00-01T00:00:00.000Z", "2023-11-14T24:00:00.000Z", "2023-11-14T22:60:00.000Z",
        "2023-11-14T22:13:60.000Z", "2023-11-14T22:13:-1.000Z", "2023-11-14T22:13:20.123Zx"})
    EXPECT_FALSE(parse_time(text)) << text;
}

TEST(Name, IsADnsLabelInLowerCase) {
  for (const std::string& name : {std::string("a"), std::string("web1"), std::string("a-b--c"),
                                  std::string("0"), std::string(63, 'x')})
    EXPECT_TRUE(check_name(name)) << name;
  using std::string_literals::operator""s;
  for (const std::string& name : {""s, "-a"s, "a-"s, "A"s, "a_b"s, "a.b"s, "a b"s, "a/b"s, ".."s,
                                  "ä"s, "a\0b"s, "a\n"s, std::string(64, 'x')})
    EXPECT_FALSE(check_name(name)) << name;
}

TEST(Nameserver, IsAnAddressAndPerhapsAPort) {
  for (const char* text : {"127.0.0.1", "127.0.0.1:53", "192.0.2.1:65535", "::1", "2001:db8::1",
                           "[::1]:53", "[2001:db8::192.0.2.1]:5300"})
    EXPECT_TRUE(check_nameserver(text)) << text;
  using std::string_literals::operator""s;
  for (const std::string& text :
       {""s, "localhost"s, "127.0.0.1:"s, "127.0.0.1:0"s, "127.0.0.1:65536"s, "127.0.0.1:+5"s,
        "127.0.0.1:53x"s, "127.0.0"s, "127.0.0.1.5"s, "[::1]"s, "[127.0.0.1]:53"s, "[::1]:"s,
        "::1%lo"s, ":::"s, "127.0.0.1\0:53"s, " 127.0.0.1"s, "[::1:53"s})
    EXPECT_FALSE(check_nameserver(text)) << text;
}

TEST(DidYouMean, TakesTheNearestWithinTwoEdits) {
  EXPECT_EQ(did_you_mean("efect", {"id", "effect", "message"}), R"(did you mean "effect"?)");
  EXPECT_EQ(did_you_mean("web3", {"web12", "web1", "web2"}), R"(did you mean "web1"?)");
  EXPECT_EQ(did_you_mean("apiversion", {"apiVersion"}), R"(did you mean "apiVersion"?)");
  EXPECT_EQ(did_you_mean("something", {"id", "effect", "message"}), "");
  EXPECT_EQ(did_you_mean("ab", {"id", "abc"}), "") << "everything is near a word so short";
  EXPECT_EQ(did_you_mean("word", {}), "");
  EXPECT_EQ(did_you_mean(std::string(100'000, 'a'), {std::string(100'000, 'b')}), "");
}

TEST(DidYouMean, DoesNotSearchAmongTooMany) {
  std::vector<std::string> candidates(kCandidatesMax, "web1");
  EXPECT_NE(did_you_mean("web2", candidates), "");
  candidates.emplace_back("web1");
  EXPECT_EQ(did_you_mean("web2", candidates), "");
}

TEST(InQuotes, IsSafeToShow) {
  EXPECT_EQ(in_quotes("web1"), R"("web1")");
  EXPECT_EQ(in_quotes("a\"b\\\n\x1b"), R"("a\"b\\\n\u001b")");
  EXPECT_EQ(in_quotes(std::string(81, 'x')), '"' + std::string(80, 'x') + "...\"");
  EXPECT_EQ(in_quotes(std::string(79, 'x') + "éy"), '"' + std::string(79, 'x') + "...\"")
      << "not cut inside a character";
  EXPECT_EQ(in_quotes("\xff"), "\"\xEF\xBF\xBD\"") << "what is not UTF-8 is replaced";
}

TEST(Kind, HasANameAndAPlural) {
  for (const Kind kind : kKinds) {
    EXPECT_EQ(kind_named(name_of(kind)), kind);
    EXPECT_EQ(kind_of_plural(plural_of(kind)), kind);
  }
  EXPECT_EQ(name_of(Kind::access_policy), "AccessPolicy");
  EXPECT_EQ(plural_of(Kind::access_policy), "policies");
  EXPECT_FALSE(kind_named("domain"));
  EXPECT_FALSE(kind_of_plural("Domains"));
}

TEST(State, HasAName) {
  for (const State state :
       {State::pending, State::ready, State::bound, State::denied, State::failed})
    EXPECT_EQ(state_named(name_of(state)), state);
  EXPECT_EQ(name_of(State::bound), "Bound");
  EXPECT_FALSE(state_named("bound"));
}

TEST(Desired, HasAMapForEachKind) {
  Desired desired;
  for (const Kind kind : kKinds) desired.of(kind)[std::string(name_of(kind))];
  EXPECT_TRUE(desired.domains.contains("Domain"));
  EXPECT_TRUE(desired.services.contains("Service"));
  EXPECT_TRUE(desired.policies.contains("AccessPolicy"));
  EXPECT_TRUE(desired.bindings.contains("Binding"));
}

}  // namespace
}  // namespace vs::test
