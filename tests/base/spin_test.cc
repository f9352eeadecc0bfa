#include "base/spin.h"

#include <gtest/gtest.h>

namespace vs {
namespace {

using namespace std::chrono_literals;

TEST(SpinWindow, DoesNotLookBeforeItKnowsThatItPays) { EXPECT_EQ(SpinWindow().length(), 0ns); }

TEST(SpinWindow, GrowsWhileWhatComesComesSoon) {
  SpinWindow window;
  window.learn(30us);
  EXPECT_EQ(window.length(), kSpinStart);
  window.learn(30us);
  window.learn(30us);
  EXPECT_GE(window.length(), 30us) << "enough for what comes after 30 us";
  const auto enough = window.length();
  window.learn(30us);
  EXPECT_EQ(window.length(), enough) << "and no more than that";
}

TEST(SpinWindow, NeverGrowsBeyondItsLimit) {
  SpinWindow window;
  for (int i = 0; i < 100; ++i) window.learn(kSpinMax);
  EXPECT_EQ(window.length(), kSpinMax);
}

TEST(SpinWindow, GivesUpWhenNothingComes) {
  SpinWindow window;
  for (int i = 0; i < 100; ++i) window.learn(kSpinMax);
  int waits = 0;
  for (; window.length() != 0ns; ++waits) window.learn(1s);
  EXPECT_LE(waits, 6);
}

TEST(LoadProbe, ReadsTheKernelsText) {
  EXPECT_EQ(running_threads("0.20 0.18 0.12 1/80 11206\n"), 1);
  EXPECT_EQ(running_threads("12.20 10.18 0.12 31/80 11206\n"), 31);
  EXPECT_EQ(running_threads(""), -1);
  EXPECT_EQ(running_threads("0.20 0.18 0.12 -4/80 1"), -1);
  EXPECT_EQ(running_threads("none of it"), -1);
}

}  // namespace
}  // namespace vs
