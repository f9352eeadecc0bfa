#include <map>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/vsmgrd/store/objects.h"
#include "tests/vsmgrd/store/temp_directory.h"
#include "vsmgrd/store/store.h"

namespace vs::test {
namespace {

using ::testing::Contains;
using ::testing::Key;
using ::testing::Not;
using ::testing::Pair;

// By "name" or "name{value,value}", the labels' values in order.
std::map<std::string, double> values(const Store& store) {
  std::map<std::string, double> values;
  for (const Sample& sample : store.samples()) {
    std::string key;
    for (const auto& [name, value] : sample.labels) key += (key.empty() ? "{" : ",") + value;
    values[sample.name + (key.empty() ? key : key + "}")] =
        sample.type == Sample::Type::histogram ? static_cast<double>(sample.count) : sample.value;
  }
  return values;
}

class StoreSamples : public ::testing::Test {
 protected:
  TempDirectory directory_;
  ManualClock clock_;
  std::unique_ptr<Store> store_ = open_store(directory_.database(), clock_);
};

TEST_F(StoreSamples, ShowZerosOfAnEmptyStore) {
  const auto now = values(*store_);
  for (const char* name : {"vservices_policy_decisions_total{allowed}", "vservices_policy_decisions_total{denied}",
                           "vservices_policy_decisions_total{on_trial}", "vservices_policy_bindings{denied}",
                           "vservices_policy_generation", "vservices_objects_behind{Binding}", "vservices_warnings{high,new}",
                           "vservices_operations_running", "vservices_store_commits_failed_total",
                           "vservices_store_read_only", "vservices_store_writes_waiting"})
    EXPECT_THAT(now, Contains(Pair(name, 0))) << name;
  EXPECT_GT(now.at("vservices_store_file_bytes{database}"), 0);
  EXPECT_GT(now.at("vservices_store_disk_bytes"), now.at("vservices_store_disk_free_bytes"));
}

TEST_F(StoreSamples, CountVerdictsWhenTheyAreNewOrChanged) {
  const std::vector<Resource> given{domain("web1", {{"may", "yes"}}), domain("web2"), service("dns"), binding("one", "web1", "dns"),
                                    binding("two", "web2", "dns")};
  ASSERT_TRUE(store_->apply(given, {.dry_run = true}));
  EXPECT_EQ(values(*store_).at("vservices_policy_decisions_total{allowed}"), 0);
  ASSERT_TRUE(store_->apply(given, {}));
  ASSERT_TRUE(store_->apply(given, {}));  // says nothing new
  EXPECT_EQ(values(*store_).at("vservices_policy_decisions_total{allowed}"), 1);
  EXPECT_EQ(values(*store_).at("vservices_policy_decisions_total{denied}"), 1);
  ASSERT_TRUE(store_->apply({domain("web2", {{"may", "yes"}})}, {}));
  const auto now = values(*store_);
  EXPECT_EQ(now.at("vservices_policy_decisions_total{allowed}"), 2);
  EXPECT_EQ(now.at("vservices_policy_bindings{allowed}"), 2);
  EXPECT_EQ(now.at("vservices_policy_bindings{denied}"), 0);
}

TEST_F(StoreSamples, WhatIsAskedAndNotSeenIsBehind) {
  ASSERT_TRUE(store_->apply({domain("web1")}, {}));
  EXPECT_EQ(values(*store_).at("vservices_objects_behind{Domain}"), 1);
  const auto seen = [&](std::int64_t generation) {
    ASSERT_TRUE(store_->observe({{.kind = Kind::domain, .name = "web1", .observed_generation = generation, .state = State::ready}}));
  };
  seen(1);
  EXPECT_EQ(values(*store_).at("vservices_objects_behind{Domain}"), 0);
  Resource changed = domain("web1");
  std::get<DomainSpec>(changed.spec).description = "another";
  ASSERT_TRUE(store_->apply({changed}, {}));
  EXPECT_EQ(values(*store_).at("vservices_objects_behind{Domain}"), 1);
  seen(2);
  EXPECT_EQ(values(*store_).at("vservices_objects_behind{Domain}"), 0);
}

TEST_F(StoreSamples, SayWhatWasPromised) {
  Resource promised = binding("one", "web1", "dns");
  std::get<BindingSpec>(promised.spec).sla.objectives = {.latency_p99 = std::chrono::milliseconds(2), .availability_ppm = 999'000};
  ASSERT_TRUE(store_->apply({domain("web1"), domain("web2"), service("dns"), promised, binding("two", "web2", "dns")}, {}));
  const auto now = values(*store_);
  EXPECT_EQ(now.at("vservices_binding_objective_seconds{one,web1,dns,p99}"), 0.002);
  EXPECT_EQ(now.at("vservices_binding_objective_availability_ratio{one,web1,dns}"), 0.999);
  EXPECT_THAT(now, Not(Contains(Key("vservices_binding_objective_seconds{one,web1,dns,p50}"))));  // 0: not promised
  EXPECT_THAT(now, Not(Contains(Key("vservices_binding_objective_availability_ratio{two,web2,dns}"))));
}

TEST_F(StoreSamples, CountWarningsUntilTheyAreResolved) {
  ASSERT_TRUE(store_->warnings().raise({"DiskFull", "Database", "store", Warning::Severity::high, "it is full"}));
  EXPECT_EQ(values(*store_).at("vservices_warnings{high,new}"), 1);
  EXPECT_EQ(values(*store_).at("vservices_store_read_only"), 1);
  ASSERT_TRUE(store_->warnings().resolve("DiskFull", "Database", "store"));
  EXPECT_EQ(values(*store_).at("vservices_warnings{high,new}"), 0);
  EXPECT_EQ(values(*store_).at("vservices_store_read_only"), 0);
}

TEST_F(StoreSamples, CountCommitsAndOperationsThatRun) {
  const double before = values(*store_).at("vservices_store_commit_duration_seconds");
  const auto operation = store_->operations().begin({.kind = "Backup", .actor = the_daemon()});
  ASSERT_TRUE(operation);
  EXPECT_GT(values(*store_).at("vservices_store_commit_duration_seconds"), before);
  EXPECT_EQ(values(*store_).at("vservices_operations_running"), 1);
  ASSERT_TRUE(store_->operations().finish(operation->id, {}));
  EXPECT_EQ(values(*store_).at("vservices_operations_running"), 0);
}

}  // namespace
}  // namespace vs::test
