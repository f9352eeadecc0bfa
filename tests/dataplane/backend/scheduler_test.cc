// Whose turn it is, with costs that the test makes up.
#include "dataplane/backend/scheduler.h"

#include <array>
#include <map>
#include <memory>
#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace vs {
namespace {

// Guests that always have work, each turn of which costs what the guest's turns cost.
class Race {
 public:
  struct Guest {
    Guest(Priority priority, Cost cost) : flow(priority), cost(cost) {}
    Flow flow;
    Cost cost;        // of one turn, whatever the budget
    int turns = 0;
    bool backlogged = true;
  };

  Guest& add(Priority priority, Cost cost) {
    guests_.push_back(std::make_unique<Guest>(priority, cost));
    scheduler_.ready(guests_.back()->flow, SessionId{guests_.size() - 1});
    return *guests_.back();
  }
  void run(int turns) {
    for (int i = 0; i < turns; ++i) {
      const auto turn = scheduler_.next();
      ASSERT_TRUE(turn);
      ASSERT_GT(turn->budget, 0);
      Guest& guest = *guests_[static_cast<std::size_t>(turn->session)];
      ASSERT_EQ(&turn->flow, &guest.flow);
      ++guest.turns;
      if (guest.backlogged) scheduler_.ready(guest.flow, turn->session);
      scheduler_.charge(guest.flow, guest.cost);
    }
  }
  Scheduler& scheduler() { return scheduler_; }

 private:
  Scheduler scheduler_;
  std::vector<std::unique_ptr<Guest>> guests_;
};

TEST(Scheduler, NobodyIsReadyAtFirst) {
  Scheduler scheduler;
  EXPECT_TRUE(scheduler.empty());
  EXPECT_FALSE(scheduler.next());
}

// However much a turn of each costs, up to ten times the quantum, all get the same time.
TEST(Scheduler, GuestsOfAClassShareTheTimeEqually) {
  for (const int guests : {2, 8, 32}) {
    Race race;
    std::vector<Race::Guest*> all;
    for (int i = 0; i < guests; ++i) all.push_back(&race.add(Priority::normal, 300 + i * 10 * kQuantum / guests));
    race.run(200'000);
    Cost total = 0;
    for (const auto* guest : all) total += guest->flow.used();
    for (const auto* guest : all)
      EXPECT_NEAR(static_cast<double>(guest->flow.used()), static_cast<double>(total) / guests,
                  0.1 * static_cast<double>(total) / guests)
          << guests << " guests, a turn of " << guest->cost;
  }
}

TEST(Scheduler, AGuestWithManySessionsGetsNoMoreThanOneWithOne) {
  Scheduler scheduler;
  Flow many(Priority::normal);
  Flow one(Priority::normal);
  for (std::uint64_t id = 1; id <= 100; ++id) scheduler.ready(many, SessionId{id});
  scheduler.ready(one, SessionId{0});
  for (int i = 0; i < 10'000; ++i) {
    const auto turn = scheduler.next();
    scheduler.ready(turn->flow, turn->session);
    scheduler.charge(turn->flow, 10'000);
  }
  EXPECT_NEAR(static_cast<double>(many.used()), static_cast<double>(one.used()), 0.02 * static_cast<double>(one.used()));
}

TEST(Scheduler, ItsSessionsTakeTurns) {
  Scheduler scheduler;
  Flow flow(Priority::normal);
  for (std::uint64_t id = 0; id < 3; ++id) scheduler.ready(flow, SessionId{id});
  std::vector<std::uint64_t> order;
  for (int i = 0; i < 6; ++i) {
    const auto turn = scheduler.next();
    order.push_back(static_cast<std::uint64_t>(turn->session));
    scheduler.ready(flow, turn->session);
    scheduler.charge(flow, kQuantum);
  }
  EXPECT_EQ(order, (std::vector<std::uint64_t>{0, 1, 2, 0, 1, 2}));
}

TEST(Scheduler, AHigherClassGoesFirst) {
  for (std::size_t high = 0; high + 2 < kPriorities; ++high) {
    Race race;
    auto& low = race.add(static_cast<Priority>(high + 1), 1000);
    auto& first = race.add(static_cast<Priority>(high), 1000);
    race.run(1000);
    EXPECT_EQ(first.turns, 1000);
    EXPECT_EQ(low.turns, 0);
    first.backlogged = false;
    race.run(1);
    race.run(10);
    EXPECT_EQ(low.turns, 10) << "the class above has nothing left";
  }
}

TEST(Scheduler, TheLowestClassKeepsItsFloor) {
  Race race;
  auto& bulk = race.add(Priority::bulk, 7000);
  auto& control = race.add(Priority::control, 5000);
  race.run(200'000);
  const double part = static_cast<double>(bulk.flow.used()) / static_cast<double>(bulk.flow.used() + control.flow.used());
  EXPECT_NEAR(part, kBulkFloorPercent / 100.0, 0.005);
}

TEST(Scheduler, AFloorThatNobodyNeededIsNotSavedUp) {
  Race race;
  race.add(Priority::normal, 5000);
  race.run(100'000);  // half a second during which the lowest class wants nothing
  auto& bulk = race.add(Priority::bulk, 5000);
  race.run(1000);
  EXPECT_LE(bulk.turns, 1000 * kBulkFloorPercent / 100 + 1 + kQuantum / 5000);
}

TEST(Scheduler, IdlenessIsNotSavedUp) {
  Race race;
  auto& busy = race.add(Priority::normal, 10'000);
  race.run(10'000);
  auto& back = race.add(Priority::normal, 10'000);
  race.run(200);
  EXPECT_NEAR(busy.turns - 10'000, back.turns, kQuantum / 10'000 + 1);
}

TEST(Scheduler, ADebtIsForgivenInTheEnd) {
  Scheduler scheduler;
  Flow slow(Priority::normal);
  Flow other(Priority::normal);
  scheduler.charge(slow, 3'600'000'000'000);  // an hour
  scheduler.ready(slow, SessionId{1});
  scheduler.ready(other, SessionId{2});
  Cost others = 0;
  while (true) {
    const auto turn = scheduler.next();
    if (turn->session == SessionId{1}) break;
    scheduler.ready(other, SessionId{2});
    scheduler.charge(other, 10'000);
    others += 10'000;
  }
  EXPECT_LE(others, kDebtMax + 2 * kQuantum);
}

TEST(Scheduler, AFlowThatGoesIsForgotten) {
  Scheduler scheduler;
  auto gone = std::make_unique<Flow>(Priority::normal);
  Flow stays(Priority::normal);
  scheduler.ready(*gone, SessionId{1});
  scheduler.ready(*gone, SessionId{2});
  scheduler.ready(stays, SessionId{3});
  scheduler.remove(*gone);
  gone.reset();
  EXPECT_EQ(scheduler.next()->session, SessionId{3});
  EXPECT_TRUE(scheduler.empty());
}

// Everyone who is ready gets a turn within what all others may use in a round.
TEST(Scheduler, NobodyWaitsForEver) {
  std::mt19937 random(1);
  Scheduler scheduler;
  std::vector<std::unique_ptr<Flow>> flows;
  std::map<std::uint64_t, Cost> waiting_since;
  Cost now = 0;
  for (std::uint64_t id = 0; id < 20; ++id) {
    flows.push_back(std::make_unique<Flow>(Priority::normal));
    scheduler.ready(*flows.back(), SessionId{id});
    waiting_since[id] = 0;
  }
  Cost longest = 0;
  for (int i = 0; i < 100'000; ++i) {
    const auto turn = scheduler.next();
    const auto id = static_cast<std::uint64_t>(turn->session);
    longest = std::max(longest, now - waiting_since[id]);
    const Cost cost = 100 + random() % (2 * kQuantum);
    now += cost;
    scheduler.ready(turn->flow, turn->session);
    scheduler.charge(turn->flow, cost);
    waiting_since[id] = now;
  }
  EXPECT_LE(longest, 20 * 4 * kQuantum);
}

// ---- earliest deadline first

constexpr DueTime due(int ms) { return DueTime(std::chrono::milliseconds(ms)); }

TEST(Scheduler, OfAClassWhoseWorkIsDueFirstGoesFirst) {
  Scheduler scheduler;
  std::array<Flow, 4> flows{Flow(Priority::deadline), Flow(Priority::deadline), Flow(Priority::deadline), Flow(Priority::deadline)};
  scheduler.ready(flows[0], SessionId{0});
  scheduler.ready(flows[1], SessionId{1}, due(30));
  scheduler.ready(flows[2], SessionId{2}, due(10));
  scheduler.ready(flows[3], SessionId{3}, due(20));
  std::vector<std::uint64_t> order;
  while (const auto turn = scheduler.next()) order.push_back(static_cast<std::uint64_t>(turn->session));
  EXPECT_EQ(order, (std::vector<std::uint64_t>{2, 3, 1, 0})) << "what has no deadline comes last";
}

TEST(Scheduler, SessionsOfAGuestGoByTheirDeadlinesThenInTheirOrder) {
  Scheduler scheduler;
  Flow flow(Priority::normal);
  scheduler.ready(flow, SessionId{1}, due(20));
  scheduler.ready(flow, SessionId{2});
  scheduler.ready(flow, SessionId{3}, due(10));
  scheduler.ready(flow, SessionId{4}, due(20));
  scheduler.ready(flow, SessionId{5});
  std::vector<std::uint64_t> order;
  while (const auto turn = scheduler.next()) order.push_back(static_cast<std::uint64_t>(turn->session));
  EXPECT_EQ(order, (std::vector<std::uint64_t>{3, 1, 4, 2, 5}));
}

// Deadlines order a round; how much each gets of it stays the same.
TEST(Scheduler, AnEarlyDeadlineTakesNobodysShare) {
  Scheduler scheduler;
  Flow hasty(Priority::deadline);
  Flow patient(Priority::deadline);
  scheduler.ready(hasty, SessionId{1}, due(1));
  scheduler.ready(patient, SessionId{2}, due(1'000'000));
  for (int i = 0; i < 10'000; ++i) {
    const auto turn = scheduler.next();
    ASSERT_TRUE(turn);
    scheduler.ready(turn->flow, turn->session, turn->session == SessionId{1} ? due(1) : due(1'000'000));
    scheduler.charge(turn->flow, 1000);
  }
  EXPECT_NEAR(static_cast<double>(hasty.used()), static_cast<double>(patient.used()), static_cast<double>(2 * kQuantum));
}

TEST(Scheduler, AFlowThatGoesTakesItsDeadlinesAlong) {
  Scheduler scheduler;
  Flow gone(Priority::normal);
  Flow stays(Priority::normal);
  scheduler.ready(gone, SessionId{1}, due(1));
  scheduler.ready(gone, SessionId{2}, due(2));
  scheduler.ready(stays, SessionId{3}, due(3));
  scheduler.remove(gone);
  EXPECT_EQ(scheduler.next()->session, SessionId{3});
  EXPECT_TRUE(scheduler.empty());
}

}  // namespace
}  // namespace vs
