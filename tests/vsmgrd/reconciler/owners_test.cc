// What moved is served by its owner alone.
#include "vsmgrd/reconciler/owners.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "desired_state.h"
#include "vsmgrd/reconciler/plan.h"

namespace vs {
namespace {

using test::two_guests;

std::map<std::string, BackendStatus> serving(const BackendConfigs& configs) {
  BackendStatus status{.wanted = true, .up = true, .number_sent = 42, .number_applied = 42};
  status.config = configs.at("dns");
  return {{"dns", status}};
}

Observed binding_seen(const Desired& desired, const Owners& owners, const std::string& name) {
  const auto observed = observe(desired, serving(configs_for(desired, {}, {}, nullptr, owners)), {}, {}, {}, {}, nullptr, owners);
  return *std::find_if(observed.begin(), observed.end(), [&](const Observed& one) { return one.name == name; });
}

bool is_configured(const Desired& desired, const Owners& owners, const std::string& name) {
  const auto configs = configs_for(desired, {}, {}, nullptr, owners);
  const auto& bindings = configs.at("dns").bindings;
  return std::any_of(bindings.begin(), bindings.end(), [&](const auto& one) { return one.name == name; });
}

TEST(Owners, OfABindingOnAnotherNodeKeepItFromTheBackends) {
  const Desired desired = two_guests();
  const Owners owners{{"web1-dns", {.epoch = 2, .owner = "n2"}}};
  EXPECT_FALSE(is_configured(desired, owners, "web1-dns"));
  EXPECT_TRUE(is_configured(desired, owners, "web2-dns"));
  const Observed seen = binding_seen(desired, owners, "web1-dns");
  EXPECT_EQ(seen.state, State::pending);
  EXPECT_EQ(seen.reason, "Elsewhere");
  EXPECT_NE(seen.message.find("node n2 owns it"), std::string::npos);
}

TEST(Owners, WhoAreInDoubtServeNothingAndSayIt) {
  const Desired desired = two_guests();
  const Owners owners{{"web1-dns", {.epoch = 2, .owner = "n1", .in_doubt = true}}};
  EXPECT_FALSE(is_configured(desired, owners, "web1-dns"));
  const Observed seen = binding_seen(desired, owners, "web1-dns");
  EXPECT_EQ(seen.state, State::failed);
  EXPECT_EQ(seen.reason, "InDoubt");
}

TEST(Owners, FenceWhatTheyServeByItsEpoch) {
  const Desired desired = two_guests();
  const Owners owners{{"web1-dns", {.epoch = 7, .owner = "n1", .here = true}}};
  const auto configs = configs_for(desired, {}, {}, nullptr, owners);
  EXPECT_EQ(configs.at("dns").bindings.front().epoch, 7u);
  EXPECT_EQ(configs.at("dns").bindings.back().epoch, 0u) << "it never moved";
  EXPECT_EQ(binding_seen(desired, owners, "web1-dns").state, State::bound);
}

}  // namespace
}  // namespace vs
