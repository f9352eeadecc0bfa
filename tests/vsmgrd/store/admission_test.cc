// Promises that cannot be kept are refused where they stand, with the arithmetic; what fits beside those given is taken.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/vsmgrd/store/objects.h"
#include "vsmgrd/model/admission.h"
#include "vsmgrd/store/transition.h"

namespace vs::test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using namespace std::chrono_literals;

const Birth kBirth{WallTime{}, [] { return "u"; }};

Sla guaranteed(std::uint32_t rate) {
  return {.rate = rate, .guarantee = "guaranteed", .objectives = Objectives{.latency_p99 = 50ms}};
}

Resource with_sla_in(const std::string& name, const std::string& of, Sla sla) {
  Resource made = binding(name, of, "dns", name);
  std::get<BindingSpec>(made.spec).sla = std::move(sla);
  made.metadata.sources[""] = {name + ".yaml", 1, 1};
  made.metadata.sources["/spec/sla"] = {name + ".yaml", 9, 3};
  made.metadata.sources["/spec/sla/class"] = {name + ".yaml", 10, 12};
  return made;
}
Resource with_sla_named(const std::string& name, const std::string& of, const std::string& sla) {
  Resource made = binding(name, of, "dns", name);
  std::get<BindingSpec>(made.spec).sla_name = sla;
  return made;
}
Resource sla(const std::string& name, Sla spec) { return {.metadata = {.name = name}, .spec = std::move(spec)}; }
Resource service_costing(std::chrono::microseconds cost, const std::string& kind = "dns") {
  return {.metadata = {.name = "dns"}, .spec = ServiceSpec{.kind = kind, .request_cost = cost}};
}

class Admission : public testing::Test {
 protected:
  std::vector<std::string> apply(std::vector<Resource> given) {
    auto transition = plan_apply(desired_, std::move(given), kBirth);
    if (!transition) return lines_of(transition.error());
    desired_ = std::move(transition->next);
    return {};
  }
  Admission() { EXPECT_THAT(apply({domain("web1"), domain("web2"), service("dns")}), IsEmpty()); }

  Desired desired_;
};

// A dns request costs 100us unless its service says otherwise: 7000 a second are the 0.7 of a loop.
TEST_F(Admission, GuaranteesAreTakenAsLongAsTheyFit) {
  EXPECT_THAT(apply({with_sla_in("a", "web1", guaranteed(5000))}), IsEmpty());
  EXPECT_THAT(apply({with_sla_in("b", "web2", guaranteed(2001))}),
              ElementsAre("b.yaml:10:12: /spec/sla/class: 2001 requests a second of 100us each are 0.2001 of a loop for Binding \"b\"; 1 other "
                          "of kind dns is guaranteed 0.5 already, together 0.7001, and at most 0.7 is given (a \"rate\" of at most 2000 fits, "
                          "or class burstable)"));
  EXPECT_THAT(apply({with_sla_in("b", "web2", guaranteed(2000))}), IsEmpty());
  EXPECT_THAT(apply({with_sla_in("c", "web2", guaranteed(1))}), ElementsAre(HasSubstr("(class burstable fits)")));
  Sla burstable = guaranteed(100'000);
  burstable.guarantee = "burstable";
  EXPECT_THAT(apply({with_sla_in("c", "web2", burstable)}), IsEmpty()) << "it may, and is promised nothing";
}

TEST_F(Admission, OfOneFileTheOneThatDoesNotFitAnyMoreIsAtFault) {
  const auto lines = apply({with_sla_in("a", "web1", guaranteed(5000)), with_sla_in("b", "web2", guaranteed(5000))});
  ASSERT_THAT(lines, SizeIs(1));
  EXPECT_THAT(lines[0], HasSubstr("b.yaml:10:12"));
  EXPECT_THAT(desired_.bindings.find("a"), desired_.bindings.end()) << "nothing is applied in part";
}

TEST_F(Admission, WhatWasGivenIsGivenBack) {
  EXPECT_THAT(apply({with_sla_in("a", "web1", guaranteed(7000))}), IsEmpty());
  EXPECT_THAT(apply({with_sla_in("a", "web1", guaranteed(6000)), with_sla_in("b", "web2", guaranteed(1000))}), IsEmpty());
  const auto removed = plan_remove(desired_, Kind::binding, "a", {});
  ASSERT_TRUE(removed);
  desired_ = removed->next;
  EXPECT_THAT(apply({with_sla_in("b", "web2", guaranteed(7000))}), IsEmpty());
}

TEST_F(Admission, AnSlaByNameCountsForEachBindingThatNamesIt) {
  EXPECT_THAT(apply({sla("gold", guaranteed(3000)), with_sla_named("a", "web1", "gold"), with_sla_named("b", "web2", "gold")}), IsEmpty());
  EXPECT_THAT(apply({sla("gold", guaranteed(3501))}), ElementsAre(HasSubstr("/spec/class: 3501 requests a second")));
  EXPECT_THAT(apply({with_sla_named("c", "web2", "gold")}), ElementsAre(HasSubstr("/spec/sla: 3000 requests a second")));
}

TEST_F(Admission, AServiceThatCostsMoreMustStillKeepItsGuarantees) {
  EXPECT_THAT(apply({with_sla_in("a", "web1", guaranteed(7000))}), IsEmpty());
  EXPECT_THAT(apply({service_costing(101us)}), ElementsAre(HasSubstr("/spec/requestCost: 7000 requests a second of 101us each")));
  EXPECT_THAT(apply({service_costing(50us)}), IsEmpty());
  EXPECT_THAT(apply({with_sla_in("b", "web2", guaranteed(7000))}), IsEmpty());
}

TEST_F(Admission, WhatDoesNotChangeIsNotJudgedAgain) {
  desired_.services["dns"].spec = ServiceSpec{.kind = "dns", .request_cost = 1s};  // as an earlier version let through
  const Resource given = with_sla_in("a", "web1", guaranteed(10));
  desired_.bindings["a"] = given;
  desired_.devices.emplace("web1/a", "a");
  EXPECT_THAT(apply({given, domain("web3")}), IsEmpty());
}

TEST_F(Admission, ContradictionsAreRefusedWithWhatFits) {
  Sla without_rate = guaranteed(0);
  EXPECT_THAT(apply({sla("s", without_rate)}), ElementsAre(HasSubstr("/spec/class: class guaranteed needs a \"rate\"")));
  EXPECT_THAT(apply({sla("s", {.priority = "deadline", .guarantee = "bestEffort"})}),
              ElementsAre(HasSubstr("/spec/priority: class bestEffort is served after all others")));
  EXPECT_THAT(apply({sla("s", {.rate = 0, .burst = 9})}), ElementsAre(HasSubstr("/spec/burst: \"burst\" of 9 without a \"rate\" limits nothing")));
}

TEST_F(Admission, ABurstMustBeServedWithinItsLatency) {
  Sla one = guaranteed(1000);
  one.burst = 501;
  EXPECT_THAT(apply({with_sla_in("a", "web1", one)}),
              ElementsAre(HasSubstr("/spec/sla/burst: a burst of 501 requests of 100us each takes 50100us, and each is promised within 50ms (a "
                                    "burst of at most 500 fits)")));
  one.burst = 500;
  EXPECT_THAT(apply({with_sla_in("a", "web1", one)}), IsEmpty());
  one.objectives->latency_p50 = 99us;
  EXPECT_THAT(apply({with_sla_in("a", "web1", one)}), ElementsAre(HasSubstr("/spec/sla/objectives/latencyP50: a request takes 100us")));
}

TEST_F(Admission, ExpressionsAreCheckedForTheServiceTheyAreAbout) {
  const Sla channels{.content_classes = {{"quick", "channel.startsWith('market.') && attributes.price > 1", "control", {}}}};
  EXPECT_THAT(apply({sla("s", channels)}), IsEmpty()) << "it fits services of kind pubsub";
  EXPECT_THAT(apply({with_sla_named("a", "web1", "s")}),
              ElementsAre(HasSubstr("/spec/sla: content class \"quick\" of Sla \"s\", for Service \"dns\" of kind dns: column 1: ")));
  EXPECT_THAT(apply({with_sla_in("a", "web1", {.content_classes = {{"own", "name.endsWith('.test') && type == 'A'", "bulk", {}}}})}), IsEmpty());
  EXPECT_THAT(apply({with_sla_in("a", "web1", {.content_classes = {{"own", "name == 5", "bulk", {}}}})}),
              ElementsAre(HasSubstr("a.yaml:9:3: /spec/sla/contentClasses/0/when: content class \"own\"")));
  EXPECT_THAT(apply({sla("s", {.content_classes = {{"bad", "name ==", "bulk", {}}}})}),
              ElementsAre(HasSubstr("/spec/contentClasses/0/when: content class \"bad\": column 8: ")));
}

}  // namespace
}  // namespace vs::test
