#include "vsmgrd/reconciler/plan.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "desired_state.h"
#include "vsmgrd/reconciler/conditions.h"

namespace vs {
namespace {

using test::make;
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

TEST(Configs, HoldTheChannelRightsOfWhatWasGranted) {
  Desired desired = two_guests();
  const ChannelRight right{.policy = "p",
                           .rule = {.id = "r", .effect = Effect::allow, .message = "m", .channels = {"a.>"}, .verbs = {"publish"}, .rate = 7}};
  desired.decisions.at("web1-dns").channels = {right};
  desired.decisions.at("web2-dns").channels = {right};
  const auto bindings = configs_for(desired).at("dns").bindings;
  const nlohmann::json expected{{"default", "deny"},
                                {"rules",
                                 {{{"effect", "allow"}, {"channels", {"a.>"}}, {"verbs", {"publish"}}, {"ratePerS", 7},
                                   {"policy", "p"}, {"rule", "r"}, {"message", "m"}}}}};
  EXPECT_EQ(bindings.front().rights, expected);
  EXPECT_TRUE(bindings.back().rights.is_null()) << "it was refused";
}

TEST(Configs, GrantNothingThatWasNotDecided) {
  Desired desired = two_guests();
  desired.decisions.clear();
  const BackendConfigs configs = configs_for(desired);
  for (const auto& binding : configs.at("dns").bindings) EXPECT_FALSE(binding.granted);
}

// web1 is a domU.
Desired with_a_domu() {
  Desired desired = two_guests();
  std::get<DomainSpec>(desired.domains.at("web1").spec).type = "xen";
  return desired;
}

TEST(Configs, TellTheDomidOfADomuThatRunsAndNothingOfOneThatDoesNot) {
  const auto running = configs_for(with_a_domu(), {{"web1", 5}});
  EXPECT_EQ(running.at("dns").bindings.front().domid, std::optional<std::uint32_t>(5));
  EXPECT_EQ(running.at("dns").bindings.back().domid, std::nullopt);
  const auto off = configs_for(with_a_domu());
  ASSERT_EQ(off.at("dns").bindings.size(), 1u);
  EXPECT_EQ(off.at("dns").bindings.front().name, "web2-dns");
}

TEST(Observe, ADomuFollowsItsHypervisor) {
  const Desired desired = with_a_domu();
  const auto status = serving(desired);  // of a configuration without web1
  const auto off = observe(desired, status, {{"web2", "/h"}});
  EXPECT_EQ(of(off, "web1").reason, "NotRunning");
  EXPECT_EQ(of(off, "web1-dns").reason, "DomainNotRunning");
  EXPECT_EQ(of(off, "web1-dns").state, State::pending);
  const auto none = observe(desired, status, {{"web2", "/h"}}, {}, "this is not the control domain of a Xen");
  EXPECT_EQ(of(none, "web1").state, State::failed);
  EXPECT_EQ(of(none, "web1").message, "this is not the control domain of a Xen");
  EXPECT_EQ(of(none, "web2").state, State::ready) << "local domains are served all the same";
  const auto on = observe(desired, status, {{"web2", "/h"}}, {{"web1", 5}});
  EXPECT_EQ(of(on, "web1").state, State::ready);
  EXPECT_EQ(of(on, "web1").message, "domid 5");
}

TEST(Plan, StartsAndConfiguresWhatIsWanted) {
  const auto wanted = configs_for(two_guests());
  const std::vector<Deed> expected{{Verb::start, "dns", {}}, {Verb::configure, "dns", wanted.at("dns")}};
  EXPECT_EQ(plan(wanted, {}), expected);
}

TEST(Plan, TellsABackendWhichChannelsItsServicesDeclare) {
  Desired desired = two_guests();
  Resource& service = desired.services["bus"];
  ServiceSpec spec{.kind = "pubsub", .dns = {}};
  spec.pubsub.channels.push_back({.name = "average", .schema = "", .source = "market.>", .filter = "", .operators = "sample 2"});
  spec.pubsub.channels.back().expires = std::chrono::seconds(10);
  service.spec = spec;
  const auto parameters = configs_for(desired).at("pubsub").services.front().parameters;
  ASSERT_EQ(parameters.at("channels").size(), 1u);
  const auto& channel = parameters["channels"][0];
  EXPECT_EQ(channel.at("name"), "average");
  EXPECT_EQ(channel.at("expiresMs"), 10'000);
  EXPECT_EQ(channel.at("operators"), "sample 2");
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

StatusCondition condition(const Observed& observed, const std::string& type) {
  for (const StatusCondition& one : observed.conditions)
    if (one.type == type) return one;
  return {};
}

TEST(Configs, HoldWhatTheObjectsSayThatABindingNames) {
  Desired desired = two_guests();
  auto& binding = std::get<BindingSpec>(desired.bindings.at("web1-dns").spec);
  binding.sla_name = "gold";
  binding.buffers_name = "large";
  desired.slas = {{"gold", make("gold", Sla{.priority = "control", .rate = 9})}};
  desired.buffers = {{"large", make("large", Buffers{.request_bytes = 1 << 20})}};
  const control::Terms terms = configs_for(desired).at("dns").bindings.front().terms;
  EXPECT_EQ(terms.priority, control::Priority::control);
  EXPECT_EQ(terms.rate_per_s, 9u);
  EXPECT_EQ(terms.request_bytes, 1u << 20);
}

TEST(Observe, SaysWhatIsAllowedAppliedAndReady) {
  using Status = StatusCondition::Status;
  const Desired desired = two_guests();
  auto status = serving(desired);
  const Observed bound = of(observe(desired, status, {}), "web1-dns");
  for (const char* type : {"Allowed", "Applied", "Ready"}) EXPECT_EQ(condition(bound, type).status, Status::yes) << type;
  const Observed denied = of(observe(desired, status, {}), "web2-dns");
  EXPECT_EQ(condition(denied, "Allowed").status, Status::no);
  EXPECT_EQ(condition(denied, "Allowed").message, "quarantined");
  EXPECT_EQ(condition(denied, "Applied").status, Status::yes) << "the refusal is";
  EXPECT_EQ(condition(denied, "Ready").status, Status::no);
  status.at("dns").up = false;
  EXPECT_EQ(condition(of(observe(desired, status, {}), "web1-dns"), "Applied").reason, "BackendDown");
}

TEST(Observe, NamesNoFieldOfPromisesPlacementsAndSharingAsUndone) {
  Desired desired = two_guests();
  auto& binding = std::get<BindingSpec>(desired.bindings.at("web1-dns").spec);
  binding.sla = {.rate = 5, .objectives = Objectives{.rate = 1}};
  binding.placement_name = "pinned";
  desired.placements = {{"pinned", make("pinned", Placement{.cpus = "2-3", .mode = "exclusive"})}};
  desired.decisions.at("web1-dns").sharing = {.mode = "open", .policy = "all"};
  const auto observed = observe(desired, serving(desired), {});
  const StatusCondition applied = condition(of(observed, "web1-dns"), "Applied");
  EXPECT_EQ(applied.status, StatusCondition::Status::yes) << applied.message;
  EXPECT_EQ(of(observed, "web1-dns").state, State::bound) << "the rest is served";
  EXPECT_EQ(condition(of(observed, "pinned"), "Applied").status, StatusCondition::Status::yes);
  EXPECT_EQ(condition(of(observed, "access"), "Applied").status, StatusCondition::Status::yes);
}

TEST(Plan, TellsTheBackendHowFarAnswersAreShared) {
  Desired desired = two_guests();
  EXPECT_TRUE(configs_for(desired, {}, {}).at("dns").bindings.front().sharing.is_null());
  desired.decisions.at("web1-dns").sharing = {.mode = "open", .policy = "all", .names = {"*.example.org"}};
  const auto bindings = configs_for(desired, {}, {}).at("dns").bindings;
  const auto web1 = std::find_if(bindings.begin(), bindings.end(), [](const auto& one) { return one.name == "web1-dns"; });
  EXPECT_EQ(web1->sharing, nlohmann::json({{"mode", "open"}, {"names", {"*.example.org"}}}));
  desired.decisions.at("web1-dns").sharing = {.policy = "stay", .travels = false};
  const auto staying = configs_for(desired, {}, {}).at("dns").bindings;
  const auto stays = std::find_if(staying.begin(), staying.end(), [](const auto& one) { return one.name == "web1-dns"; });
  EXPECT_EQ(stays->sharing, nlohmann::json({{"mode", "private"}, {"travels", false}}));
}

TEST(Observe, NamesTheSharingOfKindsThatDoNotShare) {
  Desired desired = two_guests();
  std::get<ServiceSpec>(desired.services.at("dns").spec).kind = "pubsub";
  desired.decisions.at("web1-dns").sharing = {.mode = "open", .policy = "all"};
  EXPECT_EQ(unsupported_fields(desired.bindings.at("web1-dns"), desired),
            std::vector<std::string>{"/spec/mode of SharingPolicy all"});
}

Desired with_channels() {
  Desired desired = two_guests();
  ServiceSpec bus{.kind = "pubsub", .dns = {}, .pubsub = {.engine = "hub", .prefix = "site", .shared = {"room.>"}, .at_least_once = {}}};
  desired.services["bus"] = make("bus", bus);
  return desired;
}

TEST(Configs, TellABackendOfTheEngineThatItsServiceNames) {
  const Engines engines{.node = "alpha", .by_name = {{"hub", {{"kind", "nats"}, {"servers", {"nats://10.0.0.1"}}}}}};
  const auto config = configs_for(with_channels(), {}, engines).at("pubsub");
  EXPECT_EQ(config.services.front().parameters,
            (nlohmann::json{{"node", "alpha"},
                            {"engine", {{"name", "hub"}, {"kind", "nats"}, {"servers", {"nats://10.0.0.1"}}}},
                            {"prefix", "site"},
                            {"shared", {"room.>"}}}));
}

TEST(Observe, SaysThatAServiceNamesAnEngineThatThereIsNot) {
  const auto observed = observe(with_channels(), {}, {});
  EXPECT_EQ(of(observed, "bus").state, State::failed);
  EXPECT_EQ(of(observed, "bus").reason, "UnknownEngine");
}

TEST(Observe, ShowsADomainsDirectory) {
  const auto observed = observe(two_guests(), {}, {{"web1", "/run/x/web1"}});
  EXPECT_EQ(of(observed, "web1").socket_directory, "/run/x/web1");
  EXPECT_EQ(of(observed, "web2").state, State::failed);
}

}  // namespace
}  // namespace vs
