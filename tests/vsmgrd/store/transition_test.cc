#include "vsmgrd/store/transition.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/vsmgrd/store/objects.h"

namespace vs::test {
namespace {

using ::testing::ElementsAre;
using Expect = Precondition::Expect;

const WallTime kNow = *parse_time("2026-11-22T16:00:00.000Z");
const WallTime kLater = *parse_time("2026-11-22T17:00:00.000Z");
const Birth kBirth{kNow, [] { return "a-uid"; }};
const Birth kLaterBirth{kLater, [] { return "another-uid"; }};

Desired after(const Desired& before, std::vector<Resource> given) {
  auto transition = plan_apply(before, std::move(given), kBirth);
  VS_CHECK(transition);
  return std::move(transition->next);
}

std::vector<std::string> actions_of(const Transition& transition) {
  std::vector<std::string> words;
  for (const Change& change : transition.changes)
    words.push_back(std::string(name_of(change.kind)) + " " + change.name + " " +
                    std::string(name_of(change.action)));
  return words;
}

std::vector<std::string> refusals(const Desired& before, std::vector<Resource> given) {
  const auto transition = plan_apply(before, std::move(given), kBirth);
  return transition ? std::vector<std::string>() : lines_of(transition.error());
}

TEST(PlanApply, CreatesInAnyOrder) {
  const auto transition = plan_apply(
      {}, {binding("b", "web1", "dns"), policy("p"), domain("web1"), service("dns")}, kBirth);
  ASSERT_TRUE(transition);
  EXPECT_THAT(actions_of(*transition), ElementsAre("Binding b created", "AccessPolicy p created",
                                                   "Domain web1 created", "Service dns created"));
  EXPECT_EQ(transition->next.resource_version, 1);
  const Metadata& metadata = transition->next.bindings.at("b").metadata;
  EXPECT_EQ(metadata.uid, "a-uid");
  EXPECT_EQ(metadata.generation, 1);
  EXPECT_EQ(metadata.resource_version, 1);
  EXPECT_EQ(metadata.created_at, kNow);
  EXPECT_EQ(metadata.updated_at, kNow);
  EXPECT_EQ(transition->written.size(), 4u);
}

TEST(PlanApply, TheSameAgainChangesNothing) {
  const std::vector<Resource> given{domain("web1", {{"a", "b"}}), service("dns"),
                                    binding("b", "web1", "dns")};
  const Desired before = after({}, given);
  const auto transition = plan_apply(before, given, kLaterBirth);
  ASSERT_TRUE(transition);
  EXPECT_THAT(actions_of(*transition),
              ElementsAre("Domain web1 unchanged", "Service dns unchanged", "Binding b unchanged"));
  EXPECT_EQ(all_of(transition->next), all_of(before));
  EXPECT_TRUE(transition->written.empty());
}

TEST(PlanApply, AnUpdateKeepsIdentityAndCounts) {
  const Desired before = after({}, {domain("web1"), service("dns"), service("names")});
  const auto transition =
      plan_apply(before, {service("dns", 5), domain("web1", {{"a", "b"}})}, kLaterBirth);
  ASSERT_TRUE(transition);
  EXPECT_THAT(actions_of(*transition), ElementsAre("Service dns updated", "Domain web1 updated"));
  EXPECT_EQ(transition->next.resource_version, 2);
  for (const Metadata& metadata : {transition->next.services.at("dns").metadata,
                                   transition->next.domains.at("web1").metadata}) {
    EXPECT_EQ(metadata.uid, "a-uid");
    EXPECT_EQ(metadata.generation, 2);
    EXPECT_EQ(metadata.resource_version, 2);
    EXPECT_EQ(metadata.created_at, kNow);
    EXPECT_EQ(metadata.updated_at, kLater);
  }
  EXPECT_EQ(transition->next.services.at("names").metadata.resource_version, 1);
  EXPECT_EQ(std::get<ServiceSpec>(transition->next.services.at("dns").spec).dns.tries, 5u);
}

TEST(PlanApply, PlacesFollowTheFileWithoutAChange) {
  const Desired before = after({}, {written_at(domain("web1"), "a.yaml", 1)});
  const auto moved = plan_apply(before, {written_at(domain("web1"), "a.yaml", 9)}, kLaterBirth);
  ASSERT_TRUE(moved);
  EXPECT_THAT(actions_of(*moved), ElementsAre("Domain web1 unchanged"));
  EXPECT_EQ(moved->written.size(), 1u);
  const Metadata& metadata = moved->next.domains.at("web1").metadata;
  EXPECT_EQ(metadata.sources.at("").line, 9);
  EXPECT_EQ(metadata.generation, 1);
  EXPECT_EQ(metadata.resource_version, 1);
  EXPECT_EQ(metadata.updated_at, kNow);
  EXPECT_EQ(moved->next.resource_version, 1);
}

TEST(PlanApply, PlacesStayWhileTheirWordsDo) {
  const Desired before = after({}, {written_at(domain("web1"), "a.yaml", 1)});
  // A body without places that says the same: the file is still right. One that says something
  // else: it is not.
  EXPECT_FALSE(after(before, {domain("web1")}).domains.at("web1").metadata.sources.empty());
  EXPECT_TRUE(
      after(before, {domain("web1", {{"a", "b"}})}).domains.at("web1").metadata.sources.empty());
}

TEST(PlanApply, ADeviceIsCalledAfterTheKindOfItsService) {
  const Desired next = after({}, {binding("b", "web1", "names"), domain("web1"), service("names")});
  EXPECT_EQ(std::get<BindingSpec>(next.bindings.at("b").spec).device, "dns");
}

TEST(PlanApply, ReferencesToNothingAreRefusedWithTheirPlaces) {
  const Desired before = after({}, {domain("web1"), service("dns")});
  const auto transition = plan_apply(
      before,
      {written_at(binding("b", "web2", "dnss"), "a.yaml", 3), binding("c", "nowhere", "dns")},
      kBirth);
  ASSERT_FALSE(transition);
  EXPECT_EQ(transition.error().error.code, ErrorCode::invalid);
  EXPECT_EQ(transition.error().error.message, "3 problems");
  EXPECT_THAT(
      lines_of(transition.error()),
      ElementsAre(
          "a.yaml:5:3: /spec/domain: Binding \"b\" refers to Domain \"web2\", which does not exist "
          "(did you mean \"web1\"?)",
          "a.yaml:6:3: /spec/service: Binding \"b\" refers to Service \"dnss\", which does not "
          "exist "
          "(did you mean \"dns\"?)",
          "/spec/domain: Binding \"c\" refers to Domain \"nowhere\", which does not exist"));
}

TEST(PlanApply, ADeviceIsUniqueWithinItsDomain) {
  const Desired before =
      after({}, {domain("web1"), domain("web2"), service("dns"), service("names"),
                 written_at(binding("first", "web1", "dns"), "a.yaml", 1)});
  EXPECT_THAT(
      refusals(before, {binding("second", "web1", "names")}),
      ElementsAre("/spec/device: device \"dns\" of Domain \"web1\" is taken by Binding \"first\" "
                  "(a.yaml:5:3) (give this one another device)"));
  EXPECT_TRUE(refusals(before, {binding("second", "web1", "names", "other")}).empty());
  EXPECT_TRUE(refusals(before, {binding("second", "web2", "names")}).empty());
  EXPECT_THAT(
      refusals(before, {binding("x", "web2", "dns", "d"), binding("y", "web2", "names", "d")}),
      ElementsAre(
          "/spec/device: device \"d\" of Domain \"web2\" is taken by Binding \"x\" (give this "
          "one another device)"));
}

TEST(PlanApply, DevicesCanBeSwapped) {
  const Desired before =
      after({}, {domain("web1"), service("dns"), binding("a", "web1", "dns", "x"),
                 binding("b", "web1", "dns", "y")});
  EXPECT_TRUE(refusals(before, {binding("a", "web1", "dns", "y"), binding("b", "web1", "dns", "x")})
                  .empty());
}

TEST(PlanApply, AnObjectTwiceIsRefused) {
  EXPECT_THAT(
      refusals({},
               {written_at(domain("web1"), "a.yaml", 1), written_at(domain("web1"), "b.yaml", 4)}),
      ElementsAre("b.yaml:4:1: /metadata/name: Domain \"web1\" is declared twice (a.yaml:1:1)"));
}

TEST(PlanApply, ObjectsHaveALimit) {
  Desired before;
  for (std::size_t i = 0; i < kObjectsMax; ++i) before.domains["d" + std::to_string(i)] = {};
  const auto transition = plan_apply(before, {domain("one-more")}, kBirth);
  ASSERT_FALSE(transition);
  EXPECT_EQ(transition.error().error.code, ErrorCode::exhausted);
  EXPECT_EQ(transition.error().error.message, "100001 domains, limit 100000");
}

TEST(PlanPut, HoldsThePrecondition) {
  const Desired before = after({}, {domain("web1")});
  const auto put = [&](const std::string& name, Precondition precondition) {
    const auto transition = plan_put(before, domain(name, {{"x", "y"}}), precondition, kBirth);
    return transition ? std::string(name_of(transition->changes[0].action))
                      : transition.error().error.message;
  };
  EXPECT_EQ(put("web1", {}), "updated");
  EXPECT_EQ(put("web1", {Expect::version, 1}), "updated");
  EXPECT_EQ(put("web1", {Expect::version, 7}),
            "Domain \"web1\" is at version 1, and was expected at version 7");
  EXPECT_EQ(put("web1", {Expect::absent}),
            "Domain \"web1\" is at version 1, and was expected not to exist");
  EXPECT_EQ(put("web2", {}), "created");
  EXPECT_EQ(put("web2", {Expect::absent}), "created");
  EXPECT_EQ(put("web2", {Expect::version, 1}),
            "Domain \"web2\" does not exist, and was expected at version 1");
  EXPECT_EQ(plan_put(before, domain("web1"), {Expect::absent}, kBirth).error().error.code,
            ErrorCode::conflict);
}

TEST(PlanRemove, RefusesWhatOthersReferTo) {
  const Desired before = after(
      {}, {domain("web1"), domain("web2"), service("dns"),
           written_at(binding("one", "web1", "dns"), "a.yaml", 1), binding("two", "web2", "dns")});
  const auto refused = plan_remove(before, Kind::service, "dns", {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().error.code, ErrorCode::conflict);
  EXPECT_EQ(refused.error().error.message, "Service \"dns\" is in use: 2 bindings refer to it");
  EXPECT_THAT(
      lines_of(refused.error()),
      ElementsAre(
          "a.yaml:4:3: /spec/service: Binding \"one\" refers to Service \"dns\" (delete it first)",
          "/spec/service: Binding \"two\" refers to Service \"dns\" (delete it first)"));
  EXPECT_EQ(plan_remove(before, Kind::domain, "web1", {}).error().error.message,
            "Domain \"web1\" is in use: Binding \"one\" refers to Domain \"web1\"");
}

TEST(PlanRemove, TakesTheDecisionAlong) {
  Desired before = after({}, {domain("web1"), service("dns"), binding("b", "web1", "dns")});
  for (auto& [name, decision] : decide_by_label(before, {.all = true}))
    before.decisions.insert_or_assign(name, decision);
  const auto transition = plan_remove(before, Kind::binding, "b", {Expect::version, 1});
  ASSERT_TRUE(transition);
  EXPECT_THAT(actions_of(*transition), ElementsAre("Binding b deleted"));
  EXPECT_TRUE(transition->next.bindings.empty());
  EXPECT_TRUE(transition->next.decisions.empty());
  EXPECT_EQ(transition->next.resource_version, 2);
  EXPECT_EQ(transition->deleted, (std::vector<ObjectKey>{{Kind::binding, "b"}}));
}

TEST(PlanRemove, HoldsThePrecondition) {
  const Desired before = after({}, {domain("web1")});
  EXPECT_EQ(plan_remove(before, Kind::domain, "web1", {Expect::version, 2}).error().error.code,
            ErrorCode::conflict);
  const auto absent = plan_remove(before, Kind::domain, "web2", {Expect::version, 2});
  ASSERT_FALSE(absent);
  EXPECT_EQ(absent.error().error.code, ErrorCode::not_found);
  EXPECT_EQ(absent.error().error.message, "Domain \"web2\" does not exist");
}

}  // namespace
}  // namespace vs::test
