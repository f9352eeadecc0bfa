#include "vsmgrd/reconciler/plan.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "desired_state.h"

namespace vs {
namespace {

using test::two_guests;
using Verb = Deed::Verb;

const Observed& of(const std::vector<Observed>& observed, const std::string& name) {
  return *std::find_if(observed.begin(), observed.end(), [&](const Observed& one) { return one.name == name; });
}

// A backend that has confirmed what `desired` wants of it.
std::map<std::string, BackendStatus> serving(const Desired& desired) {
  BackendStatus status{.wanted = true, .up = true, .number_sent = 42, .number_applied = 42};
  status.config = configs_for(desired).at("dns");
  return {{"dns", status}};
}

TEST(Configs, HoldRefusedBindingsToo) {
  const auto configs = configs_for(two_guests());
  ASSERT_EQ(configs.size(), 1u);
  const std::vector<control::BindingConfig> expected{{"web1-dns", "web1", "dns", "dns", true},
                                                     {"web2-dns", "web2", "names", "dns", false}};
  EXPECT_EQ(configs.at("dns").bindings, expected);
}

TEST(Configs, HoldTheTermsOfABindingAndTheMemoryOfItsDomain) {
  Desired desired = two_guests();
  auto& binding = std::get<BindingSpec>(desired.bindings.at("web1-dns").spec);
  binding.buffers = {.wait = "block", .batch_messages = 3, .batch_us = 4, .request_bytes = 8192, .response_bytes = 16384};
  binding.sla = {.priority = "deadline", .rate = 5, .burst = 6};
  std::get<DomainSpec>(desired.domains.at("web1").spec).memory_mib = 7;
  const control::Terms expected{.wait = control::WaitMode::block,
                                .batch_messages = 3,
                                .batch_us = 4,
                                .request_bytes = 8192,
                                .response_bytes = 16384,
                                .priority = control::Priority::deadline,
                                .rate_per_s = 5,
                                .burst = 6,
                                .memory_bytes_max = 7 << 20};
  EXPECT_EQ(configs_for(desired).at("dns").bindings.front().terms, expected);
  EXPECT_EQ(configs_for(desired).at("dns").bindings.back().terms, control::Terms{});
}

TEST(Configs, GrantNothingThatWasNotDecided) {
  Desired desired = two_guests();
  desired.decisions.clear();
  const BackendConfigs configs = configs_for(desired);
  for (const auto& binding : configs.at("dns").bindings) EXPECT_FALSE(binding.granted);
}

TEST(Plan, StartsAndConfiguresWhatIsWanted) {
  const auto wanted = configs_for(two_guests());
  const std::vector<Deed> expected{{Verb::start, "dns", {}}, {Verb::configure, "dns", wanted.at("dns")}};
  EXPECT_EQ(plan(wanted, {}), expected);
}

TEST(Plan, StopsWhatIsWantedNoMoreBeforeAllElse) {
  const auto wanted = configs_for(two_guests());
  const auto deeds = plan(wanted, {{"pubsub", {.wanted = true, .up = true}}});
  ASSERT_EQ(deeds.size(), 3u);
  EXPECT_EQ(deeds[0], (Deed{Verb::stop, "pubsub", {}}));
}

TEST(Plan, IsEmptyWhenNothingDiffers) {
  const Desired desired = two_guests();
  EXPECT_TRUE(plan(configs_for(desired), serving(desired)).empty());
}

TEST(Plan, ConfiguresAgainWhenADecisionChanges) {
  const Desired before = two_guests();
  Desired after = before;
  after.decisions.at("web2-dns").allowed = true;
  const auto deeds = plan(configs_for(after), serving(before));
  ASSERT_EQ(deeds.size(), 1u);
  EXPECT_EQ(deeds[0].verb, Verb::configure);
}

TEST(Observe, SaysBoundOnlyWhenTheBackendConfirmedThisConfiguration) {
  const Desired desired = two_guests();
  auto status = serving(desired);
  const auto seen = [&] { return of(observe(desired, status, {}), "web1-dns"); };
  EXPECT_EQ(seen().state, State::bound);
  EXPECT_EQ(seen().observed_generation, 3);
  status.at("dns").number_applied = 41;
  EXPECT_EQ(seen().state, State::pending);
  status.at("dns").number_applied = 42;
  status.at("dns").config.bindings.pop_back();  // confirmed, but another one
  EXPECT_EQ(seen().state, State::pending);
  status.at("dns").up = false;
  EXPECT_EQ(seen().reason, "BackendDown");
  status.clear();
  EXPECT_EQ(seen().reason, "BackendStarting");
}

TEST(Observe, SaysWhyABindingIsRefused) {
  const Desired desired = two_guests();
  auto status = serving(desired);
  status.at("dns").refusals["web2-dns"] = 7;
  const Observed denied = of(observe(desired, status, {}), "web2-dns");
  EXPECT_EQ(denied.state, State::denied);
  EXPECT_EQ(denied.message, "quarantined");
  EXPECT_EQ(denied.refused_opens, 7);
}

TEST(Observe, ShowsWhatTheBackendCouldNotDo) {
  const Desired desired = two_guests();
  auto status = serving(desired);
  status.at("dns").problems["web1-dns"] = "no room";
  const Observed failed = of(observe(desired, status, {}), "web1-dns");
  EXPECT_EQ(failed.state, State::failed);
  EXPECT_EQ(failed.message, "no room");
}

TEST(Observe, ShowsADomainsDirectory) {
  const auto observed = observe(two_guests(), {}, {{"web1", "/run/x/web1"}});
  EXPECT_EQ(of(observed, "web1").socket_directory, "/run/x/web1");
  EXPECT_EQ(of(observed, "web2").state, State::failed);
}

}  // namespace
}  // namespace vs
