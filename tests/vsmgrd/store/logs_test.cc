// What a change leaves behind it: events, audit rows, records of decisions, policies of before; and
// the tables that have a life of their own.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/vsmgrd/store/objects.h"
#include "tests/vsmgrd/store/temp_directory.h"
#include "vsmgrd/store/sqlite.h"

namespace vs::test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

const Actor kAnna{"uid:1000", "operator", "unix", "r-1"};

class Logs : public ::testing::Test {
 protected:
  std::unique_ptr<Store> open() { return open_store(directory_.database(), clock_); }
  // Behind the store's back.
  void run(const std::string& sql) {
    auto database =
        Database::open(directory_.database().string(), SQLITE_OPEN_READWRITE, "test.db");
    ASSERT_TRUE(database);
    ASSERT_TRUE(database->run(sql)) << sql;
  }
  static std::vector<std::string> types_after(Store& store, std::int64_t id) {
    std::vector<std::string> types;
    const auto page = store.events().after(id, 1000);
    for (const Event& event : page->events)
      types.push_back(event.type + ' ' + event.name);
    return types;
  }
  static void give_all(Store& store) {
    ASSERT_TRUE(store.apply({domain("web1", {{"may", "yes"}}), service("dns"),
                             binding("one", "web1", "dns"), policy("p")},
                            {.actor = kAnna}));
  }

  TempDirectory directory_;
  ManualClock clock_;
};

TEST_F(Logs, AChangeIsAnEventForEachObjectAndSaysWho) {
  const auto store = open();
  std::vector<std::string> heard;
  store->events().on_event([&](const Events& events) {
    for (const auto& event : events) heard.push_back(event->type);
  });
  give_all(*store);
  EXPECT_THAT(types_after(*store, 0), ElementsAre("domain.created web1", "service.created dns",
                                                  "binding.created one", "access-policy.created p"));
  EXPECT_THAT(heard, SizeIs(4));
  EXPECT_EQ(store->events().after(0, 1)->events[0].actor, kAnna);
  EXPECT_EQ(store->snapshot().event_id, store->events().newest());
  ASSERT_TRUE(store->apply({domain("web1", {{"may", "yes"}})}, {}));
  EXPECT_EQ(store->events().newest(), 4) << "what was so already is no event";
  ASSERT_TRUE(store->apply({domain("web1")}, {}));
  EXPECT_THAT(types_after(*store, 4), ElementsAre("domain.updated web1", "binding.decided one"));
  ASSERT_TRUE(store->observe({observed(Kind::binding, "one", State::denied)}));
  EXPECT_THAT(types_after(*store, 6), ElementsAre("binding.denied one"));
}

TEST_F(Logs, EventsGoOnFromAnyNumberAlsoAfterARestart) {
  {
    const auto store = open();
    for (int i = 0; i < 30; ++i)
      ASSERT_TRUE(store->apply({domain("d" + std::to_string(i))}, {}));
  }
  const auto store = open();
  std::int64_t at = 0;
  int seen = 0;
  for (bool more = true; more;) {
    const auto page = store->events().after(at, 7);
    ASSERT_TRUE(page);
    for (const Event& event : page->events) EXPECT_EQ(event.id, ++seen);
    at = page->next;
    more = page->more;
  }
  EXPECT_EQ(seen, 30);
  const auto page =
      store->events().after(0, 1000, [](const Event& event) { return event.name == "d29"; });
  EXPECT_THAT(page->events, SizeIs(1));
  EXPECT_EQ(page->next, 30);
}

TEST_F(Logs, EventsThatWereTrimmedAreToldToBeGone) {
  {
    const auto store = open();
    for (int i = 0; i < 5; ++i) ASSERT_TRUE(store->apply({domain("d" + std::to_string(i))}, {}));
  }
  run("DELETE FROM event WHERE id <= 3");
  const auto store = open();
  EXPECT_TRUE(store->events().after(2, 10)->gone);
  EXPECT_FALSE(store->events().after(3, 10)->gone);
  EXPECT_EQ(store->events().oldest(), 4);
  EXPECT_TRUE(store->events().after(99, 10)->gone) << "of another database";
}

TEST_F(Logs, TheAuditNamesWhoTheVersionsAndTheDecision) {
  const auto store = open();
  give_all(*store);
  ASSERT_TRUE(store->remove(Kind::binding, "one", {}, {.actor = kAnna}));
  const auto entries = store->audit().list({.kind = "Binding"});
  ASSERT_TRUE(entries);
  ASSERT_THAT(*entries, SizeIs(2));
  EXPECT_EQ((*entries)[0].verb, "delete");
  EXPECT_EQ((*entries)[0].old_version, 1);
  EXPECT_EQ((*entries)[0].new_version, 0);
  EXPECT_EQ((*entries)[1].verb, "create");
  EXPECT_EQ((*entries)[1].actor, kAnna);
  EXPECT_EQ((*entries)[1].decision, 1);
  const auto decision = store->decisions().get(1);
  ASSERT_TRUE(decision);
  EXPECT_EQ(decision->domain_labels, (Labels{{"may", "yes"}}));
  EXPECT_TRUE(decision->decision.allowed);
  EXPECT_EQ(decision->principal, "uid:1000");
  EXPECT_EQ(store->decisions().get(7).error().code, ErrorCode::not_found);
}

TEST_F(Logs, AnyEditOfTheAuditIsFound) {
  {
    const auto store = open();
    give_all(*store);
    ASSERT_TRUE(store->audit().append(
        {.actor = kAnna, .verb = "PUT /v1/domains/{name}", .outcome = "refused", .code = "denied"}));
    EXPECT_TRUE(store->audit().verify()->sound);
    EXPECT_EQ(store->audit().verify()->rows, 5);
  }
  const std::string original = directory_.database().string() + ".original";
  std::filesystem::copy_file(directory_.database(), original);
  const std::vector<std::pair<std::string, std::int64_t>> edits{
      {"UPDATE audit SET principal = 'uid:0' WHERE id = 2", 2},
      {"UPDATE audit SET message = ' ' WHERE id = 5", 5},
      {"UPDATE audit SET at = '2020-01-01T00:00:00.000Z' WHERE id = 1", 1},
      {"UPDATE audit SET old_version = 9 WHERE id = 3", 3},
      {"UPDATE audit SET outcome = 'done' WHERE id = 5", 5},
      {"DELETE FROM audit WHERE id = 3", 4},
      {"UPDATE audit SET id = 9 WHERE id = 5", 9},
      {"UPDATE audit SET verb = kind, kind = verb WHERE id = 1", 1},
      {"DELETE FROM audit WHERE id = 1", 2},
  };
  for (const auto& [edit, at] : edits) {
    std::filesystem::copy_file(original, directory_.database(),
                               std::filesystem::copy_options::overwrite_existing);
    run(edit);
    const auto verdict = open()->audit().verify();
    ASSERT_TRUE(verdict);
    EXPECT_FALSE(verdict->sound) << edit;
    EXPECT_EQ(verdict->broken_at, at) << edit;
  }
}

TEST_F(Logs, ADryRunLeavesNoTrace) {
  const auto store = open();
  const Once once{{"uid:1000", "k", "f"}, [](const ApplyOutcome&) { return StoredReply{}; }};
  ASSERT_TRUE(store->apply({domain("web1")}, {.dry_run = true, .actor = kAnna, .once = once}));
  EXPECT_EQ(store->events().newest(), 0);
  EXPECT_THAT(*store->audit().list({}), IsEmpty());
  EXPECT_FALSE(*store->idempotency().find("uid:1000", "k"));
}

TEST_F(Logs, ARepeatedRequestIsAnsweredAndNotDoneAgain) {
  const auto once = [](const std::string& fingerprint) {
    return WriteOptions{.actor = kAnna,
                        .once = Once{{"uid:1000", "key", fingerprint}, [](const ApplyOutcome& outcome) {
                                       return StoredReply{201, {{"ETag", "\"1\""}},
                                                          std::to_string(outcome.resource_version)};
                                     }}};
  };
  {
    const auto store = open();
    ASSERT_TRUE(store->put(domain("web1"), {Precondition::Expect::absent}, once("a")));
  }  // the process ended between commit and reply
  const auto store = open();
  const auto again = store->put(domain("web1"), {Precondition::Expect::absent}, once("a"));
  ASSERT_TRUE(again);
  ASSERT_TRUE(again->replayed);
  EXPECT_EQ(again->replayed->status, 201);
  EXPECT_EQ(again->replayed->body, "1");
  EXPECT_EQ(again->replayed->headers.at("ETag"), "\"1\"");
  EXPECT_EQ(store->resource_version(), 1);
  const auto other = store->put(domain("web2"), {}, once("b"));
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().code, "key_reused");
}

TEST_F(Logs, AnOperationOutlivesItsWorkerAndEndsOnce) {
  const auto store = open();
  OperationLog& operations = store->operations();
  const auto begun = operations.begin({.kind = "Backup", .cancellable = true, .actor = kAnna});
  ASSERT_TRUE(begun);
  ASSERT_TRUE(operations.progress(begun->id, {.phase = "copy", .done = 1, .total = 4, .unit = "pages", .cancellable = true}));
  EXPECT_EQ(operations.get(begun->id)->done, 1u);
  EXPECT_EQ(operations.request_cancel(begun->id, kAnna)->state, Operation::State::cancelling);
  EXPECT_TRUE(operations.cancel_requested(begun->id));
  ASSERT_TRUE(operations.finish(begun->id, {.state = Operation::State::cancelled, .reason = "Asked"}));
  EXPECT_EQ(operations.wait(begun->id, std::chrono::seconds{1})->state, Operation::State::cancelled);
  EXPECT_EQ(operations.finish(begun->id, {}).error().code, ErrorCode::conflict);
  EXPECT_EQ(operations.request_cancel(begun->id, kAnna).error().code, ErrorCode::conflict);
  EXPECT_EQ(operations.get("none").error().code, ErrorCode::not_found);
  EXPECT_THAT(*operations.list({}), SizeIs(1));
  EXPECT_THAT(types_after(*store, 0), SizeIs(4));
}

TEST_F(Logs, AnOperationThatCannotBeCancelledSaysSo) {
  const auto store = open();
  const auto begun = store->operations().begin({.kind = "Restore", .phase = "commit"});
  const auto refused = store->operations().request_cancel(begun->id, kAnna);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::conflict);
  EXPECT_THAT(refused.error().message, HasSubstr("can no longer be cancelled (phase commit)"));
}

TEST_F(Logs, OrphanedOperationsEndAsFailed) {
  std::string id;
  {
    const auto store = open();
    id = store->operations().begin({.kind = "Backup", .actor = kAnna})->id;
  }
  const auto store = open();
  const auto operation = store->operations().get(id);
  ASSERT_TRUE(operation);
  EXPECT_EQ(operation->state, Operation::State::failed);
  EXPECT_EQ(operation->reason, "DaemonRestart");
  EXPECT_TRUE(operation->finished_at);
  EXPECT_EQ(store->events().after(1, 10)->events.at(0).type, "operation.failed");
}

TEST_F(Logs, ATokenIsFoundByItsSecretUntilItEnds) {
  std::string old_secret, new_secret;
  {
    const auto store = open();
    const auto issued = store->tokens().issue(
        {.name = "ci", .role = "viewer", .scope = "env=prod", .lifetime = std::chrono::hours{2}}, kAnna);
    ASSERT_TRUE(issued);
    EXPECT_EQ(issued->secret.size(), 4u + 16 + 1 + 43);
    old_secret = issued->secret;
    EXPECT_EQ(store->tokens().issue({.name = "ci", .role = "viewer"}, kAnna).error().code,
              ErrorCode::conflict);
    const auto rotated = store->tokens().rotate(issued->token.id, std::chrono::hours{2},
                                                std::chrono::minutes{10}, kAnna);
    ASSERT_TRUE(rotated);
    new_secret = rotated->secret;
  }
  const std::string bytes = bytes_of(directory_.database()) +
                            bytes_of(directory_.database().string() + "-wal");
  EXPECT_EQ(bytes.find(old_secret), std::string::npos);
  EXPECT_EQ(bytes.find(new_secret.substr(21)), std::string::npos) << "a secret is never stored";
  const auto store = open();
  ASSERT_TRUE(store->tokens().find(new_secret));
  EXPECT_EQ(store->tokens().find(new_secret)->scope, "env=prod");
  EXPECT_TRUE(store->tokens().find(old_secret)) << "for a while";
  std::string forged = new_secret;
  forged.back() = forged.back() == 'A' ? 'B' : 'A';
  EXPECT_FALSE(store->tokens().find(forged));
  EXPECT_FALSE(store->tokens().find(""));
  EXPECT_FALSE(store->tokens().find("vst_0123456789abcdef_x"));
  clock_.advance(std::chrono::minutes{11});
  EXPECT_FALSE(store->tokens().find(old_secret));
  EXPECT_TRUE(store->tokens().find(new_secret));
  ASSERT_TRUE(store->tokens().revoke(store->tokens().list().at(0).id, kAnna));
  EXPECT_FALSE(store->tokens().find(new_secret));
}

TEST_F(Logs, TokensAreRefusedThatNobodyShouldHave) {
  const auto store = open();
  for (const TokenTable::Wanted& wanted : std::vector<TokenTable::Wanted>{
           {.name = "A", .role = "viewer"},
           {.name = "a", .role = "root"},
           {.name = "a", .role = "viewer", .lifetime = std::chrono::hours{24 * 91}},
           {.name = "a", .role = "viewer", .lifetime = std::chrono::seconds{0}}})
    EXPECT_EQ(store->tokens().issue(wanted, kAnna).error().code, ErrorCode::invalid);
}

TEST_F(Logs, OneProblemIsOneWarning) {
  {
    const auto store = open();
    WarningTable& warnings = store->warnings();
    for (int i = 0; i < 3; ++i)
      ASSERT_TRUE(warnings.raise({.type = "DiskFull", .kind = "Node", .name = "n", .message = "full"}));
    ASSERT_THAT(warnings.list(), SizeIs(1));
    EXPECT_EQ(warnings.list()[0].count, 3);
    ASSERT_TRUE(warnings.acknowledge(warnings.list()[0].id, kAnna));
    EXPECT_EQ(warnings.count_unresolved(), 1u);
  }
  const auto store = open();
  WarningTable& warnings = store->warnings();
  EXPECT_EQ(warnings.list().at(0).acknowledged_by, "uid:1000");
  ASSERT_TRUE(warnings.resolve("DiskFull", "Node", "n"));
  ASSERT_TRUE(warnings.resolve("DiskFull", "Node", "other"));
  EXPECT_EQ(warnings.count_unresolved(), 0u);
  ASSERT_TRUE(warnings.raise({.type = "DiskFull", .kind = "Node", .name = "n", .message = "full"}));
  EXPECT_EQ(warnings.list().at(0).status, Warning::Status::fresh) << "it came back";
  EXPECT_EQ(warnings.acknowledge("none", kAnna).error().code, ErrorCode::not_found);
}

TEST_F(Logs, PoliciesOfAnEarlierGenerationCanBePutBack) {
  const auto store = open();
  ASSERT_TRUE(store->apply({policy("a", "one"), policy("b", "one")}, {}));
  ASSERT_TRUE(store->apply({policy("a", "two")}, {}));
  ASSERT_TRUE(store->remove(Kind::access_policy, "b", {}, {}));
  ASSERT_TRUE(store->apply({policy("c", "three")}, {}));
  EXPECT_EQ(store->desired()->policy_generation, 4);
  ASSERT_THAT(*store->policy_history().list(), SizeIs(4));
  auto first = store->policy_history().policies(1);
  ASSERT_TRUE(first);
  ASSERT_THAT(*first, SizeIs(2));
  const auto is_policy = [](const Resource& resource) {
    return resource.kind() == Kind::access_policy || resource.kind() == Kind::sharing_policy;
  };
  const auto back = store->apply(std::move(*first), {.prune = is_policy});
  ASSERT_TRUE(back);
  const Desired now = *store->desired();
  EXPECT_EQ(now.policies.size(), 2u);
  EXPECT_EQ(std::get<AccessPolicySpec>(now.policies.at("a").spec).rules[0].message, "one");
  EXPECT_FALSE(now.policies.contains("c"));
  EXPECT_EQ(store->policy_history().policies(99).error().code, ErrorCode::not_found);
}

TEST_F(Logs, PruningTakesWhatIsNotGivenAndNothingThatIsNeeded) {
  const auto store = open();
  give_all(*store);
  const auto labelled = [](const Resource& resource) { return resource.metadata.labels.contains("may"); };
  const auto refused = store->apply({policy("p")}, {.prune = labelled});
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().error.message, HasSubstr("Binding \"one\" refers to Domain \"web1\""));
  ASSERT_TRUE(store->remove(Kind::binding, "one", {}, {}));
  const auto pruned = store->apply({policy("p")}, {.prune = labelled});
  ASSERT_TRUE(pruned);
  ASSERT_THAT(pruned->changes, SizeIs(2));
  EXPECT_EQ(pruned->changes[1].action, Action::deleted);
  EXPECT_EQ(pruned->changes[1].before->metadata.name, "web1");
}

}  // namespace
}  // namespace vs::test
