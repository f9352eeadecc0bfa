// Writers and readers at once.
#include <atomic>
#include <thread>

#include <gtest/gtest.h>

#include "tests/vsmgrd/store/objects.h"
#include "tests/vsmgrd/store/temp_directory.h"

namespace vs::test {
namespace {

using Expect = Precondition::Expect;

constexpr int kWriters = 64;
constexpr int kWritesEach = 3;

TEST(StoreThreads, PreconditionsLoseNoUpdate) {
  const TempDirectory directory;
  const ManualClock clock;
  const auto store = open_store(directory.database(), clock);
  ASSERT_TRUE(store->put(domain("counter", {{"count", "0"}}), {Expect::absent}, {}));
  std::atomic<int> conflicts = 0;
  std::atomic<int> failures = 0;
  {
    std::vector<std::jthread> writers;
    for (int i = 0; i < kWriters; ++i) {
      writers.emplace_back([&] {
        for (int done = 0; done < kWritesEach;) {
          const Metadata metadata = store->get(Kind::domain, "counter")->resource.metadata;
          const int next = std::stoi(metadata.labels.at("count")) + 1;
          const auto put = store->put(domain("counter", {{"count", std::to_string(next)}}),
                                      {Expect::version, metadata.resource_version}, {});
          if (put) {
            ++done;
          } else if (put.error().error.code == ErrorCode::conflict) {
            ++conflicts;
          } else {
            ++failures;
            return;
          }
        }
      });
    }
  }
  EXPECT_EQ(failures, 0);
  const Metadata metadata = store->get(Kind::domain, "counter")->resource.metadata;
  EXPECT_EQ(metadata.labels.at("count"), std::to_string(kWriters * kWritesEach));
  EXPECT_EQ(metadata.generation, 1 + kWriters * kWritesEach);
}

TEST(StoreThreads, OneOfSeveralCreatesAnObject) {
  const TempDirectory directory;
  const ManualClock clock;
  const auto store = open_store(directory.database(), clock);
  std::atomic<int> created = 0;
  {
    std::vector<std::jthread> writers;
    for (int i = 0; i < kWriters; ++i)
      writers.emplace_back([&, i] {
        created += store->put(domain("web1", {{"by", std::to_string(i)}}), {Expect::absent}, {})
                       .has_value();
      });
  }
  EXPECT_EQ(created, 1);
}

// A reader sees the domain and its binding, or neither; and with a binding its decision.
TEST(StoreThreads, ReadersSeeWholeChanges) {
  const TempDirectory directory;
  const ManualClock clock;
  const auto store = open_store(directory.database(), clock);
  ASSERT_TRUE(store->put(service("dns"), {}, {}));
  std::atomic<bool> done = false;
  std::atomic<int> halves = 0;
  std::atomic<int> commits = 0;
  store->on_commit([&] { ++commits; });
  {
    std::jthread reader([&] {
      while (!done) {
        const auto desired = store->desired();
        halves += desired->domains.size() != desired->bindings.size() ||
                  desired->decisions.size() != desired->bindings.size();
        const auto views = store->list(Kind::binding);
        for (const View& view : *views) halves += !view.decision;
      }
    });
    std::jthread watcher([&] {
      while (!done) halves += !store->observe({observed(Kind::service, "dns", State::ready)});
    });
    for (int i = 0; i < 20; ++i) {
      const std::string name = "n" + std::to_string(i);
      EXPECT_TRUE(store->apply({domain(name), binding(name, name, "dns")}, {}));
    }
    done = true;
  }
  EXPECT_EQ(halves, 0);
  EXPECT_EQ(commits, 20);
}

}  // namespace
}  // namespace vs::test
