// Promises that contradict themselves, or the service they are about, are refused where they stand.
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
