// Rings that are replaced by others while their domain goes from one loop to another: whichever of the two is further when the other
// begins, nothing is lost, doubled or reordered, and no session ends.
#include <poll.h>

#include <atomic>
#include <optional>
#include <thread>

#include "placed_loops.h"
#include "tests/fuzz/raw_guest.h"

namespace vs::test {
namespace {

using control::WaitMode;

// A guest that renews its region step by step, and checks of each answer that its turn has come.
class Follower {
 public:
  explicit Follower(std::string path)
      : path_(std::move(path)), now_(std::make_unique<fuzz::RawGuest>(path_, std::span<const int>(), VS_LOCAL_TAKES_RENEWAL)) {}

  [[nodiscard]] bool welcomed() const { return now_->welcomed(); }
  [[nodiscard]] std::uint64_t answered() const { return taken_; }
  [[nodiscard]] std::uint64_t on_their_way() const { return sent_ - taken_; }
  [[nodiscard]] std::uint64_t renewals() const { return renewals_; }
  // The backend hangs up where it goes on elsewhere.
  bool left_alone() { return announced_ ? next_->is_left_alone() : now_->is_left_alone(); }
  bool offered() {
    return __atomic_load_n(&now_->prod(now_->header().response).renewal, __ATOMIC_ACQUIRE) != 0 && !next_;
  }

  // False while nobody opens, as between two loops.
  bool connect() {
    UniqueFd socket = fuzz::connect_to(path_);
    if (!socket) return false;
    vs_local_hello hello = fuzz::good_hello();
    hello.takes = VS_LOCAL_TAKES_RENEWAL;
    hello.ticket = now_->header().ticket;
    if (::send(socket.get(), &hello, sizeof hello, MSG_NOSIGNAL) != ssize_t{sizeof hello}) return false;
    pollfd waiting{.fd = socket.get(), .events = POLLIN};
    if (::poll(&waiting, 1, -1) != 1) return false;
    auto next = std::make_unique<fuzz::RawGuest>(std::move(socket));
    if (!next->welcomed()) return false;
    next_ = std::move(next);
    return true;
  }
  // Says in the old ring that it goes on in the next; what it asks from then on, it asks there.
  void announce() {
    ASSERT_EQ(vs_producer_push(&now_->requests(), VS_RECORD_RENEWED, 0, nullptr, 0, nullptr, 0), 1);
    announced_ = true;
  }
  bool ask() {
    struct {
      vs_request request{.answer_bytes_max = 64, .timeout_ms = 0};
      std::uint64_t number = 0;
    } record;
    record.number = sent_;
    if (vs_producer_push(&asking().requests(), kEcho, sent_, &record, sizeof record, nullptr, 0) != 1) return false;
    ++sent_;
    return true;
  }
  // The backend sees what was asked, and hears of it if it wants to.
  void publish() {
    if (announced_ && vs_producer_publish(&next_->requests())) next_->doorbell();
    if (vs_producer_publish(&now_->requests())) now_->doorbell();
  }
  // Takes an answer, if there is one: the rest of the old ring before the first of the next.
  bool take() {
    std::array<std::byte, 256> bytes{};
    vs_taken answer{};
    const bool goes_on = announced_ && vs_consumer_take(&next_->answers(), bytes.data(), &answer) == 1;
    EXPECT_TRUE(!goes_on || answer.type == VS_RECORD_RENEWED);
    bool any = false;
    for (;;) {
      const int status = vs_consumer_take(&now_->answers(), bytes.data(), &answer);
      EXPECT_GE(status, 0);
      if (status != 1) break;
      std::uint64_t number = 0;
      std::memcpy(&number, &bytes[sizeof(vs_answer)], sizeof number);
      EXPECT_EQ(answer.cookie, taken_) << "lost, doubled or out of turn";
      EXPECT_EQ(number, taken_);
      ++taken_;
      any = true;
      if (!goes_on) break;
    }
    if (vs_consumer_release(&now_->answers())) now_->doorbell();
    if (goes_on) {
      now_ = std::move(next_);
      announced_ = false;
      ++renewals_;
    }
    return any || goes_on;
  }
  void take_all() {
    while ((on_their_way() != 0 || announced_) && !left_alone() && !testing::Test::HasFailure())
      if (!take()) std::this_thread::yield();
    EXPECT_EQ(on_their_way(), 0u) << "after " << taken_;
  }

 private:
  fuzz::RawGuest& asking() { return announced_ ? *next_ : *now_; }

  const std::string path_;
  std::unique_ptr<fuzz::RawGuest> now_;
  std::unique_ptr<fuzz::RawGuest> next_;  // once it is connected
  bool announced_ = false;
  std::uint64_t sent_ = 0;
  std::uint64_t taken_ = 0;
  std::uint64_t renewals_ = 0;
};

class MovingRenewals : public PlacedLoopsTest {
 protected:
  MovingRenewals() {
    terms_.wait = WaitMode::block;  // nobody looks at what nobody rang for
    place(std::nullopt);
  }
  // With other rings than before.
  void resize() { terms_.request_bytes = terms_.request_bytes == 64 << 10 ? 32 << 10 : 64 << 10; }
  std::string socket() { return home() + "/echo"; }
  std::uint64_t sessions_opened() { return live()["sessions"]["opened"]; }
  static void connect(Follower& guest) {
    while (!guest.connect()) std::this_thread::yield();
  }
  static void go_on(Follower& guest) {
    connect(guest);
    guest.announce();
    ASSERT_TRUE(guest.ask());
    guest.publish();
    guest.take_all();
  }
};

TEST_F(MovingRenewals, AreOfferedByTheLoopThatADomainGoesTo) {
  Follower guest(socket());
  ASSERT_TRUE(guest.welcomed());
  resize();
  place(4, {usable_.front()});  // both at once
  ASSERT_TRUE(guest.offered());
  ASSERT_TRUE(guest.ask());
  go_on(guest);
  EXPECT_EQ(guest.renewals(), 1u);
  EXPECT_EQ(live()["loop"], 4);
  EXPECT_EQ(sessions_opened(), 1u);
}

TEST_F(MovingRenewals, GoOnInTheNextLoopWhenTheyWereOnlyOffered) {
  Follower guest(socket());
  resize();
  place(std::nullopt);
  ASSERT_TRUE(guest.offered());
  place(4, {usable_.front()});
  go_on(guest);
  EXPECT_EQ(guest.renewals(), 1u);
  EXPECT_EQ(sessions_opened(), 1u);
}

TEST_F(MovingRenewals, TakeTheRegionThatTheirGuestHasAlreadyWithThem) {
  Follower guest(socket());
  resize();
  place(std::nullopt);
  connect(guest);
  place(4, {usable_.front()});
  place(5, {usable_.back()});
  guest.announce();
  ASSERT_TRUE(guest.ask());
  guest.publish();
  guest.take_all();
  EXPECT_EQ(guest.renewals(), 1u);
  EXPECT_EQ(live()["domainMemoryBytes"], region_bytes(shape_of(terms_))) << "the old one is gone";
  EXPECT_EQ(sessions_opened(), 1u);
}

// What was said in both rings is read by a loop that has never seen the guest, and that nobody rings for.
TEST_F(MovingRenewals, AreFollowedByALoopThatFindsThemAnnounced) {
  Follower guest(socket());
  for (int round = 0; round < 20; ++round) {
    resize();
    place(std::nullopt);
    connect(guest);
    for (int i = 0; i < 5; ++i) ASSERT_TRUE(guest.ask());
    guest.announce();
    for (int i = 0; i < 5; ++i) ASSERT_TRUE(guest.ask());
    std::thread moving([&] { guest.publish(); });  // before, while, or after it moves
    place(4 + round % 2, {usable_[static_cast<std::size_t>(round) % usable_.size()]});
    moving.join();
    guest.take_all();
    ASSERT_EQ(guest.renewals(), static_cast<std::uint64_t>(round) + 1);
  }
  EXPECT_EQ(sessions_opened(), 1u);
}

TEST_F(MovingRenewals, WhoGivesTheNextRegionUpMeanwhileIsServedInTheOldOne) {
  Guest closes(home());
  ASSERT_EQ(closes.echo("here"), "here");
  resize();
  place(std::nullopt);
  {
    Follower guest(socket());
    resize();
    place(std::nullopt);
    connect(guest);
    place(4, {usable_.front()});
  }  // both its connections end
  while (live()["sessions"]["live"] != 1) std::this_thread::yield();
  EXPECT_EQ(closes.echo("still here"), "still here");
  EXPECT_EQ(closes.stats().reconnects, 0u);
}

// A session of the domain that is not answered keeps all of it from going, for as long as that may take; the others only wait.
TEST_F(MovingRenewals, OutlastADomainThatIsLongInGoing) {
  Guest guest(home());
  ASSERT_EQ(guest.echo("before"), "before");
  fuzz::RawGuest never(socket(), {}, VS_LOCAL_TAKES_RENEWAL);
  ASSERT_TRUE(never.welcomed());
  const vs_request request{.answer_bytes_max = 64, .timeout_ms = 0};
  ASSERT_EQ(vs_producer_push(&never.requests(), kNever, 1, &request, sizeof request, nullptr, 0), 1);
  vs_producer_publish(&never.requests());
  never.doorbell();
  while (live()["requests"] != 2) std::this_thread::yield();
  std::atomic<bool> enough = false;
  std::atomic<int> answered = 0;
  std::thread asking([&] {
    while (!enough || guest.stats().renewals == 0) {  // it tries again when it came while nobody opened
      ASSERT_EQ(guest.echo("meanwhile"), "meanwhile");
      ++answered;
    }
  });
  resize();
  place(std::nullopt);
  place(4, {usable_.front()});
  const int before = answered;
  while (answered < before + 10 && !HasFailure()) std::this_thread::yield();
  enough = true;
  asking.join();
  never.wait_for_end();
  EXPECT_EQ(guest.stats().reconnects, 0u);
}

TEST_F(MovingRenewals, LoseDoubleAndReorderNothingUnderLoad) {
  constexpr int kRounds = 300;
  Follower session(socket());
  ASSERT_TRUE(session.welcomed());
  std::atomic<std::uint64_t> answered = 0, renewed = 0;
  std::atomic<bool> enough = false;
  std::thread guest([&] {
    while (!enough && !HasFailure()) {
      while (session.on_their_way() < 32 && session.ask()) {
      }
      session.publish();
      if (!session.take()) {
        ASSERT_FALSE(session.left_alone()) << "after " << session.answered();
        std::this_thread::yield();
      }
      if (session.offered() && session.connect()) session.announce();
      answered = session.answered();
      renewed = session.renewals();
    }
    session.take_all();
  });
  Guest library(home());
  std::thread other([&] {
    while (!enough) ASSERT_EQ(library.echo("as ever"), "as ever");
  });
  for (int round = 0; round < kRounds && !HasFailure(); ++round) {
    const std::uint64_t before = answered, renewed_before = renewed;
    resize();
    if (round % 3 != 0) place(3 + static_cast<std::uint32_t>(round - 1) % 3, {usable_.front()});  // first where it is, or both at once
    place(3 + static_cast<std::uint32_t>(round) % 3, {usable_[static_cast<std::size_t>(round) % usable_.size()]});
    while ((answered < before + 10 || renewed == renewed_before) && !HasFailure()) std::this_thread::yield();
  }
  enough = true;
  guest.join();
  other.join();
  EXPECT_GE(session.renewals(), std::uint64_t{kRounds});
  EXPECT_GE(session.answered(), std::uint64_t{kRounds} * 10);
  EXPECT_EQ(library.stats().reconnects, 0u);
  EXPECT_EQ(sessions_opened(), 2u);
}

}  // namespace
}  // namespace vs::test
