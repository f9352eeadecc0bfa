#include "vsmgrd/api/waits.h"

#include <atomic>
#include <future>

#include <gtest/gtest.h>

namespace vs::http {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kLong{60'000};  // never waited for

// The answer of a wait, whenever it comes.
std::future<Response> answer_of(const Response& waiting) {
  auto promise = std::make_shared<std::promise<Response>>();
  auto future = promise->get_future();
  waiting.later([promise](Response known) { promise->set_value(std::move(known)); });
  return future;
}

Response text(std::string body) { return {.body = std::move(body)}; }

TEST(Waits, AnswersAtOnceWhatIsKnown) {
  Waits waits;
  const Response response = waits.wait({}, kLong, [](bool) { return text("known"); });
  EXPECT_EQ(response.body, "known");
  EXPECT_FALSE(response.later);
}

TEST(Waits, AnswersWhenToldToLookAgain) {
  Waits waits;
  std::atomic<bool> done = false;
  const Response waiting = waits.wait({}, kLong, [&](bool) {
    return done ? std::optional(text("done")) : std::nullopt;
  });
  ASSERT_TRUE(waiting.later);
  auto answer = answer_of(waiting);
  done = true;
  waits.notify();
  EXPECT_EQ(answer.get().body, "done");
}

TEST(Waits, LooksByItselfAtWhatNobodyTells) {
  Waits waits;
  std::atomic<int> looks = 0;
  auto answer = answer_of(waits.wait({}, kLong, [&](bool) {
    return ++looks > 3 ? std::optional(text("seen")) : std::nullopt;
  }));
  EXPECT_EQ(answer.get().body, "seen");
}

TEST(Waits, AsksForAnAnswerWhenTheTimeIsOver) {
  Waits waits;
  auto answer = answer_of(waits.wait({}, milliseconds(1), [](bool expired) {
    return expired ? std::optional(text("late")) : std::nullopt;
  }));
  EXPECT_EQ(answer.get().body, "late");
}

TEST(Waits, EndsAllWhenItStops) {
  Waits waits;
  const auto check = [](bool expired) { return expired ? std::optional(text("stopped")) : std::nullopt; };
  auto first = answer_of(waits.wait({}, kLong, check));
  auto second = answer_of(waits.wait({}, kLong, check));
  waits.stop();
  EXPECT_EQ(first.get().body, "stopped");
  EXPECT_EQ(second.get().body, "stopped");
  EXPECT_EQ(waits.wait({}, kLong, check).body, "stopped") << "after the stop nothing waits";
}

TEST(Waits, RefusesMoreThanItMayHold) {
  Waits waits;
  const auto check = [](bool expired) { return expired ? std::optional(text("stopped")) : std::nullopt; };
  std::vector<std::future<Response>> answers;
  for (std::size_t i = 0; i < kWaitsMax; ++i) answers.push_back(answer_of(waits.wait({}, kLong, check)));
  EXPECT_EQ(waits.wait({}, kLong, check).status, 503);
  waits.stop();
  for (auto& answer : answers) EXPECT_EQ(answer.get().body, "stopped");
}

TEST(Waits, TakesNoLongerPatienceThanAnAnswerMayTake) {
  const auto patience = [](const std::string& given) {
    Request request;
    if (!given.empty()) request.query.emplace("timeout", given);
    return patience_of({.request = request, .name = {}});
  };
  EXPECT_EQ(patience(""), kWaitPatienceDefault);
  EXPECT_EQ(patience("2s"), milliseconds(2000));
  EXPECT_EQ(patience("1h"), kWaitPatienceMax);
  EXPECT_FALSE(patience("soon"));
}

}  // namespace
}  // namespace vs::http
