// A crash between doing and answering: what carries an Idempotency-Key is done once, whichever write
// was the last.

#include <set>
#include <string>

#include "tests/vsmgrd/api/rest_fixture.h"
#include "tests/vsmgrd/store/fault_vfs.h"

namespace vs::http {
namespace {

constexpr int kFaultsMax = 500;

class IdempotencyCrash : public RestFixture {
 protected:
  void SetUp() override {}
  void TearDown() override { close(); }
  void close() {  // the store goes before the disk
    dispatcher_.reset();
    background_.reset();
    store_.reset();
  }
  // Asks `target` with a key while the N-th write fails and all after it, for each N; then again with
  // a sound disk. `prepare` makes what it is about, `check` says what must be so in the end.
  template <class Prepare, class Check>
  void for_each_fault(const std::string& target, const json& body, const Prepare& prepare, const Check& check) {
    int faults = 0;
    int replays = 0;
    for (int passes = 0; passes < kFaultsMax; ++passes) {
      SCOPED_TRACE(passes);
      const test::TemporaryDirectory directory;
      const auto file = directory.path() / "state.db";
      open_store(file);
      prepare();
      disk_.fail_after(passes, SQLITE_IOERR_WRITE, true);
      ask("POST", target, body, {{"idempotency-key", "k"}});
      background_->jobs.stop();
      const bool struck = disk_.struck();
      close();
      disk_.fail_with(SQLITE_OK);
      open_store(file);
      const Response again = ask("POST", target, body, {{"idempotency-key", "k"}});
      ASSERT_LT(again.status, 300) << again.body;
      replays += header(again, "Idempotency-Replayed") == "true";
      check();
      if (HasFailure()) return;
      close();
      faults += struck;
      if (!struck) break;
    }
    EXPECT_GT(faults, 3);
    EXPECT_LT(faults, kFaultsMax) << "there was no end";
    EXPECT_GT(replays, 0) << "the last at least was done before";
  }

  test::FaultVfs disk_;
};

TEST_F(IdempotencyCrash, StartsAnOperationOnce) {
  for_each_fault("/v1/admin/doctor", nullptr, [] {}, [&] {
    const auto operations = store_->operations().list({});
    ASSERT_TRUE(operations);
    EXPECT_EQ(operations->size(), 1u);
  });
}

TEST_F(IdempotencyCrash, RollsPoliciesBackOnce) {
  for_each_fault(
      "/v1/policies:rollback", json::object(),
      [&] {
        ASSERT_EQ(ask("PUT", "/v1/policies/p", policy("p", "allow")).status, 201);
        ASSERT_EQ(ask("PUT", "/v1/policies/p", policy("p", "deny"), {{"if-match", "*"}}).status, 200);
      },
      [&] {
        EXPECT_EQ(store_->desired()->policy_generation, 3);
        const auto object = store_->get(Kind::access_policy, "p");
        ASSERT_TRUE(object);
        EXPECT_EQ(std::get<AccessPolicySpec>(object->resource.spec).rules[0].effect, Effect::allow);
      });
}

// What a POST changes, it changes together with its answer: a new route that does not is found here.
TEST_F(IdempotencyCrash, LeavesNoRouteThatKeepsItsAnswerAfterwards) {
  open_store(directory_.path() / "state.db");
  std::set<std::string> afterwards;
  const Router all = make_router(*store_, *background_, [] { return std::string(); });
  for (const Route& route : all.routes())
    if (route.method == "POST" && !route.keeps_key && !route.secret) afterwards.insert(route.path);
  EXPECT_EQ(afterwards, (std::set<std::string>{"/v1/diff", "/v1/explain", "/v1/migrations", "/v1/migrations/{id}:cancel",
                                               "/v1/migrations/{id}:commit", "/v1/migrations/{id}:freeze",
                                               "/v1/migrations/{id}:resolve", "/v1/policies:lint",
                                               "/v1/policies:simulate", "/v1/policies:test", "/v1/services/{name}:flush"}))
      << "these only read, or do the same when they are done twice";
}

}  // namespace
}  // namespace vs::http
