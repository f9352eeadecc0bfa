#include "vsmgrd/store/store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/vsmgrd/model/random_resource.h"
#include "tests/vsmgrd/store/objects.h"
#include "tests/vsmgrd/store/temp_directory.h"

namespace vs::test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Expect = Precondition::Expect;

class StoreTest : public ::testing::Test {
 protected:
  std::unique_ptr<Store> open() { return open_store(directory_.database(), clock_); }
  static nlohmann::json all_in(const Store& store) { return all_of(*store.desired()); }

  TempDirectory directory_;
  ManualClock clock_;
};

const std::vector<Resource> kGiven{written_at(domain("web1", {{"may", "yes"}}), "a.yaml", 1),
                                   domain("web2"),
                                   service("dns"),
                                   policy("p"),
                                   binding("one", "web1", "dns"),
                                   binding("two", "web2", "dns")};

TEST_F(StoreTest, IsEmptyAtFirst) {
  const auto store = open();
  EXPECT_EQ(store->resource_version(), 0);
  for (const Kind kind : kKinds) EXPECT_TRUE(store->list(kind)->empty());
  const auto view = store->get(Kind::domain, "web1");
  ASSERT_FALSE(view);
  EXPECT_EQ(view.error(), (Error{ErrorCode::not_found, "Domain \"web1\" does not exist"}));
}

TEST_F(StoreTest, WhatWasAppliedIsThereAfterReopening) {
  nlohmann::json before;
  {
    const auto store = open();
    const auto outcome = store->apply(kGiven, {});
    ASSERT_TRUE(outcome);
    EXPECT_EQ(outcome->changes.size(), kGiven.size());
    EXPECT_EQ(outcome->resource_version, 1);
    before = all_in(*store);
  }
  const auto store = open();
  EXPECT_EQ(all_in(*store), before);
  const auto view = store->get(Kind::binding, "one");
  ASSERT_TRUE(view);
  EXPECT_EQ(view->resource.metadata.created_at, clock_.wall());
  EXPECT_EQ(std::get<BindingSpec>(view->resource.spec).device, "dns");
}

TEST_F(StoreTest, DecisionsCommitWithWhatTheyAreAbout) {
  const auto store = open();
  const auto first = store->apply(kGiven, {});
  ASSERT_TRUE(first);
  EXPECT_TRUE(first->decisions_changed.at("one").allowed);
  EXPECT_FALSE(first->decisions_changed.at("two").allowed);
  EXPECT_TRUE(store->get(Kind::binding, "one")->decision->allowed);
  EXPECT_FALSE(store->get(Kind::binding, "two")->decision->allowed);
  EXPECT_FALSE(store->get(Kind::domain, "web1")->decision);

  const auto second = store->apply({domain("web2", {{"may", "yes"}})}, {});
  ASSERT_TRUE(second);
  ASSERT_EQ(second->decisions_changed.size(), 1u) << "only the one that differs";
  EXPECT_TRUE(second->decisions_changed.at("two").allowed);
  EXPECT_TRUE(store->desired()->decisions.at("two").allowed);
}

TEST_F(StoreTest, ARuleThatMovedIsNoChangedDecision) {
  {
    const auto store = open();
    ASSERT_TRUE(store->apply(kGiven, {}));
    int commits = 0;
    store->on_commit([&] { ++commits; });
    const auto moved =
        store->apply({written_at(domain("web1", {{"may", "yes"}}), "b.yaml", 40)}, {});
    ASSERT_TRUE(moved);
    EXPECT_EQ(moved->changes[0].action, Action::unchanged);
    EXPECT_TRUE(moved->decisions_changed.empty());
    EXPECT_EQ(moved->resource_version, 1);
    EXPECT_EQ(commits, 0);
  }
  const auto store = open();
  EXPECT_EQ(store->get(Kind::binding, "one")->decision->source, (Source{"b.yaml", 40, 1}));
  EXPECT_EQ(store->get(Kind::domain, "web1")->resource.metadata.sources.at("/spec").line, 41);
}

TEST_F(StoreTest, ApplyTwiceTouchesNothing) {
  const auto store = open();
  ASSERT_TRUE(store->apply(kGiven, {}));
  const auto before = all_in(*store);
  const std::string log = bytes_of(directory_.database().string() + "-wal");
  clock_.advance(std::chrono::hours{1});
  const auto again = store->apply(kGiven, {});
  ASSERT_TRUE(again);
  for (const Change& change : again->changes)
    EXPECT_EQ(change.action, Action::unchanged) << change.name;
  EXPECT_EQ(all_in(*store), before);
  EXPECT_EQ(bytes_of(directory_.database().string() + "-wal"), log);
}

TEST_F(StoreTest, ARefusedApplyChangesNothing) {
  const auto store = open();
  ASSERT_TRUE(store->apply(kGiven, {}));
  const auto before = all_in(*store);
  const auto refused = store->apply({domain("web3"), binding("x", "web4", "dns")}, {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().error.code, ErrorCode::invalid);
  EXPECT_EQ(all_in(*store), before);
}

TEST_F(StoreTest, ADryRunTellsAllAndLeavesTheFileAsItIs) {
  const auto store = open();
  ASSERT_TRUE(store->apply(kGiven, {}));
  const auto before = all_in(*store);
  const auto files = [&] {
    return std::pair(bytes_of(directory_.database()),
                     bytes_of(directory_.database().string() + "-wal"));
  };
  const auto bytes = files();
  ASSERT_FALSE(bytes.second.empty());
  int commits = 0;
  store->on_commit([&] { ++commits; });

  // Large enough not to fit SQLite's cache of 2 MB.
  std::vector<Resource> given{domain("web2", {{"may", "yes"}})};
  for (int i = 0; i < 4000; ++i)
    given.push_back(domain("d" + std::to_string(i), {{"text", std::string(1000, 'x')}}));
  const auto dry = store->apply(given, {.dry_run = true});
  ASSERT_TRUE(dry);
  EXPECT_EQ(dry->changes[0].action, Action::updated);
  EXPECT_EQ(dry->changes[1].action, Action::created);
  EXPECT_EQ(dry->resource_version, 2);
  EXPECT_TRUE(dry->decisions_changed.at("two").allowed);
  EXPECT_TRUE(store->put(domain("web9"), {}, {.dry_run = true}));
  EXPECT_TRUE(store->remove(Kind::binding, "one", {}, {.dry_run = true}));

  EXPECT_EQ(all_in(*store), before);
  EXPECT_TRUE(files() == bytes);
  EXPECT_EQ(commits, 0);
}

TEST_F(StoreTest, ADryRunRefusesWhatTheRealOneWould) {
  const auto store = open();
  ASSERT_TRUE(store->apply(kGiven, {}));
  EXPECT_EQ(store->remove(Kind::service, "dns", {}, {.dry_run = true}).error().error.code,
            ErrorCode::conflict);
  EXPECT_EQ(store->put(domain("web1"), {Expect::absent}, {.dry_run = true}).error().error.code,
            ErrorCode::conflict);
}

TEST_F(StoreTest, PutCreatesAndReplacesOne) {
  const auto store = open();
  EXPECT_EQ(store->put(domain("web1"), {Expect::absent}, {})->changes[0].action, Action::created);
  const auto stale = store->put(domain("web1", {{"a", "b"}}), {Expect::version, 9}, {});
  ASSERT_FALSE(stale);
  EXPECT_EQ(stale.error().error.code, ErrorCode::conflict);
  EXPECT_THAT(stale.error().error.message, HasSubstr("is at version 1"));
  const auto updated = store->put(domain("web1", {{"a", "b"}}), {Expect::version, 1}, {});
  ASSERT_TRUE(updated);
  EXPECT_EQ(updated->changes[0].action, Action::updated);
  EXPECT_EQ(store->get(Kind::domain, "web1")->resource.metadata.resource_version, 2);
}

TEST_F(StoreTest, RemovesWhatNothingRefersTo) {
  {
    const auto store = open();
    ASSERT_TRUE(store->apply(kGiven, {}));
    ASSERT_TRUE(store->observe({observed(Kind::binding, "one", State::bound)}));
    const auto refused = store->remove(Kind::domain, "web1", {}, {});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().problems.size(), 1u);
    ASSERT_TRUE(store->remove(Kind::binding, "one", {Expect::version, 1}, {}));
    const auto removed = store->remove(Kind::domain, "web1", {Expect::version, 1}, {});
    ASSERT_TRUE(removed);
    EXPECT_EQ(removed->changes[0].action, Action::deleted);
    EXPECT_EQ(removed->resource_version, 3);
    EXPECT_EQ(store->remove(Kind::domain, "web1", {}, {}).error().error.code, ErrorCode::not_found);
  }
  const auto store = open();
  EXPECT_FALSE(store->get(Kind::domain, "web1"));
  EXPECT_FALSE(store->get(Kind::binding, "one"));
  EXPECT_EQ(store->resource_version(), 3);
}

TEST_F(StoreTest, WhatIsMadeAgainIsNew) {
  const auto store = open();
  ASSERT_TRUE(store->put(domain("web1"), {}, {}));
  const std::string uid = store->get(Kind::domain, "web1")->resource.metadata.uid;
  ASSERT_TRUE(store->observe({observed(Kind::domain, "web1", State::ready)}));
  ASSERT_TRUE(store->remove(Kind::domain, "web1", {}, {}));
  ASSERT_TRUE(store->put(domain("web1"), {}, {}));
  const auto view = store->get(Kind::domain, "web1");
  EXPECT_NE(view->resource.metadata.uid, uid);
  EXPECT_EQ(view->resource.metadata.generation, 1);
  EXPECT_EQ(view->resource.metadata.resource_version, 3);
  EXPECT_FALSE(view->observed) << "what was seen was seen of another";
}

TEST_F(StoreTest, ListsByName) {
  const auto store = open();
  ASSERT_TRUE(store->apply({domain("c"), domain("a"), domain("b")}, {}));
  std::vector<std::string> names;
  const auto views = store->list(Kind::domain);
  for (const View& view : *views) names.push_back(view.resource.metadata.name);
  EXPECT_THAT(names, ElementsAre("a", "b", "c"));
}

TEST_F(StoreTest, CallsBackAfterEachChangeAndMayBeAskedThen) {
  const auto store = open();
  std::vector<std::int64_t> seen;
  store->on_commit([&] { seen.push_back(*store->resource_version()); });
  ASSERT_TRUE(store->put(domain("web1"), {}, {}));
  ASSERT_TRUE(store->put(domain("web1"), {}, {}));
  ASSERT_FALSE(store->put(domain("web1"), {Expect::absent}, {}));
  ASSERT_TRUE(store->observe({observed(Kind::domain, "web1", State::ready)}));
  ASSERT_TRUE(store->remove(Kind::domain, "web1", {}, {}));
  EXPECT_THAT(seen, ElementsAre(1, 2));
}

TEST_F(StoreTest, KeepsWhatWasObserved) {
  Observed first = observed(Kind::domain, "web1", State::ready, "serves");
  first.socket_directory = "/run/vservices/domains/web1";
  Observed second = observed(Kind::binding, "one", State::bound);
  second.refused_opens = 7;
  {
    const auto store = open();
    ASSERT_TRUE(store->apply(kGiven, {}));
    ASSERT_TRUE(store->observe({first, second, observed(Kind::domain, "gone", State::failed)}));
    ASSERT_TRUE(store->observe({observed(Kind::domain, "web2", State::pending)}));
    EXPECT_EQ(store->get(Kind::domain, "web1")->observed, first) << "not named, so kept";
  }
  const auto store = open();
  EXPECT_EQ(store->get(Kind::domain, "web1")->observed, first);
  EXPECT_EQ(store->get(Kind::binding, "one")->observed, second);
  EXPECT_EQ(store->get(Kind::domain, "web2")->observed->state, State::pending);
  EXPECT_FALSE(store->get(Kind::binding, "two")->observed);
  EXPECT_EQ(store->resource_version(), 1) << "what is seen is no change of what is asked";
}

TEST_F(StoreTest, AnUpdateKeepsWhatWasObserved) {
  const auto store = open();
  ASSERT_TRUE(store->apply(kGiven, {}));
  ASSERT_TRUE(store->observe({observed(Kind::domain, "web1", State::ready)}));
  ASSERT_TRUE(store->put(domain("web1", {{"x", "y"}}), {}, {}));
  EXPECT_EQ(store->get(Kind::domain, "web1")->observed->state, State::ready);
}

TEST_F(StoreTest, WhatIsSeenAgainIsNotWrittenAgain) {
  const auto store = open();
  ASSERT_TRUE(store->apply(kGiven, {}));
  ASSERT_TRUE(store->observe({observed(Kind::domain, "web1", State::ready)}));
  const std::string log = bytes_of(directory_.database().string() + "-wal");
  ASSERT_TRUE(store->observe({observed(Kind::domain, "web1", State::ready)}));
  EXPECT_EQ(bytes_of(directory_.database().string() + "-wal"), log);
}

// Whatever is done, what is read is what a plain map would hold, before and after reopening.
TEST_F(StoreTest, AgreesWithAPlainMap) {
  std::map<std::string, std::pair<Spec, Labels>> model;
  const auto compare = [&](const Store& store) {
    std::size_t count = 0;
    const Desired desired = *store.desired();
    for (const Kind kind : kKinds) {
      for (const auto& [name, resource] : desired.of(kind)) {
        const auto found = model.find(std::string(name_of(kind)) + name);
        ASSERT_NE(found, model.end()) << name;
        EXPECT_EQ(resource.spec, found->second.first);
        EXPECT_EQ(resource.metadata.labels, found->second.second);
        ++count;
      }
    }
    EXPECT_EQ(count, model.size());
  };
  for (std::uint32_t round = 0; round < 10; ++round) {
    const auto store = open();
    compare(*store);
    Chance chance(round);
    for (int step = 0; step < 20; ++step) {
      Resource resource = random_resource(chance);
      if (resource.kind() == Kind::binding) continue;  // would need what it refers to
      resource.metadata.name = "n" + std::to_string(chance.below(6));
      const std::string key = std::string(name_of(resource.kind())) + resource.metadata.name;
      if (chance.one_in(3)) {
        const auto removed = store->remove(resource.kind(), resource.metadata.name, {}, {});
        ASSERT_EQ(removed.has_value(), model.erase(key) == 1);
      } else {
        const auto put = store->put(resource, {}, {});
        ASSERT_TRUE(put) << ::testing::PrintToString(lines_of(put.error()));
        model.insert_or_assign(key, std::pair(resource.spec, resource.metadata.labels));
      }
    }
    compare(*store);
  }
}

}  // namespace
}  // namespace vs::test
