// The messages by which a binding leaves one backend for another.
#include "dataplane/control/handoff.h"

#include <string>

#include <gtest/gtest.h>

#include "dataplane/control/messages.h"

namespace vs::control {
namespace {

using nlohmann::json;

template <class Message>
Message told(const Message& message) {
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

// The message with one member changed.
template <class Message>
std::string changed(const Message& message, const char* at, const json& value) {
  json text = json::parse(encode(Command{message}));
  text[json::json_pointer(at)] = value;
  return text.dump();
}

const Freeze kFreeze{.number = 1ull << 60, .bindings = {"web1-dns", "web1-bus"}, .drain_ms = 20, .thaw_ms = 5000};
const Stage kStage{.number = 4, .binding = "web1-dns", .uid = "u", .epoch = 1ull << 50, .lease_ms = 9, .state = {{"a", {1, 2}}}};

TEST(Handoff, MessagesArriveAsTheyWereSent) {
  EXPECT_EQ(commanded(kFreeze), kFreeze);
  const Thaw thaw{.number = 2, .bindings = {"web1-dns"}};
  EXPECT_EQ(commanded(thaw), thaw);
  EXPECT_EQ(commanded(kStage), kStage);
  const Frozen frozen{.number = 1,
                      .bindings = {{"web1-dns", "", true, 0, {{"a", 1}}}, {"web1-bus", "", false, 3}, {"no", "not served here"}}};
  EXPECT_EQ(told(frozen), frozen);
  const Thawed thawed{.number = 2, .bindings = {"web1-dns"}};
  EXPECT_EQ(told(thawed), thawed);
  const Staged staged{.number = 4, .problem = "too many"};
  EXPECT_EQ(told(staged), staged);
  const Unsupported unsupported{.number = 9, .command = "freeze"};
  EXPECT_EQ(told(unsupported), unsupported);
}

TEST(Handoff, AnEpochTravelsWithItsBindingAndNoneIsNone) {
  BindingConfig fenced{"web1-dns", "web1", "dns", "dns", true};
  fenced.epoch = UINT64_MAX;
  fenced.uid = "0b1e";
  const Configure configure{.number = 1, .bindings = {fenced, {"web2-dns", "web2", "dns", "dns", true}}};
  EXPECT_EQ(commanded(configure), configure);
  json text = json::parse(encode(Command{configure}));
  EXPECT_FALSE(text["bindings"][1].contains("epoch"));
  for (const json& bad : {json(-1), json(1.5), json("1"), json(nullptr)}) {
    text["bindings"][0]["epoch"] = bad;
    EXPECT_FALSE(decode_command(text.dump())) << bad;
  }
}

TEST(Handoff, TimesAreThoseThatABackendKeeps) {
  EXPECT_TRUE(decode_command(changed(kFreeze, "/drainMs", kDrainMsMax)));
  EXPECT_TRUE(decode_command(changed(kFreeze, "/thawMs", kFrozenMsMax)));
  EXPECT_TRUE(decode_command(changed(kStage, "/leaseMs", kLeaseMsMax)));
  const std::string too_long = changed(kFreeze, "/drainMs", kDrainMsMax + 1);
  ASSERT_FALSE(decode_command(too_long));
  EXPECT_NE(decode_command(too_long).error().message.find("drainMs: 1001, wanted 0 to 1000"), std::string::npos);
  EXPECT_FALSE(decode_command(changed(kFreeze, "/thawMs", kFrozenMsMax + 1)));
  EXPECT_FALSE(decode_command(changed(kFreeze, "/thawMs", 0)));
  EXPECT_FALSE(decode_command(changed(kFreeze, "/thawMs", kFreeze.drain_ms - 1)));  // it would thaw before it has drained
  EXPECT_FALSE(decode_command(changed(kStage, "/leaseMs", 0)));
  EXPECT_FALSE(decode_command(changed(kStage, "/leaseMs", kLeaseMsMax + 1)));
}

TEST(Handoff, WhatIsStagedIsAnObjectOfLimitedSizeForAnEpoch) {
  EXPECT_FALSE(decode_command(changed(kStage, "/epoch", 0)));
  for (const json& bad : {json(nullptr), json::array(), json("text"), json(1)})
    EXPECT_FALSE(decode_command(changed(kStage, "/state", bad))) << bad;
  const std::string frame = R"({"a":""})";
  EXPECT_TRUE(decode_command(changed(kStage, "/state", {{"a", std::string(kStateBytesMax - frame.size(), 'x')}})));
  const auto large = decode_command(changed(kStage, "/state", {{"a", std::string(kStateBytesMax - frame.size() + 1, 'x')}}));
  ASSERT_FALSE(large);
  EXPECT_NE(large.error().message.find("state: larger than 262144 bytes"), std::string::npos);
}

TEST(Handoff, NamesAreAListThatEnds) {
  EXPECT_TRUE(decode_command(changed(kFreeze, "/bindings", std::vector<std::string>(kHandoffBindingsMax, "b"))));
  EXPECT_FALSE(decode_command(changed(kFreeze, "/bindings", std::vector<std::string>(kHandoffBindingsMax + 1, "b"))));
  for (const json& bad : {json(nullptr), json::object(), json("b"), json({1})})
    EXPECT_FALSE(decode_command(changed(kFreeze, "/bindings", bad))) << bad;
}

}  // namespace
}  // namespace vs::control
