// Warnings of backends that come and go by themselves, and opens that guests were refused.
#include "vsmgrd/reconciler/troubles.h"

#include <gtest/gtest.h>

#include "desired_state.h"
#include "tests/fakes/backends.h"
#include "tests/fakes/clock.h"
#include "vsmgrd/reconciler/reconciler.h"

namespace vs {
namespace {

using test::make;

class TroublesTest : public testing::Test {
 protected:
  TroublesTest() {
    auto opened = Store::open(":memory:", clock_, [](const Desired& desired, const Affected&) {
      std::map<std::string, Decision> decisions;
      for (const auto& [name, binding] : desired.bindings)
        decisions[name] = {.allowed = name != "web2-dns", .message = "as the test says"};
      return decisions;
    });
    EXPECT_TRUE(opened) << opened.error().message;
    store_ = std::move(*opened);
    EXPECT_TRUE(store_->apply({make("web1", DomainSpec{}), make("web2", DomainSpec{}),
                               make("dns", ServiceSpec{.kind = "dns"}),
                               make("web1-dns", BindingSpec{"web1", "dns", "dns"}),
                               make("web2-dns", BindingSpec{"web2", "dns", "dns"})},
                              {}));
    start_again();
  }
  void start_again() { reconciler_ = std::make_unique<Reconciler>(*store_, backends_, clock_, wake_); }
  void pass() { ASSERT_TRUE(reconciler_->pass()); }
  void serve() {
    pass();
    backends_.confirm("dns");
    pass();
  }
  std::string status(const std::string& type, const std::string& name) {
    for (const Warning& warning : store_->warnings().list())
      if (warning.type == type && warning.name == name) return std::string(name_of(warning.status));
    return "none";
  }
  std::vector<Event> refusals() {
    return store_->events()
        .after(0, 1000, [](const Event& event) { return event.type == "binding.open_refused"; })
        ->events;
  }

  test::ManualClock clock_;
  test::FakeBackends backends_;
  Wake wake_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<Reconciler> reconciler_;
};

TEST_F(TroublesTest, ABackendThatIsDownIsAWarningUntilItIsUp) {
  serve();
  EXPECT_EQ(status("BackendDown", "dns"), "none");
  backends_.states["dns"].up = false;
  backends_.states["dns"].number_applied = 0;
  backends_.states["dns"].last_error = "killed by signal 9";
  pass();
  EXPECT_EQ(status("BackendDown", "dns"), "new");
  EXPECT_NE(store_->warnings().list()[0].message.find("killed by signal 9"), std::string::npos);
  pass();
  EXPECT_EQ(store_->warnings().list()[0].count, 1) << "one trouble, however often it is looked at";
  backends_.states["dns"].last_error.clear();
  backends_.confirm("dns");
  pass();
  EXPECT_EQ(status("BackendDown", "dns"), "resolved");
}

TEST_F(TroublesTest, ABackendThatStartsForTheFirstTimeIsNoTrouble) {
  pass();
  EXPECT_EQ(status("BackendDown", "dns"), "none");
}

TEST_F(TroublesTest, ABackendThatWasGoneBetweenTwoLooksIsToldOf) {
  serve();
  ++backends_.states["dns"].restarts;
  pass();
  EXPECT_EQ(status("BackendDown", "dns"), "resolved");
}

TEST_F(TroublesTest, AGuestThatBreaksTheProtocolIsAWarningUntilItsBindingGoes) {
  serve();
  backends_.states["dns"].misdeeds["web1-dns"] = {1, "hello: wrong magic"};
  pass();
  EXPECT_EQ(status("Misbehaviour", "web1-dns"), "new");
  EXPECT_NE(store_->warnings().list()[0].message.find("\"web1\" does not keep to the protocol of device \"dns\": hello: wrong magic"),
            std::string::npos)
      << store_->warnings().list()[0].message;
  backends_.states["dns"].misdeeds["web1-dns"] = {5, "state: not a number"};
  pass();
  EXPECT_EQ(store_->warnings().list()[0].count, 1) << "at most one a minute is told";
  clock_.advance(kRefusedPause);
  pass();
  EXPECT_EQ(store_->warnings().list()[0].count, 2);
  ASSERT_TRUE(store_->remove(Kind::binding, "web1-dns", {}, {}));
  pass();
  EXPECT_EQ(status("Misbehaviour", "web1-dns"), "resolved");
}

TEST_F(TroublesTest, ABackendThatIsNoLongerWantedIsNoTrouble) {
  serve();
  backends_.states["dns"].up = false;
  backends_.states["dns"].last_error = "it hangs";
  pass();
  EXPECT_EQ(status("BackendDown", "dns"), "new");
  for (const char* binding : {"web1-dns", "web2-dns"}) ASSERT_TRUE(store_->remove(Kind::binding, binding, {}, {}));
  ASSERT_TRUE(store_->remove(Kind::service, "dns", {}, {}));
  pass();
  EXPECT_EQ(status("BackendDown", "dns"), "resolved");
}

TEST_F(TroublesTest, AWarningOfAnEarlierRunIsResolvedWhenItIsOver) {
  serve();
  backends_.states["dns"].up = false;
  backends_.states["dns"].last_error = "it hangs";
  pass();
  backends_.states["dns"].last_error.clear();
  backends_.confirm("dns");
  start_again();
  pass();
  EXPECT_EQ(status("BackendDown", "dns"), "resolved");
}

TEST_F(TroublesTest, ABackendThatDoesNotConfirmWhatIsWantedDrifts) {
  serve();
  ASSERT_TRUE(store_->apply({make("web1-dns", BindingSpec{.domain = "web1", .service = "dns", .device = "dns",
                                                          .sla = {.rate = 7}})},
                            {}));
  pass();
  EXPECT_EQ(status("Drift", "dns"), "none") << "it has a while to do it";
  clock_.advance(kDriftPatience);
  pass();
  EXPECT_EQ(status("Drift", "dns"), "new");
  backends_.confirm("dns");
  pass();
  EXPECT_EQ(status("Drift", "dns"), "resolved");
}

TEST_F(TroublesTest, ABindingThatItsBackendDoesNotServeDrifts) {
  serve();
  backends_.states["dns"].problems["web1-dns"] = "no room for its socket";
  pass();
  EXPECT_EQ(status("Drift", "web1-dns"), "new");
  backends_.states["dns"].problems.clear();
  pass();
  EXPECT_EQ(status("Drift", "web1-dns"), "resolved");
}

TEST_F(TroublesTest, ARefusedOpenIsToldWithTheDecisionThatRefusedIt) {
  serve();
  backends_.states["dns"].refusals["web2-dns"] = 3;
  pass();
  const auto told = refusals();
  ASSERT_EQ(told.size(), 1u);
  const auto id = store_->get(Kind::binding, "web2-dns")->decision->id;
  ASSERT_GT(id, 0);
  EXPECT_EQ(told[0].name, "web2-dns");
  EXPECT_EQ(told[0].actor.principal, "domain:web2");
  EXPECT_NE(told[0].message.find("--decision " + std::to_string(id)), std::string::npos) << told[0].message;
  EXPECT_TRUE(store_->decisions().get(id));
  const auto rows = store_->audit().list({.outcome = "refused"});
  ASSERT_TRUE(rows);
  ASSERT_EQ(rows->size(), 1u);
  EXPECT_EQ((*rows)[0].verb, "open");
  EXPECT_EQ((*rows)[0].decision, id);
}

TEST_F(TroublesTest, AFloodOfRefusedOpensIsFewRows) {
  serve();
  for (std::uint64_t total = 1; total <= 1000; ++total) {
    backends_.states["dns"].refusals["web2-dns"] = total;
    pass();
  }
  EXPECT_EQ(refusals().size(), 1u);
  clock_.advance(kRefusedPause);
  pass();
  const auto told = refusals();
  ASSERT_EQ(told.size(), 2u);
  EXPECT_NE(told[1].message.find("999 times, 1000 in all"), std::string::npos) << told[1].message;
}

TEST_F(TroublesTest, ARestartTellsNothingTwice) {
  serve();
  backends_.states["dns"].refusals["web2-dns"] = 3;
  pass();
  start_again();
  pass();
  EXPECT_EQ(refusals().size(), 1u);
  backends_.states["dns"].refusals["web2-dns"] = 1;  // the backend, too, began anew
  pass();
  EXPECT_EQ(refusals().size(), 2u);
}

}  // namespace
}  // namespace vs
