// Loops that are placed on CPUs, and domains that go from one loop to another while they are served.
#include <sched.h>

#include <atomic>
#include <set>
#include <thread>

#include "placed_loops.h"
#include "tests/fuzz/raw_guest.h"

namespace vs::test {
namespace {

TEST_F(PlacedLoopsTest, RunOnTheirCpusAndTheOthersInThePool) {
  place(5, {usable_.front()}, {usable_.back()});
  EXPECT_EQ(live()["loop"], 5);
  EXPECT_EQ(found(5)->now, (control::Cpus{usable_.front()}));
  EXPECT_EQ(found(0)->now, (control::Cpus{usable_.back()}));
  place(std::nullopt);
  EXPECT_EQ(found(0)->now, usable_);
  EXPECT_NE(live()["loop"], 5);
}

TEST_F(PlacedLoopsTest, KeepTheSessionsOfADomainThatMoves) {
  place(std::nullopt);
  Guest guest(home());
  ASSERT_EQ(guest.status(), 0);
  EXPECT_EQ(guest.echo("before"), "before");
  place(7, {usable_.front()});
  EXPECT_EQ(guest.echo("placed"), "placed");
  EXPECT_EQ(live()["loop"], 7);
  EXPECT_EQ(live()["requests"], 2);
  EXPECT_EQ(live()["sessions"]["live"], 1);
  place(std::nullopt);
  EXPECT_EQ(guest.echo("free"), "free");
  EXPECT_EQ(live()["requests"], 3);
  EXPECT_EQ(guest.stats().reconnects, 0u);
  Guest second(home());
  EXPECT_EQ(second.echo("new"), "new");
}

// Keeps many requests on their way until it is enough, and wants each answer once and in turn.
void echo_in_order(fuzz::RawGuest& guest, const std::atomic<bool>& enough, std::atomic<std::uint64_t>& answered) {
  std::array<std::byte, 256> bytes{};
  std::uint64_t sent = 0, taken = 0;
  while (!enough || taken != sent) {
    while (!enough && sent - taken < 32) {
      struct {
        vs_request request{.answer_bytes_max = 64, .timeout_ms = 0};
        std::uint64_t number = 0;
      } record;
      record.number = sent;
      if (vs_producer_push(&guest.requests(), kEcho, sent, &record, sizeof record, nullptr, 0) != 1) break;
      ++sent;
    }
    if (vs_producer_publish(&guest.requests())) guest.doorbell();
    vs_taken answer{};
    const int status = vs_consumer_take(&guest.answers(), bytes.data(), &answer);
    ASSERT_GE(status, 0);
    if (status == 0) {
      ASSERT_FALSE(guest.is_left_alone()) << "after " << taken;
      if (vs_consumer_release(&guest.answers())) guest.doorbell();
      std::this_thread::yield();
      continue;
    }
    std::uint64_t number = 0;
    std::memcpy(&number, &bytes[sizeof(vs_answer)], sizeof number);
    ASSERT_EQ(answer.cookie, taken) << "lost, doubled or out of turn";
    ASSERT_EQ(number, taken);
    answered = ++taken;
  }
}

TEST_F(PlacedLoopsTest, LoseDoubleAndReorderNothingWhileADomainGoesToAndFro) {
  constexpr std::uint64_t kMoves = 300;
  place(std::nullopt);
  std::atomic<std::uint64_t> answered = 0;
  std::atomic<bool> enough = false;
  fuzz::RawGuest session(home() + "/echo");  // before anything moves: it does not try again, as libvservice does
  ASSERT_TRUE(session.welcomed());
  std::thread guest([&] { echo_in_order(session, enough, answered); });
  for (std::uint64_t move = 0; move < kMoves && !HasFailure(); ++move) {
    const std::uint64_t before = answered;
    place(3 + move % 3, {usable_[move % usable_.size()]});
    while (answered < before + 10 && !HasFailure()) std::this_thread::yield();  // it goes on where it is now
  }
  enough = true;
  guest.join();
  EXPECT_GE(answered, kMoves * 10);
  EXPECT_EQ(live()["sessions"]["opened"], 1);
}

TEST_F(PlacedLoopsTest, AreOpenedByGuestsThatComeWhileADomainMoves) {
  place(std::nullopt);
  std::atomic<bool> enough = false;
  std::atomic<int> opened = 0;
  std::thread guest([&] {
    while (!enough) {
      Guest one(home());
      ASSERT_EQ(one.status(), 0);
      ASSERT_EQ(one.echo("here"), "here");
      ++opened;
    }
  });
  for (std::uint64_t move = 0; move < 100 && !HasFailure(); ++move) {
    const int before = opened;
    place(3 + move % 3, {usable_[move % usable_.size()]});
    while (opened == before && !HasFailure()) std::this_thread::yield();
  }
  enough = true;
  guest.join();
}

TEST_F(PlacedLoopsTest, EndSessionsOfWhichSomethingIsNotAnsweredInTime) {
  place(std::nullopt);
  fuzz::RawGuest guest(home() + "/echo");
  ASSERT_TRUE(guest.welcomed());
  const vs_request request{.answer_bytes_max = 64, .timeout_ms = 0};
  ASSERT_EQ(vs_producer_push(&guest.requests(), kNever, 1, &request, sizeof request, nullptr, 0), 1);
  if (vs_producer_publish(&guest.requests())) guest.doorbell();
  while (live()["requests"] != 1) std::this_thread::yield();
  place(4, {usable_.front()});  // waits for its answer, which does not come
  guest.wait_for_end();
  EXPECT_EQ(live()["loop"], 4);
  EXPECT_EQ(live()["sessions"]["live"], 0);
  Guest next(home());
  EXPECT_EQ(next.echo("again"), "again");
}

TEST_F(PlacedLoopsTest, AnswerEachOfManyConfigurationsWhileDomainsMove) {
  place(std::nullopt);
  Guest guest(home(), 60'000);
  std::size_t answers = 0;
  std::uint64_t last = 0;
  constexpr std::size_t kCount = kConfiguresMax + 20;
  for (std::size_t i = 0; i < kCount; ++i) {
    control::Configure configure{.number = ++number_, .services = {{"echo", nlohmann::json::object()}}};
    configure.bindings.push_back({"web1-echo", "web1", "echo", "echo", true});
    configure.bindings.back().loop = 2 + i % 2;
    configure.loops = {{2, {usable_.front()}}, {3, {usable_.back()}}};
    shards_->configure(configure, [&](control::Applied) { ++answers; });
    last = 2 + i % 2;
  }
  while (answers < kCount) control_.run_once(std::chrono::seconds(10));
  EXPECT_EQ(shards_->config_number(), number_);
  EXPECT_EQ(live()["loop"], last);
  EXPECT_EQ(guest.echo("here"), "here");
}

TEST_F(PlacedLoopsTest, PutRightWhatSomebodyMoved) {
  ASSERT_GE(usable_.size(), 2u) << "a loop can be moved by somebody only where there are two CPUs (docs/placement.md); nothing was tested";
  place(5, {usable_.front()});
  // The loop that was made last is the newest thread of this process.
  pid_t newest = 0;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/task"))
    newest = std::max(newest, std::stoi(entry.path().filename().string()));
  cpu_set_t elsewhere;
  CPU_ZERO(&elsewhere);
  CPU_SET(usable_.back(), &elsewhere);
  ASSERT_EQ(::sched_setaffinity(newest, sizeof elsewhere, &elsewhere), 0);
  const auto drifted = found(5);
  EXPECT_EQ(drifted->found, (control::Cpus{usable_.back()}));
  EXPECT_EQ(drifted->now, (control::Cpus{usable_.front()}));
  EXPECT_EQ(found(5)->found, (control::Cpus{usable_.front()}));
}

TEST_F(PlacedLoopsTest, TellWhereTheirGuestsRun) {
  place(std::nullopt);
  EXPECT_TRUE(locate().guests.empty());
  Guest guest(home());
  const auto guests = locate().guests;
  ASSERT_EQ(guests.size(), 1u);
  EXPECT_EQ(guests[0].domain, "web1");
  EXPECT_EQ(guests[0].cpus, usable_);
}

TEST_F(PlacedLoopsTest, ServeAlsoWhereTheyCannotRunAsTold) {
  place(5, {control::kCpusMax - 1});
  EXPECT_EQ(found(5)->now, usable_);
  Guest guest(home());
  EXPECT_EQ(guest.echo("all the same"), "all the same");
}

}  // namespace
}  // namespace vs::test
