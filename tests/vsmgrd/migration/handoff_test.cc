// The handoff between two keepers that hear each other at once: what each step asks for, and what is refused.
#include <functional>
#include <map>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "vsmgrd/migration/keeper.h"

namespace vs::handoff {
namespace {

using ::testing::HasSubstr;

// A node with a disk that takes everything until it is told not to.
struct Place {
  explicit Place(std::string name, Versions versions = {})
      : keeper(std::move(name), limits, versions,
               {.write = [this](const Entry& entry) -> Result<> {
                  if (full) return fail(ErrorCode::exhausted, "disk full");
                  written.push_back(entry);
                  return {};
                },
                .forget = [](const auto&) {},
                .judge = [this](const Message&) { return objection; },
                .random = [this] { return std::string(kSecretBytes - 2, 'a') + std::to_string(10 + ++randoms); }}) {}
  int randoms = 0;
  bool full = false;
  std::string objection;
  std::vector<Entry> written;
  Limits limits;
  Keeper keeper;
};

class Handoffs : public ::testing::Test {
 protected:
  Time now_{1'000};
  Place source_{"n1"};
  Place destination_{"n2"};
  std::vector<Message> sent_;
  std::vector<std::string> done_;  // deeds but messages, "n1 Freeze"
  bool destination_hears_ = true;
  std::function<bool(const Message&)> lost_;
  bool serves_ = true;

  std::string start(bool manual = false) {
    auto orders = source_.keeper.start({.domain = "web1", .peer = "n2", .manual = manual}, now_);
    EXPECT_TRUE(orders);
    const std::string id = orders->front().id;
    follow(source_, std::move(*orders));
    return id;
  }
  Place& place(const std::string& name) { return name == "n1" ? source_ : destination_; }

  void follow(Place& at, Orders orders) {
    for (const Order& order : orders) {
      if (const auto* send = std::get_if<Send>(&order.deed)) {
        sent_.push_back(send->message);
        if (send->message.to == "n2" && !destination_hears_) continue;
        if (lost_ && lost_(send->message)) continue;
        const auto copied = decode_message(encode(send->message));
        ASSERT_TRUE(copied) << copied.error().message;
        Place& to = place(copied->to);
        follow(to, to.keeper.hear(*copied, now_));
        continue;
      }
      const std::string name = &at == &source_ ? "n1 " : "n2 ";
      if (std::holds_alternative<Take>(order.deed)) {
        follow(at, at.keeper.happen(order.id, Taken{{{"b1", 1}, {"b2", 4}}, "{}", ""}, now_));
      } else if (std::holds_alternative<Freeze>(order.deed)) {
        done_.push_back(name + "freeze");
        follow(at, at.keeper.happen(order.id, Frozen{{{"b1", "{}"}}, ""}, now_));
      } else if (std::holds_alternative<Withdraw>(order.deed)) {
        done_.push_back(name + "withdraw");
        follow(at, at.keeper.happen(order.id, Withdrawn{}, now_));
      } else if (std::holds_alternative<Serve>(order.deed)) {
        done_.push_back(name + "serve");
        follow(at, at.keeper.happen(order.id, serves_ ? Event(Serving{}) : Event(NotServing{"no room"}), now_));
      } else if (std::holds_alternative<Stage>(order.deed)) {
        done_.push_back(name + "stage");
      } else if (std::holds_alternative<Thaw>(order.deed)) {
        done_.push_back(name + "thaw");
      } else if (std::holds_alternative<Release>(order.deed)) {
        done_.push_back(name + "release");
      } else if (std::holds_alternative<Drop>(order.deed)) {
        done_.push_back(name + "drop");
      }
    }
  }
  void pass(Time by) {
    const Time until = now_ + by;
    while (std::min(source_.keeper.next(), destination_.keeper.next()) <= until) {
      now_ = std::max(now_, std::min(source_.keeper.next(), destination_.keeper.next()));
      follow(source_, source_.keeper.tick(now_));
      follow(destination_, destination_.keeper.tick(now_));
    }
    now_ = until;
  }
  const Record& of(Place& at, const std::string& id) { return at.keeper.records().at(id); }
};

TEST_F(Handoffs, GoThroughAllPhasesAndMoveTheEpochs) {
  const std::string id = start();
  pass(Time{10'000});
  EXPECT_EQ(of(source_, id).outcome, Outcome::done);
  EXPECT_EQ(of(destination_, id).outcome, Outcome::done);
  EXPECT_EQ(source_.keeper.may_serve("b2"), std::nullopt);
  EXPECT_EQ(destination_.keeper.may_serve("b2"), 5u);
  EXPECT_THAT(done_, ::testing::ElementsAre("n1 freeze", "n1 withdraw", "n2 stage", "n2 serve", "n1 release"));
}

TEST_F(Handoffs, WriteEachPhaseOnceBeforeItActs) {
  start();
  std::vector<std::string> phases;
  for (const Entry& entry : source_.written) phases.emplace_back(name_of(entry.record.phase));
  EXPECT_THAT(phases, ::testing::ElementsAre("check", "begin", "prepare", "transfer", "freeze", "commit", "finish", "confirm", "confirm"))
      << "the destination says unasked that it serves";
  pass(Time{10'000});
  for (const Entry& entry : source_.written)
    EXPECT_EQ(entry.standings.size(), entry.record.phase == Phase::commit ? 2u : 0u) << name_of(entry.record.phase);
}

TEST_F(Handoffs, AreRefusedInWordsByADestinationThatObjects) {
  destination_.objection = "node n2 offers no service camera";
  const std::string id = start();
  EXPECT_EQ(of(source_, id).outcome, Outcome::cancelled);
  EXPECT_THAT(of(source_, id).reason, HasSubstr("offers no service camera"));
  EXPECT_TRUE(destination_.keeper.records().empty());
}

TEST_F(Handoffs, OfADomainThatMovesAlreadyAreRefused) {
  const std::string id = start(true);
  const auto twice = source_.keeper.start({.domain = "web1", .peer = "n2"}, now_);
  ASSERT_FALSE(twice);
  EXPECT_EQ(twice.error().code, ErrorCode::conflict);
  EXPECT_THAT(twice.error().message, HasSubstr("moves already"));
  const auto back = destination_.keeper.start({.domain = "web1", .peer = "n1"}, now_);
  EXPECT_FALSE(back);
  EXPECT_EQ(of(source_, id).outcome, Outcome::running);
}

TEST_F(Handoffs, SpeakTheOlderVersionWithAnOlderNode) {
  Place old("n2", {.oldest = 1, .newest = 1});
  const auto asked = source_.keeper.start({.domain = "web1", .peer = "n2"}, now_);
  const Message check = std::get<Send>(asked->front().deed).message;
  const Orders answers = old.keeper.hear(check, now_);
  source_.keeper.hear(std::get<Send>(answers.front().deed).message, now_);
  EXPECT_EQ(of(source_, check.id).version, 1);
  EXPECT_EQ(of(source_, check.id).phase, Phase::begin);
}

TEST_F(Handoffs, WithANodeOfNoCommonVersionAreRefusedInWords) {
  Place newer("n2", {.oldest = 3, .newest = 4});
  const auto asked = source_.keeper.start({.domain = "web1", .peer = "n2"}, now_);
  const Message check = std::get<Send>(asked->front().deed).message;
  const Orders answers = newer.keeper.hear(check, now_);
  source_.keeper.hear(std::get<Send>(answers.front().deed).message, now_);
  EXPECT_EQ(of(source_, check.id).outcome, Outcome::cancelled);
  EXPECT_THAT(of(source_, check.id).reason, HasSubstr("speaks versions 1 to 2 of the protocol, node n2 3 to 4"));
}

TEST_F(Handoffs, DoNotBelieveACookieThatWasAltered) {
  const std::string id = start(true);
  Message go = sent_.back();
  go = answer_to(go, Answer::none);
  go.from = "n1";
  go.to = "n2";
  go.verb = Verb::commit;
  for (const std::string& cookie : {std::string(), std::string(64, '0'), sent_.back().cookie}) {
    go.cookie = cookie;  // the last: of another message, replayed
    const Orders orders = destination_.keeper.hear(go, now_);
    ASSERT_EQ(orders.size(), 1u);
    const Message& no = std::get<Send>(orders.front().deed).message;
    EXPECT_EQ(no.answer, Answer::refused);
    EXPECT_THAT(no.reason, HasSubstr("cookie"));
  }
  EXPECT_EQ(of(destination_, id).phase, Phase::transfer);
  EXPECT_EQ(destination_.keeper.counts().refused_messages, 3u);
}

TEST_F(Handoffs, WaitForAnOrchestratorsWordsAndThawByThemselves) {
  const std::string id = start(true);
  EXPECT_EQ(of(source_, id).phase, Phase::transfer);
  EXPECT_FALSE(source_.keeper.say(id, Word::commit, now_)) << "it is not frozen";
  pass(Time{60'000});
  EXPECT_EQ(of(destination_, id).outcome, Outcome::running) << "its lease was renewed";
  follow(source_, *source_.keeper.say(id, Word::freeze, now_));
  EXPECT_EQ(of(source_, id).phase, Phase::freeze);
  pass(Time{3'000});
  EXPECT_EQ(of(source_, id).outcome, Outcome::cancelled);
  EXPECT_EQ(of(destination_, id).outcome, Outcome::cancelled);
  EXPECT_EQ(done_.back(), "n2 drop");
  EXPECT_EQ(source_.keeper.may_serve("b1"), 1u);
}

TEST_F(Handoffs, AreCancelledBeforeTheCommitAndSayNoAfterIt) {
  const std::string early = start(true);
  follow(source_, *source_.keeper.say(early, Word::cancel, now_));
  EXPECT_EQ(of(destination_, early).outcome, Outcome::cancelled);
  const std::string late = start(true);
  follow(source_, *source_.keeper.say(late, Word::freeze, now_));
  destination_hears_ = false;
  follow(source_, *source_.keeper.say(late, Word::commit, now_));
  const auto said = source_.keeper.say(late, Word::cancel, now_);
  ASSERT_FALSE(said);
  EXPECT_THAT(said.error().message, HasSubstr("node n2 owns the bindings"));
}

TEST_F(Handoffs, TellADestinationOfACancelAsSoonAsItSaysThatItIsPrepared) {
  lost_ = [](const Message& message) { return message.verb == Verb::prepare && message.answer == Answer::ok; };
  const std::string id = start();
  const Message prepared = sent_.back();
  follow(source_, *source_.keeper.say(id, Word::cancel, now_));
  EXPECT_EQ(of(destination_, id).outcome, Outcome::running) << "it has no secret of the source's that it could be told by";
  follow(source_, source_.keeper.hear(prepared, now_));
  EXPECT_EQ(of(destination_, id).outcome, Outcome::cancelled);
  EXPECT_FALSE(of(source_, id).untold);
  EXPECT_TRUE(source_.keeper.hear(prepared, now_).empty()) << "once is enough";
}

TEST_F(Handoffs, CountACancelThatTheDiskDoesNotTake) {
  const std::string id = start(true);
  source_.full = true;
  ASSERT_TRUE(source_.keeper.say(id, Word::cancel, now_));
  EXPECT_EQ(of(source_, id).outcome, Outcome::cancelled);
  source_.full = false;
  const std::size_t before = source_.written.size();
  pass(Time{5'000});
  ASSERT_GT(source_.written.size(), before) << "it is written later";
  EXPECT_EQ(source_.written.back().record.outcome, Outcome::cancelled);
}

TEST_F(Handoffs, DoNotCommitWhatTheDiskDoesNotTake) {
  const std::string id = start(true);
  follow(source_, *source_.keeper.say(id, Word::freeze, now_));
  source_.full = true;
  EXPECT_FALSE(source_.keeper.say(id, Word::commit, now_));
  EXPECT_EQ(of(source_, id).phase, Phase::freeze);
  EXPECT_EQ(source_.keeper.may_serve("b1"), 1u);
}

TEST_F(Handoffs, AreTakenBackWhenTheDestinationCannotServe) {
  serves_ = false;
  const std::string id = start();
  pass(Time{10'000});
  EXPECT_EQ(of(source_, id).outcome, Outcome::taken_back);
  EXPECT_THAT(of(source_, id).reason, HasSubstr("no room"));
  EXPECT_EQ(source_.keeper.may_serve("b2"), 6u);
  EXPECT_EQ(destination_.keeper.may_serve("b2"), std::nullopt);
}

TEST_F(Handoffs, DoubtADestinationThatVanishedAfterTheCommit) {
  const std::string id = start(true);
  follow(source_, *source_.keeper.say(id, Word::freeze, now_));
  destination_hears_ = false;
  follow(source_, *source_.keeper.say(id, Word::commit, now_));
  pass(Time{15'000});
  EXPECT_EQ(of(source_, id).outcome, Outcome::in_doubt);
  EXPECT_EQ(source_.keeper.may_serve("b1"), std::nullopt);
  EXPECT_FALSE(source_.keeper.say(id, Word::cancel, now_));
  destination_hears_ = true;
  pass(Time{10'000});
  EXPECT_EQ(of(source_, id).outcome, Outcome::done) << "it came back";
}

TEST_F(Handoffs, InDoubtEndByAnOperatorsWord) {
  const std::string id = start(true);
  follow(source_, *source_.keeper.say(id, Word::freeze, now_));
  destination_hears_ = false;
  follow(source_, *source_.keeper.say(id, Word::commit, now_));
  EXPECT_FALSE(source_.keeper.say(id, Word::take_back, now_)) << "there is no doubt yet";
  pass(Time{15'000});
  follow(source_, *source_.keeper.say(id, Word::take_back, now_));
  EXPECT_EQ(of(source_, id).outcome, Outcome::taken_back);
  EXPECT_EQ(source_.keeper.may_serve("b2"), 6u);
}

TEST_F(Handoffs, LeaveADestinationThatWasGoneInDoubtUntilTheSourceHasSpoken) {
  const std::string id = start();
  Record before = of(destination_, id);
  before.phase = Phase::confirm;
  before.outcome = Outcome::running;
  Place again("n2");
  const Orders asked = again.keeper.load({before}, {{"b1", 2, "n2"}}, now_);
  EXPECT_EQ(again.keeper.records().at(id).outcome, Outcome::in_doubt);
  EXPECT_EQ(again.keeper.may_serve("b1"), std::nullopt);
  const Orders question = again.keeper.tick(now_);
  ASSERT_FALSE(question.empty());
  EXPECT_EQ(std::get<Send>(question.front().deed).message.verb, Verb::ask);
  const Orders answers = source_.keeper.hear(std::get<Send>(question.front().deed).message, now_);
  Message late = std::get<Send>(answers.front().deed).message;
  late.nonce = "another";
  again.keeper.hear(late, now_);
  EXPECT_EQ(again.keeper.may_serve("b1"), std::nullopt) << "an old answer is none";
  again.keeper.hear(std::get<Send>(answers.front().deed).message, now_);
  EXPECT_EQ(again.keeper.may_serve("b1"), 2u);
}

TEST_F(Handoffs, AreNotOfferedByAnEpochThatIsOver) {
  Place stale("n2");
  stale.keeper.load({}, {{"b1", 9, "n3"}}, now_);
  Message prepare{.id = "x", .verb = Verb::prepare, .from = "n1", .to = "n2", .domain = "web1", .secret = std::string(64, 'a'),
                  .bindings = {{"b1", 8}}};
  const Orders orders = stale.keeper.hear(prepare, now_);
  EXPECT_THAT(std::get<Send>(orders.front().deed).message.reason, HasSubstr("offers epoch 8, node n2 knows epoch 9, owned by n3"));
}

TEST(HandoffMessage, ThatIsNoneIsRefusedByItsMember) {
  const auto why = [](const char* text) { return decode_message(nlohmann::json::parse(text)).error().message; };
  EXPECT_THAT(why("[]"), HasSubstr("not an object"));
  EXPECT_THAT(why(R"({"id":"a","verb":"dance"})"), HasSubstr("verb is none of the protocol"));
  EXPECT_THAT(why(R"({"verb":"check"})"), HasSubstr("id is missing"));
  EXPECT_THAT(why(R"({"id":"a","verb":"check","shell":"rm"})"), HasSubstr("shell is not known"));
  EXPECT_THAT(why(R"({"id":"a","verb":"check","bindings":[{"name":"b","epoch":-1}]})"), HasSubstr("epoch is not a number"));
}

}  // namespace
}  // namespace vs::handoff
