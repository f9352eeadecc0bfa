// A domain goes from one node to another with all that is its own, and nobody serves it twice.
#include "vsmgrd/handoffs/mover.h"

#include <atomic>

#include <gtest/gtest.h>

#include "two_movers.h"

namespace vs::test {
namespace {

using handoff::Migration;
using handoff::Outcome;
using handoff::Word;

class Movers : public ::testing::Test {
 protected:
  explicit Movers(handoff::Time resend = handoff::Time{20}) : resend_(resend) {}
  [[nodiscard]] handoff::Limits limits() const {
    handoff::Limits limits;
    limits.commit = limits.finish = handoff::Time{30'000};
    limits.resend = resend_;
    return limits;
  }
  void SetUp() override {
    for (MovingNode* node : {&a_, &b_}) node->declare({service("dns"), service("names")});
    Resource sla{.metadata = {.name = "gold"}, .spec = Sla{.rate = 100, .burst = 10}};
    Resource named = binding("web1-dns", "web1", "dns", "dns");
    std::get<BindingSpec>(named.spec).sla_name = "gold";
    a_.declare({domain("web1", {{"may", "yes"}, {"tenant", "red"}}), domain("web2", {{"may", "yes"}, {"tenant", "blue"}}), sla, named,
                binding("web1-names", "web1", "names", "names"), binding("web2-dns", "web2", "dns", "dns")});
    a_.promises = {{"web1-dns", "[1]"}, {"web2-dns", "[2]"}};
  }
  void start() {
    a_.start([this](const auto& to, auto message) { carry(to, "a", std::move(message)); }, {"b"});
    b_.start([this](const auto& to, auto message) { carry(to, "b", std::move(message)); }, {"a"});
    ASSERT_TRUE(bell_.wait([this] { return a_.serves("web1-dns") && a_.serves("web1-names") && a_.serves("web2-dns"); }));
  }
  void TearDown() override {
    a_.stop();
    b_.stop();
    EXPECT_TRUE(served_.twice().empty()) << *served_.twice().begin() << " was served twice";
  }
  void carry(const std::string& to, const std::string& from, handoff::Message message) {
    if (cut_ || cut_at_ == static_cast<int>(message.verb)) {
      cut_ = true;
      return;
    }
    seen_.with([&](auto& seen) { seen += handoff::encode(message).dump(); });
    auto decoded = handoff::decode_message(handoff::encode(message));  // as over the network
    ASSERT_TRUE(decoded) << decoded.error().message;
    if (to == "a" || to == "b") (void)(to == "a" ? a_ : b_).mover->hear(from, std::move(*decoded));
    bell_.ring();
  }
  Migration started(MovingNode& at, handoff::Move move) {
    auto begun = at.mover->start(move);
    EXPECT_TRUE(begun) << begun.error().message;
    return begun ? *begun : Migration{};
  }
  static Migration of(MovingNode& at, const std::string& id) {
    for (const Migration& one : at.mover->list())
      if (one.id == id) return one;
    return {};
  }
  Migration ended(MovingNode& at, const std::string& id) {
    EXPECT_TRUE(bell_.wait([&] { return handoff::ended(of(at, id).outcome); })) << name_of(of(at, id).phase);
    return of(at, id);
  }
  std::string refused(const handoff::Move& move) {
    const auto checked = a_.mover->check(move);
    return checked ? "" : checked.error().message;
  }

  const handoff::Time resend_;
  Bell bell_;
  Served served_;
  MovingNode a_{"a", served_, bell_, limits()};
  MovingNode b_{"b", served_, bell_, limits()};
  std::atomic<bool> cut_ = false;
  std::atomic<int> cut_at_ = -1;  // a verb: with it the network ends
  Guarded<std::string> seen_;
};

TEST_F(Movers, TakeADomainWithAllThatIsItsOwnAndNothingElse) {
  start();
  const Migration move = started(a_, {.domain = "web1", .peer = "b"});
  EXPECT_EQ(ended(a_, move.id).outcome, Outcome::done) << of(a_, move.id).reason;
  ASSERT_TRUE(bell_.wait([&] { return b_.serves("web1-dns") && b_.serves("web1-names"); }));
  ASSERT_TRUE(bell_.wait([&] { return !a_.declares(Kind::domain, "web1"); }));
  EXPECT_FALSE(a_.declares(Kind::binding, "web1-dns"));
  EXPECT_TRUE(a_.serves("web2-dns")) << "the other stays";
  const auto moved = b_.store->get(Kind::binding, "web1-dns");
  ASSERT_TRUE(moved);
  EXPECT_EQ(std::get<BindingSpec>(moved->resource.spec).sla_name, "gold");
  EXPECT_TRUE(b_.declares(Kind::sla, "gold"));
  EXPECT_EQ(b_.store->get(Kind::domain, "web1")->resource.metadata.labels.at("tenant"), "red");
  EXPECT_EQ(b_.promises_taken, (std::map<std::string, std::string>{{"web1-dns", "[1]"}})) << "the budget goes along";
  EXPECT_EQ(b_.backends.staged().at("web1-dns"), (std::pair<std::uint64_t, nlohmann::json>(2, {{"of", "web1-dns"}})));
  const std::string seen = seen_.with([](const auto& all) { return all; });
  for (const char* foreign : {"web2", "blue", "[2]"}) EXPECT_EQ(seen.find(foreign), std::string::npos) << foreign;
}

TEST_F(Movers, WakeTheReconcilerWhenWhatComesIsDeclared) {
  std::atomic<int> too_early = 0;
  b_.on_wake = [&] { too_early += b_.declares(Kind::domain, "web1") ? 0 : 1; };
  start();
  EXPECT_EQ(ended(a_, started(a_, {.domain = "web1", .peer = "b"}).id).outcome, Outcome::done);
  EXPECT_EQ(too_early, 0) << "a pass that finds nothing to serve delays the one that does";
}

class MoversThatAskOnce : public Movers {
 protected:
  MoversThatAskOnce() : Movers(handoff::Time{600'000}) {}
};

TEST_F(MoversThatAskOnce, HearWhenItIsServed) {
  start();
  EXPECT_EQ(ended(a_, started(a_, {.domain = "web1", .peer = "b"}).id).outcome, Outcome::done);
}

TEST_F(Movers, MoveBackAndForth) {
  start();
  for (int i = 0; i < 10; ++i) {
    MovingNode& from = i % 2 == 0 ? a_ : b_;
    MovingNode& to = i % 2 == 0 ? b_ : a_;
    ASSERT_TRUE(bell_.wait([&] { return from.serves("web1-dns") && !to.declares(Kind::domain, "web1"); })) << i;
    const Migration move = started(from, {.domain = "web1", .peer = to.name});
    ASSERT_EQ(ended(from, move.id).outcome, Outcome::done) << of(from, move.id).reason;
    EXPECT_EQ(of(from, move.id).bindings.front().epoch, static_cast<std::uint64_t>(i + 1));
    EXPECT_TRUE(of(from, move.id).blackout);
    ASSERT_TRUE(bell_.wait([&] { return handoff::ended(of(to, move.id).outcome); })) << i;
  }
}

TEST_F(Movers, SayWhyAMoveWouldBeRefused) {
  a_.forbidden = {"b"};
  start();
  EXPECT_NE(refused({.domain = "web1", .peer = "b"}).find("denies it on node b"), std::string::npos);
  EXPECT_NE(refused({.domain = "web9", .peer = "b"}).find("not declared"), std::string::npos);
  EXPECT_NE(refused({.domain = "web1", .peer = "c"}).find("no peer"), std::string::npos);
}

TEST_F(Movers, SayWhyTheOtherNodeRefuses) {
  start();
  EXPECT_EQ(refused({.domain = "web1", .peer = "b"}), "");
  ASSERT_TRUE(b_.store->remove(Kind::service, "names", {}, {}));
  EXPECT_NE(refused({.domain = "web1", .peer = "b"}).find("no service names"), std::string::npos);
  b_.declare({service("names"), {.metadata = {.name = "gold"}, .spec = Sla{.rate = 5}}});
  EXPECT_NE(refused({.domain = "web1", .peer = "b"}).find("Sla gold says something else"), std::string::npos);
  ASSERT_TRUE(b_.store->remove(Kind::sla, "gold", {}, {}));
  b_.declare({domain("web1", {{"may", "yes"}}), binding("own", "web1", "dns")});
  EXPECT_NE(refused({.domain = "web1", .peer = "b"}).find("that node's own"), std::string::npos);
  const Migration move = started(a_, {.domain = "web1", .peer = "b"});
  EXPECT_EQ(ended(a_, move.id).outcome, Outcome::cancelled);
  EXPECT_NE(of(a_, move.id).reason.find("that node's own"), std::string::npos);
  EXPECT_TRUE(a_.serves("web1-dns"));
}

TEST_F(Movers, RefuseANodeWhoseClockIsWrong) {
  a_.clock.wrong_by = std::chrono::minutes{5};
  start();
  EXPECT_NE(refused({.domain = "web1", .peer = "b"}).find("clocks of a and b are 300 s apart"), std::string::npos)
      << refused({.domain = "web1", .peer = "b"});
}

TEST_F(Movers, RefuseADomainThatThePoliciesThereDeny) {
  start();
  a_.declare({domain("web3")});  // decide_by_label: it has no label that allows it, here neither
  a_.declare({binding("web3-dns", "web3", "dns")});
  EXPECT_EQ(refused({.domain = "web3", .peer = "b"}), "") << "what was denied here may be denied there";
}

TEST_F(Movers, FreezeAndCommitAtAnOrchestratorsWord) {
  start();
  const Migration move = started(a_, {.domain = "web1", .peer = "b", .manual = true});
  ASSERT_TRUE(bell_.wait([&] { return of(a_, move.id).waits_for == Word::freeze; }));
  EXPECT_FALSE(a_.mover->say(move.id, Word::commit)) << "it is not frozen";
  ASSERT_TRUE(a_.mover->say(move.id, Word::freeze));
  ASSERT_TRUE(bell_.wait([&] { return of(a_, move.id).waits_for == Word::commit; }));
  EXPECT_TRUE(a_.declares(Kind::domain, "web1"));
  ASSERT_TRUE(a_.mover->say(move.id, Word::commit));
  EXPECT_EQ(ended(a_, move.id).outcome, Outcome::done);
}

TEST_F(Movers, ServeOnAfterACancel) {
  start();
  const Migration move = started(a_, {.domain = "web1", .peer = "b", .manual = true});
  ASSERT_TRUE(bell_.wait([&] { return of(a_, move.id).waits_for == Word::freeze; }));
  ASSERT_TRUE(a_.mover->say(move.id, Word::freeze));
  ASSERT_TRUE(bell_.wait([&] { return of(a_, move.id).waits_for == Word::commit; }));
  EXPECT_FALSE(a_.mover->start({.domain = "web1", .peer = "b"})) << "it moves already";
  const auto cancelled = a_.mover->say(move.id, Word::cancel);
  ASSERT_TRUE(cancelled) << cancelled.error().message;
  EXPECT_EQ(cancelled->outcome, Outcome::cancelled);
  EXPECT_TRUE(bell_.wait([&] { return a_.backends.thawed() >= 1; }));
  EXPECT_TRUE(a_.serves("web1-dns"));
  EXPECT_TRUE(bell_.wait([&] { return of(b_, move.id).outcome == Outcome::cancelled; }));
  EXPECT_FALSE(b_.declares(Kind::domain, "web1"));
}

TEST_F(Movers, TakeBackWhatTheOtherNodeCannotServe) {
  b_.backends.problems = {{"web1-names", "no such device"}};
  start();
  const Migration move = started(a_, {.domain = "web1", .peer = "b"});
  EXPECT_EQ(ended(a_, move.id).outcome, Outcome::taken_back);
  EXPECT_NE(of(a_, move.id).reason.find("no such device"), std::string::npos) << of(a_, move.id).reason;
  EXPECT_TRUE(bell_.wait([&] { return a_.serves("web1-dns") && a_.serves("web1-names"); }));
  EXPECT_TRUE(bell_.wait([&] { return !b_.declares(Kind::domain, "web1"); }));
}

class LonelyMovers : public Movers {};

TEST_F(LonelyMovers, AreInDoubtAndServeNothingUntilTheOtherReturns) {
  start();
  cut_at_ = static_cast<int>(handoff::Verb::commit);
  const Migration move = started(a_, {.domain = "web1", .peer = "b"});
  ASSERT_TRUE(bell_.wait([&] { return of(a_, move.id).phase == handoff::Phase::commit && cut_; }));
  EXPECT_TRUE(bell_.wait([&] { return !a_.serves("web1-dns"); }));
  EXPECT_FALSE(b_.declares(Kind::domain, "web1"));
  EXPECT_FALSE(a_.mover->say(move.id, Word::cancel)) << "it is committed";
  cut_at_ = -1;
  cut_ = false;
  EXPECT_EQ(ended(a_, move.id).outcome, Outcome::done);
  EXPECT_TRUE(bell_.wait([&] { return b_.serves("web1-dns"); }));
}

TEST_F(Movers, TellWhatHappens) {
  start();
  const Migration move = started(a_, {.domain = "web1", .peer = "b"});
  ASSERT_EQ(ended(a_, move.id).outcome, Outcome::done);
  std::set<std::string> told;
  ASSERT_TRUE(bell_.wait([&] {
    const auto page = a_.store->events().after(0, 1000, [&](const Event& event) { return event.kind == "Migration"; });
    if (page)
      for (const Event& event : page->events) told.insert(event.type);
    return told.contains("migration.succeeded");
  }));
  for (const char* type : {"migration.started", "migration.frozen", "migration.committed"}) EXPECT_TRUE(told.contains(type)) << type;
  EXPECT_FALSE(a_.mover->samples().empty());
}

}  // namespace
}  // namespace vs::test
