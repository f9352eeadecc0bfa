// Changes that are the work of an operation: the end of the one is part of the other.
#include <future>

#include <gtest/gtest.h>

#include "tests/vsmgrd/store/fault_vfs.h"
#include "tests/vsmgrd/store/objects.h"
#include "tests/vsmgrd/store/temp_directory.h"
#include "vsmgrd/store/writer.h"

namespace vs::test {
namespace {

using State = Operation::State;

constexpr int kFaultsMax = 2000;
constexpr int kDomains = 300;

std::vector<Resource> domains() {
  std::vector<Resource> all;
  for (int number = 0; number < kDomains; ++number) all.push_back(domain("d" + std::to_string(number)));
  return all;
}

class OperationWork : public ::testing::Test {
 protected:
  void SetUp() override { store_ = open_store(directory_.database(), clock_); }

  std::string begin(std::optional<std::chrono::milliseconds> deadline = {}) {
    const auto begun = store_->operations().begin(
        {.kind = "Apply", .cancellable = true, .cancel_until = "committing", .deadline = deadline});
    EXPECT_TRUE(begun) << begun.error().message;
    return begun->id;
  }
  Checked<ApplyOutcome> apply(const std::string& id, std::function<void()> before_commit = {}) {
    WriteOptions options;
    options.operation = OperationOf{id, [before_commit = std::move(before_commit)](const ApplyOutcome& outcome) {
                                      if (before_commit) before_commit();
                                      return "{\"changes\":" + std::to_string(outcome.changes.size()) + "}";
                                    }};
    return store_->apply(domains(), std::move(options));
  }
  Operation operation(const std::string& id) { return *store_->operations().get(id); }

  TempDirectory directory_;
  ManualClock clock_;
  std::unique_ptr<Store> store_;
};

TEST_F(OperationWork, SucceedsInTheTransactionOfTheChange) {
  const std::string id = begin();
  ASSERT_TRUE(apply(id));
  EXPECT_EQ(operation(id).state, State::succeeded);
  EXPECT_EQ(operation(id).result, R"({"changes":300})");
  EXPECT_EQ(operation(id).phase, "committing");
  store_.reset();
  store_ = open_store(directory_.database(), clock_);
  EXPECT_EQ(operation(id).state, State::succeeded) << "no restart makes it fail";
}

TEST_F(OperationWork, ThatWasAskedToStopChangesNothing) {
  const std::string id = begin();
  ASSERT_TRUE(store_->operations().request_cancel(id, the_daemon()));
  const auto outcome = apply(id);
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, kStopped);
  EXPECT_TRUE(store_->list(Kind::domain)->empty());
  EXPECT_EQ(*store_->resource_version(), 0);
  EXPECT_EQ(operation(id).state, State::cancelling) << "who does the work says how it ended";
}

// The writer is busy with the change itself: to ask must not wait for it.
TEST_F(OperationWork, IsAskedToStopWhileItsTransactionRuns) {
  const std::string id = begin();
  std::promise<void> planning;
  std::promise<void> asked;
  store_->refuse_misfits([&](const Desired&, const Desired&) {
    planning.set_value();
    asked.get_future().wait();
    return std::vector<Problem>();
  });
  auto outcome = std::async(std::launch::async, [&] { return apply(id); });
  planning.get_future().wait();
  auto answer = std::async(std::launch::async, [&] { return store_->operations().request_cancel(id, the_daemon()); });
  while (!store_->operations().cancel_requested(id)) std::this_thread::yield();
  asked.set_value();
  const auto applied = outcome.get();
  ASSERT_FALSE(applied);
  EXPECT_EQ(applied.error().code, kStopped);
  ASSERT_TRUE(answer.get());
  EXPECT_TRUE(store_->list(Kind::domain)->empty());
}

TEST_F(OperationWork, CannotBeStoppedAnyMoreWhenItCommits) {
  const std::string id = begin();
  ASSERT_TRUE(apply(id));
  const auto late = store_->operations().request_cancel(id, the_daemon());
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, ErrorCode::conflict);
  EXPECT_EQ(operation(id).state, State::succeeded);
}

TEST_F(OperationWork, StopsAtItsDeadline) {
  const std::string id = begin(std::chrono::seconds(1));
  store_->refuse_misfits([&](const Desired&, const Desired&) {
    clock_.advance(std::chrono::seconds(2));  // it takes long
    return std::vector<Problem>();
  });
  const auto outcome = apply(id);
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, kStopped);
  EXPECT_TRUE(store_->list(Kind::domain)->empty());
}

TEST_F(OperationWork, ShowsHowFarItIs) {
  const std::string id = begin();
  Operation seen;
  ASSERT_TRUE(apply(id, [&] { seen = *store_->operations().get(id); }));
  EXPECT_EQ(seen.phase, "writing");
  EXPECT_EQ(seen.unit, "rows");
  EXPECT_EQ(seen.total, 3u * kDomains);
  EXPECT_GT(seen.done, seen.total / 2);
  EXPECT_LE(seen.done, seen.total);
  EXPECT_TRUE(seen.cancellable);
}

TEST_F(OperationWork, OfADryRunIsNone) {
  const std::string id = begin();
  WriteOptions options;
  options.dry_run = true;
  options.operation = OperationOf{id, [](const ApplyOutcome&) { return std::string("{}"); }};
  ASSERT_TRUE(store_->apply(domains(), std::move(options)));
  EXPECT_EQ(operation(id).state, State::running);
}

TEST_F(OperationWork, OfTheNewestKeepsLargeResults) {
  std::vector<std::string> ids;
  for (std::int64_t number = 0; number <= kLargeResultsMax; ++number) {
    ids.push_back(begin());
    ASSERT_TRUE(store_->operations().finish(ids.back(), {.result = '"' + std::string(kLargeResultBytes, 'x') + '"'}));
  }
  EXPECT_EQ(operation(ids.front()).result, kResultOmitted);
  EXPECT_GT(operation(ids[1]).result.size(), kLargeResultBytes);
  EXPECT_GT(operation(ids.back()).result.size(), kLargeResultBytes);
  const auto listed = store_->operations().list({});
  ASSERT_TRUE(listed);
  for (const Operation& one : *listed) EXPECT_EQ(one.result, kResultOmitted) << "a list is short";
  const std::string huge = begin();
  ASSERT_TRUE(store_->operations().finish(huge, {.result = std::string(kOperationResultBytesMax + 1, 'x')}));
  EXPECT_EQ(operation(huge).result, kResultOmitted);
}

// The N-th write fails, for every N: what the operation says is so.
TEST(OperationWorkCrash, SaysWhatBecameOfTheChange) {
  FaultVfs vfs;
  const ManualClock clock;
  int faults = 0;
  int committed = 0;
  for (int passes = 0; passes < kFaultsMax; passes += 1 + passes / 16) {
    SCOPED_TRACE(passes);
    const TempDirectory directory("/dev/shm");
    std::string id;
    {
      const auto store = open_store(directory.database(), clock);
      id = store->operations().begin({.kind = "Apply", .cancellable = true})->id;
      vfs.fail_after(passes, SQLITE_IOERR_WRITE, true);
      WriteOptions options;
      options.operation = OperationOf{id, [](const ApplyOutcome&) { return std::string("{}"); }};
      const bool applied = store->apply(domains(), std::move(options)).has_value();
      EXPECT_EQ(store->operations().get(id)->state, applied ? State::succeeded : State::running);
      if (!applied) {  // as who does the work would: and it is seen, although nothing can be written
        store->operations().finish(id, {.state = State::failed, .reason = "Refused"}).has_value();
        EXPECT_EQ(store->operations().wait(id, std::chrono::seconds(60))->state, State::failed);
      }
    }
    const bool struck = vfs.struck();
    vfs.fail_with(SQLITE_OK);
    const auto store = open_store(directory.database(), clock);
    const bool there = !store->list(Kind::domain)->empty();
    ASSERT_EQ(store->list(Kind::domain)->size(), there ? std::size_t{kDomains} : 0u);
    ASSERT_EQ(store->operations().get(id)->state, there ? State::succeeded : State::failed);
    faults += struck;
    committed += there;
    if (!struck) break;
  }
  EXPECT_GT(faults, 20);
  EXPECT_GT(committed, 0);
}

TEST(OperationWorkCrash, IsToldWhenTheDiskIsBack) {
  FaultVfs vfs;
  const TempDirectory directory;
  const SystemClock clock;
  std::string id;
  {
    const auto store = open_store(directory.database(), clock);
    id = store->operations().begin({.kind = "Test"})->id;
    vfs.fail_with(SQLITE_FULL);
    EXPECT_FALSE(store->operations().finish(id, {.state = State::failed, .reason = "Broken"}));
    EXPECT_EQ(store->operations().get(id)->reason, "Broken");
    EXPECT_EQ(store->operations().count_running(), 0u);
    vfs.fail_with(SQLITE_OK);
    std::vector<Operation> listed = *store->operations().list({.running_only = true});
    while (!listed.empty()) {  // tidied about once a second
      std::this_thread::yield();
      ASSERT_TRUE(store->apply({domain("d")}, {}));
      listed = *store->operations().list({.running_only = true});
    }
  }
  EXPECT_EQ(open_store(directory.database(), clock)->operations().get(id)->reason, "Broken");
}

}  // namespace
}  // namespace vs::test
