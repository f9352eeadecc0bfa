// What raises Warnings by itself, and resolves them by itself: rules on trial, and the disk.

#include <algorithm>
#include <functional>
#include <string>
#include <thread>

#include "tests/vsmgrd/api/rest_fixture.h"
#include "tests/vsmgrd/store/fault_vfs.h"

namespace vs::http {
namespace {

class WarningSources : public RestFixture {
 protected:
  void TearDown() override {  // the store goes before the disk
    dispatcher_.reset();
    background_.reset();
    store_.reset();
  }
  // The warning of this type about this object, as /v1/warnings shows it; null when there is none.
  json warning(const std::string& type, const std::string& name) {
    const json listed = parsed(ask("GET", "/v1/warnings"));
    for (const json& one : listed["items"])
      if (one["type"] == type && one["object"]["name"] == name) return one;
    return nullptr;
  }
  std::string status(const std::string& type, const std::string& name) {
    const json one = warning(type, name);
    return one.is_null() ? "none" : one["status"].get<std::string>();
  }
  // What is written beside the request comes when the writer has time: at most the test's own.
  static void wait_until(const std::function<bool()>& holds) {
    while (!holds()) std::this_thread::yield();
  }
  std::vector<std::string> events_of(const std::string& type, const std::string& reason) {
    std::vector<std::string> messages;
    const auto page = store_->events().after(0, 1000, [&](const Event& event) {
      return event.type == type && (reason.empty() || event.reason == reason);
    });
    EXPECT_TRUE(page);
    if (page)
      for (const Event& event : page->events) messages.push_back(event.message);
    return messages;
  }
  static json rules(const std::string& mode) {
    json document = policy("p", "allow");
    document["spec"]["rules"].push_back({{"id", "quarantine"},
                                         {"effect", "deny"},
                                         {"message", "web1 is to be quarantined"},
                                         {"mode", mode},
                                         {"match", {{"domains", {"web1"}}}}});
    return document;
  }
  void declare() {
    put_all({{"/v1/domains/web1", domain("web1")},
             {"/v1/services/dns", service("dns")},
             {"/v1/bindings/b", binding("b", "web1", "dns")}});
  }

  test::FaultVfs disk_;
};

TEST_F(WarningSources, TellOfARuleOnTrialThatWouldDeny) {
  declare();
  put_all({{"/v1/policies/p", rules("warn")}});
  EXPECT_TRUE(store_->get(Kind::binding, "b")->decision->allowed);
  const json raised = warning("TrialDenial", "p");
  ASSERT_FALSE(raised.is_null());
  EXPECT_EQ(raised["object"]["kind"], "AccessPolicy");
  EXPECT_EQ(raised["status"], "new");
  EXPECT_NE(raised["message"].get<std::string>().find("would deny 1 binding: b (denied by rule quarantine)"),
            std::string::npos)
      << raised;
  const auto told = events_of("binding.trial_denied", "OnTrial");
  ASSERT_EQ(told.size(), 1u);
  EXPECT_NE(told[0].find("rule quarantine of p would deny it: web1 is to be quarantined"), std::string::npos)
      << told[0];
  wait_until([&] { return events_of("warning.raised", "TrialDenial").size() == 1; });
}

TEST_F(WarningSources, ForgetATrialThatIsOver) {
  declare();
  put_all({{"/v1/policies/p", rules("warn")}});
  EXPECT_EQ(status("TrialDenial", "p"), "new");
  ASSERT_EQ(ask("PUT", "/v1/policies/p", rules("enforce"), {{"if-match", "*"}}).status, 200);
  EXPECT_EQ(status("TrialDenial", "p"), "resolved");
  EXPECT_FALSE(store_->get(Kind::binding, "b")->decision->allowed);
  ASSERT_EQ(ask("PUT", "/v1/policies/p", rules("warn"), {{"if-match", "*"}}).status, 200);
  EXPECT_EQ(status("TrialDenial", "p"), "new") << "raised again";
  ASSERT_EQ(ask("DELETE", "/v1/bindings/b", nullptr, {{"if-match", "*"}}).status, 200);
  EXPECT_EQ(status("TrialDenial", "p"), "resolved");
}

TEST_F(WarningSources, SayNothingOfARuleInModeAuditOrOfADryRun) {
  declare();
  ask("PUT", "/v1/policies/p?dryRun=true", rules("warn"));
  EXPECT_EQ(status("TrialDenial", "p"), "none");
  put_all({{"/v1/policies/p", rules("audit")}});
  EXPECT_EQ(status("TrialDenial", "p"), "none");
  EXPECT_TRUE(events_of("binding.trial_denied", "").empty());
}

TEST_F(WarningSources, KnowTheTrialsOfBeforeARestart) {
  declare();
  put_all({{"/v1/policies/p", rules("warn")}});
  const auto file = directory_.path() / "state.db";
  open_store(file);
  EXPECT_EQ(status("TrialDenial", "p"), "new");
}

class DiskWarnings : public WarningSources {
 protected:
  void fail_and_mend(int result, const std::string& type) {
    declare();
    disk_.fail_with(result);
    EXPECT_GE(ask("PUT", "/v1/domains/web2", domain("web2")).status, 500);
    const json raised = warning(type, "state.db");
    ASSERT_FALSE(raised.is_null()) << "it is shown while nothing can be written";
    EXPECT_EQ(raised["status"], "new");
    EXPECT_EQ(raised["severity"], "high");
    EXPECT_EQ(raised["object"]["kind"], "Database");
    disk_.fail_with(SQLITE_OK);  // nobody writes: it is found by itself
    wait_until([&] { return status(type, "state.db") == "resolved"; });
    wait_until([&] { return events_of("warning.resolved", type).size() == 1; });
    EXPECT_EQ(events_of("warning.raised", type).size(), 1u);
    open_store(directory_.path() / "state.db");
    EXPECT_EQ(status(type, "state.db"), "resolved") << "and is written";
  }
};

TEST_F(DiskWarnings, TakeNoRefusalForATroubleOfTheDisk) {
  declare();
  EXPECT_EQ(ask("PUT", "/v1/bindings/c", binding("c", "nobody", "dns")).status, 400);
  EXPECT_EQ(ask("DELETE", "/v1/domains/web1", nullptr, {{"if-match", "*"}}).status, 409);
  EXPECT_TRUE(parsed(ask("GET", "/v1/warnings"))["items"].empty());
}
TEST_F(DiskWarnings, TellOfAFullDisk) { fail_and_mend(SQLITE_FULL, "DiskFull"); }
TEST_F(DiskWarnings, TellOfADiskThatTakesNoWrites) { fail_and_mend(SQLITE_READONLY, "StoreReadOnly"); }
TEST_F(DiskWarnings, TellOfADiskThatFails) { fail_and_mend(SQLITE_IOERR_WRITE, "StoreReadOnly"); }

}  // namespace
}  // namespace vs::http
