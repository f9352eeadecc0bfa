// Counts of the last so long.
#include "vsmgrd/sla/window.h"

#include <deque>
#include <random>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace vs::test {
namespace {

using namespace std::chrono_literals;

const Window::WallTime kBegin{1'700'000'000'000ms};

TEST(Window, ForgetsWhatIsOlder) {
  Window window(60s);
  window.add(kBegin, {10, 1});
  window.add(kBegin + 30s, {5, 2});
  EXPECT_EQ(window.total(kBegin + 30s), (Judged{15, 3}));
  EXPECT_EQ(window.total(kBegin + 61s), (Judged{5, 2}));
  EXPECT_EQ(window.total(kBegin + 10min), Judged{});
}

// Against the list of all: right within one part.
TEST(Window, IsRightWithinOnePart) {
  std::mt19937 random(3);
  Window window(600s);
  std::deque<std::pair<Window::WallTime, Judged>> all;
  auto now = kBegin;
  for (int i = 0; i < 5000; ++i) {
    now += std::chrono::milliseconds(random() % 2000);
    const Judged more{1 + random() % 5, random() % 2};
    all.emplace_back(now, more);
    window.add(now, more);
    Judged least, most;
    for (const auto& [at, judged] : all) {
      if (at > now - 600s + 10s) least.all += judged.all, least.missed += judged.missed;
      if (at > now - 600s - 10s) most.all += judged.all, most.missed += judged.missed;
    }
    const Judged told = window.total(now);
    ASSERT_GE(told.all, least.all);
    ASSERT_LE(told.all, most.all);
    ASSERT_GE(told.missed, least.missed);
    ASSERT_LE(told.missed, most.missed);
    while (all.size() > 2000) all.pop_front();
  }
}

TEST(Window, AClockThatGoesBackLosesNothing) {
  Window window(60s);
  window.add(kBegin, {10, 1});
  window.add(kBegin - 30s, {10, 1});
  EXPECT_EQ(window.total(kBegin), (Judged{20, 2}));
}

TEST(Window, IsKeptAsItIs) {
  Window window(60s);
  for (int i = 0; i < 100; ++i) window.add(kBegin + i * 1s, {3, 1});
  Window again(60s);
  ASSERT_TRUE(again.restore(window.encode()));
  EXPECT_EQ(again.total(kBegin + 99s), window.total(kBegin + 99s));
  Window other(120s);
  ASSERT_TRUE(other.restore(window.encode()));
  EXPECT_EQ(other.total(kBegin + 99s), Judged{}) << "of another length";
}

TEST(Window, RefusesWhatIsNone) {
  Window window(60s);
  window.add(kBegin, {1, 0});
  for (const char* wrong : {"null", "{}", R"({"ms": 60000})", R"({"ms": 60000, "parts": 1})", R"({"ms": 60000, "parts": [[1, 2]]})",
                            R"({"ms": 60000, "parts": [[1, 2, 3]]})", R"({"ms": 60000, "parts": [[2, 2, 1], [1, 2, 1]]})",
                            R"({"ms": "x", "parts": []})"})
    EXPECT_FALSE(window.restore(nlohmann::json::parse(wrong))) << wrong;
  EXPECT_EQ(window.total(kBegin), (Judged{1, 0})) << "it is as it was";
}

TEST(Budget, IsWhatMayStillMiss) {
  EXPECT_DOUBLE_EQ(compliance({}), 1);
  EXPECT_DOUBLE_EQ(compliance({100, 1}), 0.99);
  EXPECT_DOUBLE_EQ(budget_left({}, 0.99), 1);
  EXPECT_NEAR(budget_left({1000, 5}, 0.99), 0.5, 1e-9);
  EXPECT_NEAR(budget_left({1000, 30}, 0.99), -2, 1e-9);
  EXPECT_DOUBLE_EQ(budget_left({1000, 1}, 1), 0);
}

}  // namespace
}  // namespace vs::test
