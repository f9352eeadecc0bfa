#include "dataplane/control/messages.h"

#include <string>

#include <gtest/gtest.h>

namespace vs::control {
namespace {

template <class Message>
Message sent_and_received(const Message& message) {
  const auto received = decode_event(encode(Event{message}));
  EXPECT_TRUE(received) << received.error().message;
  return std::get<Message>(*received);
}

template <class Message>
Message commanded(const Message& message) {
  const auto received = decode_command(encode(Command{message}));
  EXPECT_TRUE(received) << received.error().message;
  return std::get<Message>(*received);
}

TEST(Messages, CommandsArriveAsTheyWereSent) {
  const Configure configure{.number = 1ull << 60,
                            .services = {{"dns", {{"tries", 3}}}},
                            .bindings = {{"web1-dns", "web1", "dns", "dns", true}, {"b", "d", "e", "s", false,
                                          {.wait = WaitMode::timer,
                                           .batch_messages = 3,
                                           .batch_us = 70,
                                           .request_bytes = 4096,
                                           .response_bytes = 1 << 20,
                                           .priority = Priority::bulk,
                                           .rate_per_s = 1ull << 40,
                                           .burst = 9,
                                           .memory_bytes_max = 1ull << 50,
                                           .guarantee = Guarantee::guaranteed,
                                           .promise = {.p99_us = 9, .rate_per_s = 8, .freshness_ms = 7, .loss = true},
                                           .content_classes = {{"c", "name == 'x'", Priority::control, {.p50_us = 3, .availability = true}}}},
                                          17}}};
  EXPECT_EQ(commanded(configure), configure);
  Configure placed = configure;
  placed.bindings[0].loop = 3;
  placed.loops = {{3, {0, 7}, true}, {9, {kCpusMax - 1}}};
  placed.pool = {1, 2};
  EXPECT_EQ(commanded(placed), placed);
  EXPECT_EQ(commanded(Locate{10}), Locate{10});
  EXPECT_EQ(commanded(Stop{}), Stop{});
  EXPECT_EQ(commanded(Ping{7}), Ping{7});
  EXPECT_EQ(commanded(Report{8}), Report{8});
  EXPECT_EQ(commanded(Describe{9, "web1-dns"}), (Describe{9, "web1-dns"}));
  EXPECT_EQ(commanded(Flush{9, "dns", "web1", "a.test"}), (Flush{9, "dns", "web1", "a.test"}));
}

TEST(Messages, EventsArriveAsTheyWereSent) {
  const Hello hello{.kind = "dns", .version = "0.1", .config_number = 9};
  EXPECT_EQ(sent_and_received(hello), hello);
  const Applied applied{.number = 9, .problems = {{"web1-dns", "no \"room\"\n"}}};
  EXPECT_EQ(sent_and_received(applied), applied);
  const Refused refused{"web2-dns", "web2", "dns", 12};
  EXPECT_EQ(sent_and_received(refused), refused);
  const Refused misdeed{"web2-dns", "web2", "dns", 0, 3, "directory: \"no\" page"};
  EXPECT_EQ(sent_and_received(misdeed), misdeed);
  const Located located{.number = 6, .loops = {{2, {0, 1}, {1}, 77}}, .guests = {{"web1", {0}, 5, 900}}};
  EXPECT_EQ(sent_and_received(located), located);
  EXPECT_EQ(sent_and_received(Pong{3}), Pong{3});
  const Described described{4, {{"requests", 12}}};
  EXPECT_EQ(sent_and_received(described), described);
  EXPECT_EQ(sent_and_received(Described{5, nullptr}), (Described{5, nullptr}));
}

TEST(Messages, StatsCarryNumbersAndHistograms) {
  const Stats stats{.number = 5,
                    .samples = {{.name = "a_total", .help = "A.", .type = Sample::Type::counter, .labels = {{"k", "v"}}, .value = 2},
                                {.name = "d_seconds", .help = "D.", .type = Sample::Type::histogram,
                                 .buckets = {{0.1, 1}, {1, 3}}, .count = 4, .sum = 2.5}}};
  const Stats received = sent_and_received(stats);
  EXPECT_FALSE(received.more);
  EXPECT_TRUE(sent_and_received(Stats{.number = 5, .more = true}).more);
  EXPECT_EQ(received.number, 5u);
  ASSERT_EQ(received.samples.size(), 2u);
  EXPECT_EQ(received.samples[0].labels, stats.samples[0].labels);
  EXPECT_EQ(received.samples[0].value, 2);
  EXPECT_EQ(received.samples[1].buckets, stats.samples[1].buckets);
  EXPECT_EQ(received.samples[1].count, 4u);
  EXPECT_EQ(received.samples[1].sum, 2.5);
}

TEST(Messages, RefuseCpusAndLoopsThatCannotBe) {
  const auto changed = [](const char* at, const char* value) {
    nlohmann::json command = nlohmann::json::parse(encode(Command{Configure{.loops = {{2, {1}}}}}));
    command[nlohmann::json::json_pointer(at)] = nlohmann::json::parse(value);
    return command.dump();
  };
  EXPECT_TRUE(decode_command(changed("/pool", "[0,1]")));
  for (const char* pool : {"[4096]", "[1,0]", "[1,1]", "[-1]", "[\"1\"]"}) EXPECT_FALSE(decode_command(changed("/pool", pool))) << pool;
  EXPECT_FALSE(decode_command(changed("/loops/0/number", "256")));
  EXPECT_FALSE(decode_command(changed("/loops/0/cpus", "[]")));
  EXPECT_FALSE(decode_command(changed("/loops/0/withGuests", "1")));
}

// A configuration that would be taken but for one of its terms.
std::string with_terms(const std::string& bad) {
  nlohmann::json command = nlohmann::json::parse(encode(Command{Configure{.bindings = {{"b", "d", "e", "s", true}}}}));
  command["bindings"][0]["terms"].update(nlohmann::json::parse("{" + bad + "}"));
  return command.dump();
}

class Refuses : public testing::TestWithParam<std::string> {};

TEST_P(Refuses, WithAnError) {
  const auto event = decode_event(GetParam());
  ASSERT_FALSE(event);
  EXPECT_EQ(event.error().code, ErrorCode::invalid);
  EXPECT_FALSE(event.error().message.empty());
  EXPECT_FALSE(decode_command(GetParam()));
}

INSTANTIATE_TEST_SUITE_P(Messages, Refuses,
                         testing::Values("", "[]", "7", "{}", R"({"type":7})", R"({"type":"dance"})",
                                         R"({"type":"hello"})", R"({"type":"pong"})", R"({"type":"pong","number":"1"})",
                                         R"({"type":"refused","binding":"b","domain":"d","device":"e","total":[]})",
                                         R"({"type":"stats","number":1,"samples":[{"name":"n","help":"h","kind":9,"labels":{}}]})",
                                         R"({"type":"stats","number":1,"samples":[{"name":"n","help":"h","kind":0,"labels":{"a":1}}]})",
                                         R"({"type":"configure","number":1,"services":[{}],"bindings":[]})",
                                         R"({"type":"pong","number":3e39})", R"({"type":"pong","number":-1})",
                                         R"({"type":"ping","number":3e39})", R"({"type":"report","number":1.5})",
                                         R"({"type":"hello","protocolVersion":4294967297,"kind":"dns","version":"1","configNumber":1})",
                                         R"({"type":"stats","number":1,"samples":[{"name":"n","help":"h","kind":2,"labels":{},"buckets":[[1,-1]],"count":1,"sum":1}]})",
                                         R"({"type":"configure","number":1})",
                                         with_terms(R"("wait":"never")"), with_terms(R"("priority":"first")"),
                                         with_terms(R"("requestBytes":5000)"), with_terms(R"("responseBytes":2048)"),
                                         R"({"type":"describe","number":1})"));

}  // namespace
}  // namespace vs::control
