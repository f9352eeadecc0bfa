// Handoffs of two nodes with real databases: what the reconciler is told, before and after either node starts again.
#include "vsmgrd/handoffs/journal.h"

#include <memory>
#include <optional>
#include <string>

#include <gtest/gtest.h>

#include "tests/vsmgrd/store/objects.h"
#include "tests/vsmgrd/store/temp_directory.h"

namespace vs::test {
namespace {

using handoff::Event;
using handoff::Keeper;
using handoff::Order;
using handoff::Orders;
using handoff::Time;

// A node whose vsmgrd can be started again.
struct TestNode {
  explicit TestNode(std::string called) : name(std::move(called)) { start(Time{0}); }

  Orders start(Time now) {
    keeper.reset();
    journal.reset();
    store.reset();
    store = open_store(directory.database(), clock);
    journal.emplace(store->handoffs());
    keeper.emplace(name, handoff::Limits{}, handoff::Versions{},
                   Keeper::Hooks{.write = [this](const handoff::Entry& entry) { return journal->write(entry); },
                                 .forget = [this](const auto& ids) { journal->forget(ids); },
                                 .judge = {},
                                 .random = handoff::random_secret});
    auto kept = journal->read();
    EXPECT_TRUE(kept) << kept.error().message;
    return keeper->load(std::move(kept->records), std::move(kept->standings), now);
  }
  [[nodiscard]] Ownership of(const std::string& binding) const {
    const Owners owners = owners_of(*keeper, name);
    const auto found = owners.find(binding);
    return found == owners.end() ? Ownership{} : found->second;
  }

  std::string name;
  TempDirectory directory;
  ManualClock clock;
  std::unique_ptr<Store> store;
  std::optional<HandoffJournal> journal;
  std::optional<Keeper> keeper;
};

class HandoffJournals : public ::testing::Test {
 protected:
  TestNode source_{"n1"};
  TestNode destination_{"n2"};
  Time now_{1};
  bool connected_ = true;

  void follow(TestNode& at, Orders orders) {
    for (const Order& order : orders) {
      const auto happen = [&](const Event& event) { follow(at, at.keeper->happen(order.id, event, now_)); };
      if (const auto* sent = std::get_if<handoff::Send>(&order.deed)) {
        TestNode& to = sent->message.to == "n1" ? source_ : destination_;
        if (connected_) follow(to, to.keeper->hear(sent->message, now_));
      } else if (std::holds_alternative<handoff::Take>(order.deed)) {
        happen(handoff::Taken{{{"web1-dns", 1}}, "{}", ""});
      } else if (std::holds_alternative<handoff::Freeze>(order.deed)) {
        if (cut_at_freeze_) connected_ = false;
        happen(handoff::Frozen{});
      } else if (std::holds_alternative<handoff::Withdraw>(order.deed)) {
        happen(handoff::Withdrawn{});
      } else if (std::holds_alternative<handoff::Serve>(order.deed)) {
        if (cut_at_serve_) connected_ = false;
        happen(handoff::Serving{});
      }
    }
  }
  void move() { follow(source_, *source_.keeper->start({.domain = "web1", .peer = "n2"}, now_)); }
  void pass(Time by) {
    const Time until = now_ + by;
    for (;;) {
      const Time next = std::min(source_.keeper->next(), destination_.keeper->next());
      if (next > until) break;
      now_ = std::max(now_, next);
      follow(source_, source_.keeper->tick(now_));
      follow(destination_, destination_.keeper->tick(now_));
    }
    now_ = until;
  }

  bool cut_at_freeze_ = false;
  bool cut_at_serve_ = false;
};

TEST_F(HandoffJournals, TellWhoOwnsWhatMovedOverRestarts) {
  EXPECT_TRUE(owners_of(*source_.keeper, "n1").empty()) << "nothing was ever moved";
  move();
  pass(Time{5'000});
  for (int restart = 0; restart < 2; ++restart) {
    EXPECT_EQ(source_.of("web1-dns"), (Ownership{.epoch = 2, .owner = "n2"}));
    EXPECT_EQ(destination_.of("web1-dns"), (Ownership{.epoch = 2, .owner = "n2", .here = true}));
    follow(source_, source_.start(now_));
    follow(destination_, destination_.start(now_));
  }
}

TEST_F(HandoffJournals, LeaveTheSourceUnservedWhenItStartsAgainAfterTheCommit) {
  cut_at_freeze_ = true;
  move();
  EXPECT_FALSE(source_.of("web1-dns").here);
  follow(source_, source_.start(now_));
  EXPECT_EQ(source_.of("web1-dns"), (Ownership{.epoch = 2, .owner = "n2"}));
  EXPECT_TRUE(owners_of(*destination_.keeper, "n2").empty()) << "it was never told GO";
  connected_ = true;
  pass(Time{5'000});
  EXPECT_TRUE(destination_.of("web1-dns").here) << "the source goes on where it was";
}

TEST_F(HandoffJournals, LeaveADestinationThatStartsAgainInDoubtUntilItHears) {
  cut_at_serve_ = true;
  move();  // the destination serves, and is not confirmed
  follow(destination_, destination_.start(now_));
  EXPECT_EQ(destination_.of("web1-dns"), (Ownership{.epoch = 2, .owner = "n2", .here = false, .in_doubt = true}));
  follow(destination_, destination_.start(now_));
  EXPECT_TRUE(destination_.of("web1-dns").in_doubt) << "another restart ends no doubt";
  cut_at_serve_ = false;
  connected_ = true;
  pass(Time{10'000});
  EXPECT_TRUE(destination_.of("web1-dns").here);
}

TEST_F(HandoffJournals, SayWhichRowCannotBeRead) {
  ASSERT_TRUE(source_.store->handoffs().save({.id = "odd", .role = "source", .domain = "web1", .peer = "n2", .phase = "dance",
                                              .outcome = "Running", .record = "{}", .lasts = {}}, {}));
  const auto kept = source_.journal->read();
  ASSERT_FALSE(kept);
  EXPECT_NE(kept.error().message.find("handoff odd"), std::string::npos) << kept.error().message;
}

}  // namespace
}  // namespace vs::test
