// Applies that take their time, as operations.

#include <future>
#include <thread>

#include "tests/vsmgrd/api/rest_fixture.h"

namespace vs::http {
namespace {

constexpr int kMany = 150;  // more than an apply may write and be no operation

class ApplyOperation : public RestFixture {
 protected:
  static json files(int domains, const std::string& more = "") {
    std::string text;
    for (int number = 0; number < domains; ++number)
      text += "---\napiVersion: vservices/v1\nkind: Domain\nmetadata: {name: d" + std::to_string(number) +
              "}\nspec: {type: sandbox}\n";
    return {{"files", {{{"name", "many.yaml"}, {"text", text + more}}}}};
  }
  json ended(const std::string& id) {
    for (;;) {
      const Response response = ask("GET", "/v1/operations/" + id + "/wait?timeout=20s");
      if (response.status != 202) return parsed(response);
    }
  }
  // The writer has other things to do until the promise is kept.
  void hold_writer() {
    store_->refuse_misfits([this](const Desired&, const Desired&) {
      if (!std::exchange(held_, true)) {
        holding_.set_value();
        released_.get_future().wait();
      }
      return std::vector<vs::Problem>();
    });
  }
  std::size_t count_domains() { return store_->list(Kind::domain)->size(); }
  std::size_t count_operations() { return parsed(ask("GET", "/v1/operations"))["items"].size(); }

  bool held_ = false;
  std::promise<void> holding_;
  std::promise<void> released_;
};

TEST_F(ApplyOperation, OfFewObjectsIsNone) {
  EXPECT_EQ(ask("POST", "/v1/apply", files(3)).status, 200);
  EXPECT_EQ(count_operations(), 0u);
}

TEST_F(ApplyOperation, ThatEndsInTimeAnswersAsEveryApply) {
  const Response many = ask("POST", "/v1/apply", files(kMany), {{"prefer", "respond-async, wait=20"}});
  ASSERT_EQ(many.status, 200) << many.body;
  EXPECT_EQ(parsed(many)["changes"].size(), std::size_t{kMany});
  const json operation = parsed(ask("GET", "/v1/operations"))["items"][0];
  EXPECT_EQ(operation["kind"], "Apply");
  EXPECT_EQ(operation["state"], "succeeded");
}

TEST_F(ApplyOperation, IsAnsweredAtOnceWhenTheClientPrefersThat) {
  const Response begun = ask("POST", "/v1/apply", files(1), {{"prefer", "Respond-Async"}});
  ASSERT_EQ(begun.status, 202) << begun.body;
  const std::string id = parsed(begun)["id"];
  EXPECT_EQ(header(begun, "Location"), "/v1/operations/" + id);
  const json operation = ended(id);
  EXPECT_EQ(operation["state"], "succeeded");
  EXPECT_EQ(operation["result"]["changes"], (json{{{"kind", "Domain"}, {"name", "d0"}, {"action", "created"}}}));
  EXPECT_EQ(count_domains(), 1u);
}

TEST_F(ApplyOperation, OtherPreferencesAreIgnored) {
  for (const char* prefer : {"wait=1", "return=minimal", "respond-asynchronously", ",,;=", "wait=x, wait=99999999999999"})
    EXPECT_EQ(ask("POST", "/v1/apply", files(1), {{"prefer", prefer}}).status, 200) << prefer;
  EXPECT_EQ(count_operations(), 0u);
}

TEST_F(ApplyOperation, IsNotBegunForADryRunOrWhatCannotBeRead) {
  EXPECT_EQ(ask("POST", "/v1/apply?dryRun=true", files(kMany), {{"prefer", "respond-async"}}).status, 200);
  problem(ask("POST", "/v1/apply", files(kMany, "--- [\n"), {{"prefer", "respond-async"}}), 400);
  EXPECT_EQ(count_operations(), 0u);
}

TEST_F(ApplyOperation, ThatIsCancelledBeforeItCommitsChangesNothing) {
  hold_writer();
  const std::string id = parsed(ask("POST", "/v1/apply", files(kMany), {{"prefer", "respond-async"}}))["id"];
  holding_.get_future().wait();
  auto cancelled = std::async(std::launch::async, [&] { return ask("POST", "/v1/operations/" + id + ":cancel"); });
  while (!store_->operations().cancel_requested(id)) std::this_thread::yield();
  EXPECT_EQ(parsed(ask("GET", "/v1/operations/" + id))["state"], "cancelling") << "seen while the writer is busy";
  released_.set_value();
  EXPECT_EQ(cancelled.get().status, 202);
  const json operation = ended(id);
  EXPECT_EQ(operation["state"], "cancelled");
  EXPECT_EQ(operation["message"], "nothing was changed");
  EXPECT_EQ(count_domains(), 0u);
  EXPECT_EQ(problem(ask("POST", "/v1/operations/" + id + ":cancel"), 409)["code"], "not_cancellable");
}

TEST_F(ApplyOperation, ThatIsCancelledAfterItCommittedStays) {
  const std::string id = parsed(ask("POST", "/v1/apply", files(kMany), {{"prefer", "respond-async"}}))["id"];
  ASSERT_EQ(ended(id)["state"], "succeeded");
  EXPECT_EQ(problem(ask("POST", "/v1/operations/" + id + ":cancel"), 409)["code"], "not_cancellable");
  EXPECT_EQ(count_domains(), std::size_t{kMany});
}

TEST_F(ApplyOperation, ThatIsCancelledWhileItIsWaitedForIsNoSuccess) {
  hold_writer();
  auto applied = std::async(std::launch::async, [&] {
    return ask("POST", "/v1/apply", files(kMany), {{"prefer", "wait=20"}});
  });
  holding_.get_future().wait();
  const std::string id = parsed(ask("GET", "/v1/operations"))["items"][0]["id"];
  auto cancelled = std::async(std::launch::async, [&] { return ask("POST", "/v1/operations/" + id + ":cancel"); });
  while (!store_->operations().cancel_requested(id)) std::this_thread::yield();
  released_.set_value();
  cancelled.get();
  EXPECT_EQ(problem(applied.get(), 409)["code"], "stopped");
}

TEST_F(ApplyOperation, ThatIsRefusedSaysWhatIsWrong) {
  const std::string dangling =
      "---\napiVersion: vservices/v1\nkind: Binding\nmetadata: {name: b}\nspec: {domain: d0, service: nothing}\n";
  const json sync = problem(ask("POST", "/v1/apply", files(kMany, dangling), {{"prefer", "wait=20"}}), 400);
  const Response begun = ask("POST", "/v1/apply", files(kMany, dangling), {{"prefer", "respond-async"}});
  ASSERT_EQ(begun.status, 202);
  const json operation = ended(parsed(begun)["id"]);
  EXPECT_EQ(operation["state"], "failed");
  EXPECT_EQ(operation["reason"], "Refused");
  EXPECT_EQ(operation["result"]["problem"]["errors"], sync["errors"]) << "the same, with every place";
  EXPECT_EQ(operation["result"]["problem"]["status"], 400);
  EXPECT_EQ(count_domains(), 0u);
}

TEST_F(ApplyOperation, IsDoneOnceForItsKey) {
  hold_writer();
  const auto send = [&] {
    return ask("POST", "/v1/apply", files(kMany), {{"prefer", "respond-async"}, {"idempotency-key", "k"}});
  };
  const std::string id = parsed(send())["id"];
  holding_.get_future().wait();
  EXPECT_EQ(problem(send(), 409)["code"], "key_in_flight") << "while the operation goes on";
  released_.set_value();
  ASSERT_EQ(ended(id)["state"], "succeeded");
  Response again = send();
  while (again.status == 409) again = send();  // the operation ends with its transaction, the request just after
  EXPECT_EQ(again.status, 200);
  EXPECT_EQ(header(again, "Idempotency-Replayed"), "true");
  EXPECT_EQ(parsed(again)["changes"].size(), std::size_t{kMany});
  EXPECT_EQ(count_operations(), 1u);
}

TEST_F(ApplyOperation, CutOffByARestartHasFailed) {
  const auto begun = store_->operations().begin({.kind = "Apply", .cancellable = true});
  ASSERT_TRUE(begun);
  open_store(directory_.path() / "state.db");
  EXPECT_EQ(ended(begun->id)["reason"], "DaemonRestart");
}

TEST_F(ApplyOperation, OfAPolicyIsOneWhereManyBindingsAreDecided) {
  std::string text;
  for (int number = 0; number < kMany; ++number)
    text += "---\napiVersion: vservices/v1\nkind: Binding\nmetadata: {name: b" + std::to_string(number) +
            "}\nspec: {domain: d" + std::to_string(number) + ", service: dns}\n";
  put_all({{"/v1/services/dns", service("dns")}});
  ASSERT_EQ(ask("POST", "/v1/apply", files(kMany, text), {{"prefer", "wait=20"}}).status, 200);
  const std::string rule =
      "apiVersion: vservices/v1\nkind: AccessPolicy\nmetadata: {name: p}\nspec: {rules: [{id: a, effect: allow, "
      "message: all, match: {}}]}\n";
  const json one{{"files", {{{"name", "p.yaml"}, {"text", rule}}}}};
  const Response response = ask("POST", "/v1/apply", one, {{"prefer", "wait=20"}});
  ASSERT_EQ(response.status, 200) << response.body;
  EXPECT_EQ(parsed(response)["decisionsChanged"].size(), std::size_t{kMany});
  EXPECT_EQ(count_operations(), 2u);
}

}  // namespace
}  // namespace vs::http
