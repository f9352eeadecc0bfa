#include "vsmgrd/api/jobs.h"

#include <future>

#include <gtest/gtest.h>

#include "base/clock.h"
#include "vsmgrd/store/store.h"

namespace vs::http {
namespace {

using State = Operation::State;

class JobsTest : public ::testing::Test {
 protected:
  JobsTest() {
    auto store = Store::open(":memory:", clock_, [](const Desired&, const Affected&) {
      return std::map<std::string, Decision>();
    });
    EXPECT_TRUE(store) << store.error().message;
    store_ = std::move(*store);
  }
  Operation ended(const std::string& id) {
    for (;;) {
      auto operation = store_->operations().wait(id, std::chrono::seconds(60));
      EXPECT_TRUE(operation);
      if (!operation || has_ended(operation->state)) return *operation;
    }
  }

  SystemClock clock_;
  std::unique_ptr<Store> store_;
};

TEST_F(JobsTest, DoTheWorkAndKeepItsResult) {
  Jobs jobs(store_->operations());
  const auto begun = jobs.start({.kind = "Test"}, [](JobControl& control) -> OperationLog::End {
    EXPECT_TRUE(control.report({.phase = "halfway"}));
    return {.reason = "Done", .result = R"({"answer": 42})"};
  });
  ASSERT_TRUE(begun) << begun.error().message;
  const Operation operation = ended(begun->id);
  EXPECT_EQ(operation.state, State::succeeded);
  EXPECT_EQ(operation.result, R"({"answer": 42})");
}

TEST_F(JobsTest, AreFailedWhenTheirWorkThrows) {
  Jobs jobs(store_->operations());
  const auto begun = jobs.start({.kind = "Test"}, [](JobControl&) -> OperationLog::End {
    throw std::runtime_error("broken");
  });
  ASSERT_TRUE(begun);
  const Operation operation = ended(begun->id);
  EXPECT_EQ(operation.state, State::failed);
  EXPECT_EQ(operation.message.find("broken"), std::string::npos) << "that is for the log";
}

TEST_F(JobsTest, AreToldToStopWhenTheyAreCancelled) {
  Jobs jobs(store_->operations());
  std::promise<void> working;
  const auto begun = jobs.start({.kind = "Test", .cancellable = true}, [&](JobControl& control) -> OperationLog::End {
    working.set_value();
    while (control.report({.phase = "working", .cancellable = true})) std::this_thread::yield();
    return {.state = State::cancelled, .reason = "Cancelled"};
  });
  ASSERT_TRUE(begun);
  working.get_future().wait();
  ASSERT_TRUE(store_->operations().request_cancel(begun->id, the_daemon()));
  EXPECT_EQ(ended(begun->id).state, State::cancelled);
}

TEST_F(JobsTest, ThatHaveNotBegunAreCancelledWithoutBeginning) {
  Jobs jobs(store_->operations());
  std::promise<void> open;
  std::shared_future<void> door = open.get_future().share();
  ASSERT_TRUE(jobs.start({.kind = "First"}, [door](JobControl&) -> OperationLog::End {
    door.wait();
    return {};
  }));
  bool ran = false;
  const auto second = jobs.start({.kind = "Second", .cancellable = true}, [&](JobControl&) -> OperationLog::End {
    ran = true;
    return {};
  });
  ASSERT_TRUE(second);
  ASSERT_TRUE(store_->operations().request_cancel(second->id, the_daemon()));
  open.set_value();
  EXPECT_EQ(ended(second->id).state, State::cancelled);
  EXPECT_FALSE(ran);
}

TEST_F(JobsTest, AreRefusedBeyondTheirLimit) {
  Jobs jobs(store_->operations());
  std::promise<void> open;
  std::shared_future<void> door = open.get_future().share();
  const auto wait = [door](JobControl&) -> OperationLog::End {
    door.wait();
    return {};
  };
  for (std::size_t i = 0; i < kJobsMax; ++i) ASSERT_TRUE(jobs.start({.kind = "Test"}, wait));
  const auto refused = jobs.start({.kind = "Test"}, wait);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::exhausted);
  open.set_value();
}

TEST_F(JobsTest, EndAsFailedWhenTheDaemonStops) {
  std::string id;
  {
    Jobs jobs(store_->operations());
    std::promise<void> working;
    const auto begun = jobs.start({.kind = "Test"}, [&](JobControl& control) -> OperationLog::End {
      working.set_value();
      while (control.report({.phase = "working"})) std::this_thread::yield();
      return {.state = State::failed, .reason = "DaemonStopping"};
    });
    ASSERT_TRUE(begun);
    id = begun->id;
    working.get_future().wait();
    jobs.stop();
    EXPECT_FALSE(jobs.start({.kind = "Late"}, [](JobControl&) -> OperationLog::End { return {}; }));
  }
  EXPECT_EQ(ended(id).state, State::failed);
}

}  // namespace
}  // namespace vs::http
