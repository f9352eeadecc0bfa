// Simulated measurements: what a side costs is known here, and what is chosen is watched.
#include "vsmgrd/placement/auto_core.h"

#include <functional>
#include <random>

#include <gtest/gtest.h>

namespace vs {
namespace {

using Machine = std::function<CoreLook(CoreSide side, int look)>;

struct Course {
  CoreTrial trial;
  int changes = 0;
};

Course run(const Machine& machine, int looks, CoreTrial trial = {}) {
  Course course{trial};
  for (int look = 0; look < looks; ++look) {
    const CoreSide before = course.trial.side;
    course.trial = after(course.trial, machine(before, look));
    course.changes += course.trial.side != before ? 1 : 0;
  }
  return course;
}

Machine steady(double same_us, double other_us, double same_busy = 0.2) {
  return [=](CoreSide side, int) {
    return CoreLook{.latency_us = side == CoreSide::same ? same_us : other_us, .rate = 1000, .loop_busy = side == CoreSide::same ? same_busy : 0.2};
  };
}

TEST(AutoCore, FindsTheGuestsCoreWhereAWakeUpAcrossCoresIsDear) {
  const Course course = run(steady(5, 30), 300);
  EXPECT_EQ(course.trial.side, CoreSide::same);
  EXPECT_EQ(course.changes, 1);
}

TEST(AutoCore, ComesBackToAnotherCoreWhereThatIsFaster) {
  const Course course = run(steady(30, 5), 300);
  EXPECT_EQ(course.trial.side, CoreSide::other);
  EXPECT_EQ(course.changes, 2);  // it was tried
}

TEST(AutoCore, StaysWhereItIsWhenBothAreMuchTheSame) {
  const Course course = run(steady(10, 10.5), 300);
  EXPECT_LE(course.changes, 1);
}

TEST(AutoCore, IsNotMovedByNoise) {
  std::mt19937 random(1);
  std::uniform_real_distribution<double> noise(0.8, 1.25);
  const Machine machine = [&](CoreSide, int) { return CoreLook{.latency_us = 10 * noise(random), .rate = 1000, .loop_busy = 0.3}; };
  EXPECT_LE(run(machine, 350).changes, 3);
}

TEST(AutoCore, LeavesACoreThatIsTooFullForBothAndDoesNotComeBackSoon) {
  const Course course = run(steady(5, 30, 0.95), 300);
  EXPECT_EQ(course.trial.side, CoreSide::other);
  EXPECT_EQ(course.changes, 2);
}

TEST(AutoCore, LearnsNothingFromAGuestThatAsksNothing) {
  const Course course = run([](CoreSide, int) { return CoreLook{.latency_us = 1, .rate = 0.5}; }, 300);
  EXPECT_EQ(course.trial, CoreTrial{});
}

TEST(AutoCore, FollowsALoadThatChanges) {
  const auto machine = [](CoreSide side, int look) {
    const bool loaded = look >= 200;
    const double same = loaded ? 100 : 5;
    return CoreLook{.latency_us = side == CoreSide::same ? same : 30, .rate = 1000, .loop_busy = 0.3};
  };
  EXPECT_EQ(run(machine, 200).trial.side, CoreSide::same);
  EXPECT_EQ(run(machine, 300).trial.side, CoreSide::other);
}

}  // namespace
}  // namespace vs
