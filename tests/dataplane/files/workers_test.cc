#include "dataplane/files/workers.h"

#include <atomic>
#include <future>

#include <gtest/gtest.h>

namespace vs::files {
namespace {

TEST(WorkersTest, RunWhatBlocksBesideEachOther) {
  std::promise<void> first_goes_on;
  std::promise<void> second_ran;
  Workers workers;
  ASSERT_TRUE(workers.run([&] { first_goes_on.get_future().wait(); }));
  ASSERT_TRUE(workers.run([&] { second_ran.set_value(); }));
  second_ran.get_future().wait();
  first_goes_on.set_value();
}

TEST(WorkersTest, RunMuchWorkOnce) {
  std::atomic<int> ran{0};
  std::promise<void> all;
  Workers workers;
  for (int i = 0; i < 500; ++i)
    ASSERT_TRUE(workers.run([&] {
      if (++ran == 500) all.set_value();
    }));
  all.get_future().wait();
  EXPECT_EQ(ran, 500);
}

TEST(WorkersTest, RefuseWorkWhenTooMuchWaitsAndDropItAtTheirEnd) {
  std::promise<void> go_on;
  const std::shared_future<void> gone = go_on.get_future().share();
  std::atomic<std::size_t> ran{0};
  std::size_t taken = 0;
  {
    Workers workers;
    while (workers.run([gone, &ran] {
      gone.wait();
      ++ran;
    }))
      ++taken;
    EXPECT_GE(taken, kWorkWaitingMax);
    EXPECT_LE(taken, kWorkWaitingMax + kWorkersMax);
    go_on.set_value();
  }
  EXPECT_LE(ran, taken);
}

}  // namespace
}  // namespace vs::files
