// What is guaranteed, held against the loops that a node has: with the arithmetic where it stands, and what would fit.
#include "vsmgrd/placement/guarantees.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fmt/format.h>

#include "vsmgrd/placement/node_placement.h"

namespace vs {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using namespace std::chrono_literals;

Sla guaranteed(std::uint32_t rate) { return {.rate = rate, .guarantee = "guaranteed", .objectives = Objectives{.latency_p99 = 50ms}}; }

Resource with_sla_in(const std::string& name, const std::string& of, Sla sla, const std::string& service = "dns") {
  BindingSpec spec{of, service, name};
  spec.sla = std::move(sla);
  Resource made{.metadata = {.name = name}, .spec = std::move(spec)};
  made.metadata.sources[""] = {name + ".yaml", 1, 1};
  made.metadata.sources["/spec/sla"] = {name + ".yaml", 9, 3};
  made.metadata.sources["/spec/sla/class"] = {name + ".yaml", 10, 12};
  return made;
}
Resource with_sla_named(const std::string& name, const std::string& of, const std::string& sla) {
  Resource made{.metadata = {.name = name}, .spec = BindingSpec{of, "dns", name}};
  std::get<BindingSpec>(made.spec).sla_name = sla;
  return made;
}
Resource placed(Resource binding, Placement placement) {
  std::get<BindingSpec>(binding.spec).placement = std::move(placement);
  return binding;
}
Resource sla(const std::string& name, Sla spec) { return {.metadata = {.name = name}, .spec = std::move(spec)}; }
Resource domain(const std::string& name) { return {.metadata = {.name = name}, .spec = DomainSpec{}}; }
Resource service_costing(std::chrono::microseconds cost, const std::string& kind = "dns") {
  return {.metadata = {.name = kind}, .spec = ServiceSpec{.kind = kind, .request_cost = cost}};
}

class Guarantees : public testing::Test {
 protected:
  Guarantees() {
    machine(4, 1);
    EXPECT_THAT(apply({service_costing(0us), service_costing(0us, "pubsub")}), IsEmpty());
  }
  void machine(std::uint32_t cpus, std::uint32_t loops) {
    Topology topology;
    for (std::uint32_t cpu = 0; cpu < cpus; ++cpu) {
      topology.online.add(cpu);
      topology.cpus[cpu] = {.core = cpu, .llc = 0, .node = 0};
    }
    const CpuSet allowed = topology.online;
    node_ = std::make_unique<NodePlacement>(MachineFacts{.backend_loops = loops}, std::move(topology), allowed);
  }
  // As the store does: all of it, or nothing.
  std::vector<std::string> apply(std::vector<Resource> given) {
    Desired next = desired_;
    for (Resource& one : given) next.of(one.kind())[one.metadata.name] = std::move(one);
    std::vector<std::string> lines;
    for (const Problem& one : node_->misfits(desired_, next))
      lines.push_back(fmt::format("{}: {}: {} ({})", one.source ? to_string(*one.source) : "", one.pointer, one.message, one.hint));
    if (lines.empty()) desired_ = std::move(next);
    return lines;
  }
  std::uint32_t loop(const std::string& domain) { return node_->plan(desired_).spread.at({"dns", domain}); }

  std::unique_ptr<NodePlacement> node_;
  Desired desired_;
};

// A dns request costs 100us unless its service says otherwise: 7000 a second are the 0.7 of a loop.
TEST_F(Guarantees, GuaranteesAreTakenAsLongAsTheyFit) {
  EXPECT_THAT(apply({with_sla_in("a", "web1", guaranteed(5000))}), IsEmpty());
  EXPECT_THAT(apply({with_sla_in("b", "web2", guaranteed(2001))}),
              ElementsAre("b.yaml:10:12: /spec/sla/class: 2001 requests a second of 100us each are 0.2001 of a loop for Binding \"b\"; 1 other "
                          "of kind dns is guaranteed 0.5 already, together 0.7001, and at most 0.7 is given (a \"rate\" of at most 2000 "
                          "fits, or class burstable)"));
  EXPECT_THAT(apply({with_sla_in("b", "web2", guaranteed(2000))}), IsEmpty());
  EXPECT_THAT(apply({with_sla_in("c", "web2", guaranteed(1))}), ElementsAre(HasSubstr("(class burstable fits)")));
  Sla burstable = guaranteed(100'000);
  burstable.guarantee = "burstable";
  EXPECT_THAT(apply({with_sla_in("c", "web2", burstable)}), IsEmpty()) << "it may, and is promised nothing";
}

TEST_F(Guarantees, OfOneFileTheOneThatDoesNotFitAnyMoreIsAtFault) {
  const auto lines = apply({with_sla_in("a", "web1", guaranteed(5000)), with_sla_in("b", "web2", guaranteed(5000))});
  ASSERT_THAT(lines, SizeIs(1));
  EXPECT_THAT(lines[0], HasSubstr("b.yaml:10:12"));
  EXPECT_THAT(desired_.bindings.find("a"), desired_.bindings.end()) << "nothing is applied in part";
}

TEST_F(Guarantees, WhatWasGivenIsGivenBack) {
  EXPECT_THAT(apply({with_sla_in("a", "web1", guaranteed(7000))}), IsEmpty());
  EXPECT_THAT(apply({with_sla_in("a", "web1", guaranteed(6000)), with_sla_in("b", "web2", guaranteed(1000))}), IsEmpty());
  desired_.bindings.erase("a");
  EXPECT_THAT(apply({with_sla_in("b", "web2", guaranteed(7000))}), IsEmpty());
}

TEST_F(Guarantees, AnSlaByNameCountsForEachBindingThatNamesIt) {
  EXPECT_THAT(apply({sla("gold", guaranteed(3000)), with_sla_named("a", "web1", "gold"), with_sla_named("b", "web2", "gold")}), IsEmpty());
  EXPECT_THAT(apply({sla("gold", guaranteed(3501))}), ElementsAre(HasSubstr("/spec/class: 3501 requests a second")));
  EXPECT_THAT(apply({with_sla_named("c", "web2", "gold")}), ElementsAre(HasSubstr("/spec/sla: 3000 requests a second")));
}

TEST_F(Guarantees, AServiceThatCostsMoreMustStillKeepItsGuarantees) {
  EXPECT_THAT(apply({with_sla_in("a", "web1", guaranteed(7000))}), IsEmpty());
  EXPECT_THAT(apply({service_costing(101us)}), ElementsAre(HasSubstr("/spec/requestCost: 7000 requests a second of 101us each")));
  EXPECT_THAT(apply({service_costing(50us)}), IsEmpty());
  EXPECT_THAT(apply({with_sla_in("b", "web2", guaranteed(7000))}), IsEmpty());
}

TEST_F(Guarantees, WhatDoesNotChangeIsNotJudgedAgain) {
  desired_.services["dns"].spec = ServiceSpec{.kind = "dns", .request_cost = 1s};  // as an earlier version let through
  const Resource given = with_sla_in("a", "web1", guaranteed(10));
  desired_.bindings["a"] = given;
  EXPECT_THAT(apply({given, domain("web3")}), IsEmpty());
}

TEST_F(Guarantees, OfAKindWithSeveralLoopsAreSpreadOverThem) {
  machine(4, 2);
  EXPECT_THAT(apply({with_sla_in("a", "web1", guaranteed(6000)), with_sla_in("b", "web2", guaranteed(6000))}), IsEmpty());
  EXPECT_NE(loop("web1"), loop("web2"));
  EXPECT_THAT(apply({with_sla_in("c", "web3", guaranteed(1001))}),
              ElementsAre("c.yaml:10:12: /spec/sla/class: 1001 requests a second of 100us each are 0.1001 of a loop for Binding \"c\"; 2 others "
                          "of kind dns are guaranteed 1.2 of 2 loops already, each domain on one, of which none has more than 0.1 left, and at "
                          "most 0.7 of each is given (a \"rate\" of at most 1000 fits, or class burstable)"));
  EXPECT_THAT(apply({with_sla_in("c", "web3", guaranteed(1000)), with_sla_in("d", "web4", guaranteed(1000))}), IsEmpty());
  EXPECT_THAT(apply({with_sla_in("e", "web5", guaranteed(1))}), ElementsAre(HasSubstr("(class burstable fits)")));
}

TEST_F(Guarantees, OfOneDomainAreServedByOneLoop) {
  machine(4, 4);
  EXPECT_THAT(apply({with_sla_in("a", "web1", guaranteed(5000))}), IsEmpty());
  EXPECT_THAT(apply({with_sla_in("b", "web1", guaranteed(2001))}),
              ElementsAre(HasSubstr("1 other of its domain, which one loop serves, is guaranteed 0.5 already, together 0.7001, and at most 0.7 is "
                                    "given (a \"rate\" of at most 2000 fits")));
  EXPECT_THAT(apply({with_sla_in("b", "web2", guaranteed(7000))}), IsEmpty());
}

TEST_F(Guarantees, OfGuestsThatMeetInChannelsAreServedByOneLoop) {
  machine(4, 4);
  EXPECT_THAT(apply({with_sla_in("a", "web1", guaranteed(20'000), "pubsub")}), IsEmpty());
  EXPECT_THAT(apply({with_sla_in("b", "web2", guaranteed(20'000), "pubsub")}),
              ElementsAre(HasSubstr("1 other of kind pubsub is guaranteed 0.4 already, together 0.8, and at most 0.7 is given")));
}

TEST_F(Guarantees, OfAllKindsTakeNoMoreThanTheCpusThatThereAre) {
  machine(1, 4);
  EXPECT_THAT(apply({with_sla_in("a", "web1", guaranteed(5000))}), IsEmpty());
  EXPECT_THAT(apply({with_sla_in("b", "web2", guaranteed(20'000), "pubsub")}),
              ElementsAre(HasSubstr("1 other of all kinds on 1 CPU is guaranteed 0.5 already, together 0.9, and at most 0.7 is given (a \"rate\" of "
                                    "at most 10000 fits")));
  machine(2, 4);
  EXPECT_THAT(apply({with_sla_in("b", "web2", guaranteed(20'000), "pubsub")}), IsEmpty());
}

TEST_F(Guarantees, OnALoopThatIsPlacedHaveItForThemselves) {
  machine(4, 1);
  EXPECT_THAT(apply({with_sla_in("a", "web1", guaranteed(7000))}), IsEmpty());
  EXPECT_THAT(apply({placed(with_sla_in("b", "web2", guaranteed(7000)), {.count = 1, .mode = "exclusive"})}), IsEmpty());
  EXPECT_THAT(apply({placed(with_sla_in("c", "web3", guaranteed(7001)), {.count = 1, .mode = "exclusive"})}),
              ElementsAre(HasSubstr("0 others on its loop, which is placed, are guaranteed 0 already, together 0.7001, and at most 0.7 is given")));
  // What is taken out of the shared pool is not there for the others.
  EXPECT_THAT(apply({with_sla_in("d", "web4", guaranteed(20'000), "pubsub"),
                     placed(with_sla_in("e", "web5", {}), {.count = 2, .mode = "exclusive"})}),
              ElementsAre(HasSubstr("1 other of all kinds on 1 CPU is guaranteed 0.7 already")));
}

TEST_F(Guarantees, MoveNobodyWhoIsGuaranteedMore) {
  machine(8, 3);
  EXPECT_THAT(apply({with_sla_in("a", "web1", guaranteed(6000)), with_sla_in("b", "web2", guaranteed(5000)),
                     with_sla_in("c", "web3", guaranteed(4000))}),
              IsEmpty());
  const auto before = node_->plan(desired_).spread;
  EXPECT_THAT(apply({with_sla_in("d", "web4", guaranteed(2000)), with_sla_in("e", "web0", guaranteed(1000))}), IsEmpty());
  for (const auto& [unit, loop] : before) EXPECT_EQ(node_->plan(desired_).spread.at(unit), loop) << unit.second;
  EXPECT_EQ(loop("web4"), loop("web3")) << "where most is left";
}

TEST_F(Guarantees, WhatWasGivenIsNotTakenBackByALesserMachine) {
  machine(4, 2);
  EXPECT_THAT(apply({with_sla_in("a", "web1", guaranteed(7000)), with_sla_in("b", "web2", guaranteed(7000))}), IsEmpty());
  machine(1, 1);
  EXPECT_THAT(apply({domain("web9")}), IsEmpty());
  EXPECT_THAT(apply({with_sla_in("b", "web2", guaranteed(6000))}), IsEmpty()) << "less is no more";
  EXPECT_THAT(apply({with_sla_in("c", "web3", guaranteed(1))}), SizeIs(1));
}

}  // namespace
}  // namespace vs
