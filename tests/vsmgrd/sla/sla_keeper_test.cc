// What was measured of promises outlasts the daemon.
#include "vsmgrd/sla/sla_keeper.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "promised.h"
#include "tests/vsmgrd/store/objects.h"
#include "tests/vsmgrd/store/temp_directory.h"

namespace vs::test {
namespace {

class Kept : public testing::Test {
 protected:
  Kept() { start(); }
  void start() {
    keeper_.reset();
    store_.reset();
    store_ = open_store(directory_.database(), clock_);
    keeper_ = std::make_unique<SlaKeeper>(
        *store_, clock_, SlaKeeper::Callbacks{.ask = [this] { keeper_->take(counted_); }, .on_change = [this] { ++changes_; }});
  }
  void promise(Sla sla) {
    const Desired desired = with_sla(std::move(sla));
    ASSERT_TRUE(store_->apply({desired.domains.at("web1"), desired.services.at("dns"), desired.bindings.at("b")}, {}));
  }

  TempDirectory directory_;
  ManualClock clock_;
  std::vector<Sample> counted_;
  int changes_ = 0;
  std::unique_ptr<Store> store_;
  std::unique_ptr<SlaKeeper> keeper_;
};

const Sla kSla{.objectives = Objectives{.latency_p99 = std::chrono::milliseconds{2}}};

TEST_F(Kept, SaysNothingOfWhatWasNotPromised) {
  promise({});
  keeper_->look();
  EXPECT_FALSE(keeper_->condition_of("b"));
  EXPECT_TRUE(keeper_->describe("b").is_null());
  EXPECT_TRUE(keeper_->samples().empty());
  EXPECT_EQ(changes_, 0);
}

TEST_F(Kept, TellsWhenItsVerdictChanges) {
  promise(kSla);
  keeper_->look();
  EXPECT_EQ(keeper_->condition_of("b")->reason, "NotMeasured");
  EXPECT_EQ(changes_, 1);
  counted_ = report(1000, 1);
  keeper_->look();
  EXPECT_EQ(keeper_->condition_of("b")->status, StatusCondition::Status::yes);
  EXPECT_EQ(changes_, 2);
  keeper_->look();
  EXPECT_EQ(changes_, 2);
  counted_ = report(2000, 500);
  keeper_->look();
  EXPECT_EQ(keeper_->condition_of("b")->status, StatusCondition::Status::no);
  EXPECT_EQ(keeper_->condition_of("b")->reason, "Missed");
  EXPECT_EQ(changes_, 3);
  EXPECT_EQ(keeper_->describe("b")[0]["missed"], 500);
}

TEST_F(Kept, CountsGoOnAfterARestart) {
  promise(kSla);
  counted_ = report(1000, 20);
  keeper_->look();
  keeper_->save();
  start();
  counted_ = report(1500, 20);
  keeper_->look();
  EXPECT_EQ(keeper_->describe("b")[0]["judged"], 1500);
  EXPECT_EQ(keeper_->describe("b")[0]["missed"], 20);
  clock_.advance(std::chrono::hours{2});
  EXPECT_EQ(keeper_->describe("b")[0]["judged"], 0) << "the window is over";
}

TEST_F(Kept, WhatIsNotPromisedAnyMoreIsNotKept) {
  promise(kSla);
  counted_ = report(1000, 20);
  keeper_->look();
  keeper_->save();
  EXPECT_EQ(store_->sla().load()->size(), 1u);
  promise({});
  counted_.clear();
  keeper_->look();
  EXPECT_FALSE(keeper_->condition_of("b"));
  EXPECT_EQ(changes_, 2) << "its condition goes";
}

}  // namespace
}  // namespace vs::test
