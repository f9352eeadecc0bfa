#include "vsmgrd/placement/plan.h"

#include <algorithm>
#include <random>
#include <set>

#include <gtest/gtest.h>

namespace vs {
namespace {

CpuSet cpus(std::string_view text) { return text.empty() ? CpuSet() : CpuSet(*parse_cpus(text)); }

// CPU n and n + cores are a core, `llc` cores share a cache, and the cores are in two nodes.
Topology server(std::uint32_t cores, std::uint32_t llc) {
  Topology topology;
  for (std::uint32_t cpu = 0; cpu < 2 * cores; ++cpu) {
    const std::uint32_t core = cpu % cores;
    topology.online.add(cpu);
    topology.cpus[cpu] = {.core = core, .llc = core / llc * llc, .node = core < cores / 2 ? 0U : 1U};
  }
  return topology;
}

PlacementInput machine(Topology topology, std::string_view reserved = "0") {
  PlacementInput input;
  input.allowed = topology.online;
  input.topology = std::move(topology);
  input.reserved = cpus(reserved);
  input.kinds = {{"dns", {.loops = 2}}, {"pubsub", {.loops = 1, .one_loop = true}}};
  return input;
}

Placement named(std::string text, std::string mode = "shared", std::vector<std::string> options = {}) {
  return {.cpus = std::move(text), .options = std::move(options), .mode = std::move(mode)};
}
Placement counted(std::uint32_t count, std::string mode = "shared", std::vector<std::string> options = {}) {
  return {.count = count, .options = std::move(options), .mode = std::move(mode)};
}

void wish(PlacementInput& input, const std::string& name, Placement placement, const std::string& kind = "dns") {
  input.wishes[name] = {.kind = kind, .domain = name, .placement = std::move(placement)};
}

Misfit misfit(const PlacementPlan& plan, const std::string& binding) { return plan.bindings.at(binding).misfit; }
std::string got(const PlacementPlan& plan, const std::string& binding) { return to_string(plan.bindings.at(binding).cpus); }

TEST(PlacementPlan, WithoutWishesIsTheSharedPool) {
  auto input = machine(server(4, 2), "0,4");
  input.topology.isolated = cpus("3");
  const auto plan = plan_placement(input);
  EXPECT_EQ(to_string(plan.shared), "1-2,5-7");
  EXPECT_EQ(to_string(plan.isolated), "3");
  EXPECT_EQ(to_string(plan.reserved), "0,4");
  EXPECT_TRUE(plan.units.empty());
}

TEST(PlacementPlan, GivesTheCpusThatAreNamed) {
  auto input = machine(server(4, 2));
  wish(input, "a", named("1-2"));
  wish(input, "b", named("3", "exclusive"));
  const auto plan = plan_placement(input);
  EXPECT_EQ(got(plan, "a"), "1-2");
  EXPECT_EQ(got(plan, "b"), "3");
  EXPECT_EQ(to_string(plan.shared), "1-2,4-7");
  EXPECT_NE(plan.units.at({"dns", "a"}).loop, plan.units.at({"dns", "b"}).loop);
  EXPECT_GE(plan.units.at({"dns", "a"}).loop, 2u);  // not one of those that are not placed
}

TEST(PlacementPlan, HasAReasonForEachRefusal) {
  auto input = machine(server(4, 2), "0,4");
  input.topology.online.remove(7);
  input.topology.cpus.erase(7);
  input.topology.offline.add(7);
  input.topology.isolated = cpus("6");
  input.allowed.remove(5);
  input.guests["near"] = cpus("1");
  input.guests["far"] = cpus("4");
  wish(input, "absent", named("99"));
  wish(input, "alone", named("2", "exclusive"));
  wish(input, "apart", named("1", "shared", {"apartFromGuest"}));
  input.wishes["apart"].domain = "near";
  wish(input, "far", counted(1, "shared", {"sameCoreAsGuest"}));
  wish(input, "forbidden", named("5"));
  wish(input, "isolated", named("6"));
  wish(input, "many", counted(7));
  wish(input, "offline", named("7"));
  wish(input, "part", named("1", "shared", {"fullCores"}));
  wish(input, "reserved", named("4"));
  wish(input, "taken", named("2"));
  const auto plan = plan_placement(input);
  EXPECT_EQ(misfit(plan, "absent"), Misfit::absent);
  EXPECT_EQ(misfit(plan, "alone"), Misfit::none);
  EXPECT_EQ(misfit(plan, "apart"), Misfit::guest_overlap);
  EXPECT_EQ(misfit(plan, "forbidden"), Misfit::forbidden);
  EXPECT_EQ(misfit(plan, "isolated"), Misfit::isolated);
  EXPECT_EQ(misfit(plan, "many"), Misfit::exhausted);
  EXPECT_EQ(misfit(plan, "offline"), Misfit::offline);
  EXPECT_EQ(misfit(plan, "part"), Misfit::smt_alignment);
  EXPECT_EQ(misfit(plan, "reserved"), Misfit::reserved_overlap);
  EXPECT_EQ(misfit(plan, "taken"), Misfit::taken);
  EXPECT_EQ(misfit(plan, "far"), Misfit::guest_elsewhere);
  for (const auto& [name, place] : plan.bindings) {
    if (place.misfit == Misfit::none) continue;
    EXPECT_FALSE(place.message.empty()) << name;
    EXPECT_FALSE(place.fits.empty()) << name;
  }
  EXPECT_EQ(plan.bindings.at("reserved").fits, "any of 1,3 fits");
}

TEST(PlacementPlan, TakesAnIsolatedCpuOnlyForWhoNamesItAlone) {
  auto input = machine(server(4, 2));
  input.topology.isolated = cpus("3,7");
  wish(input, "a", named("3", "exclusive"));
  wish(input, "b", counted(5));
  const auto plan = plan_placement(input);
  EXPECT_EQ(got(plan, "a"), "3");
  EXPECT_EQ(got(plan, "b"), "1-2,4-6");
  EXPECT_EQ(to_string(plan.isolated), "7");
}

TEST(PlacementPlan, NeverEmptiesTheSharedPool) {
  auto input = machine(server(2, 2), "0");
  wish(input, "a", counted(3, "exclusive"));
  wish(input, "b", counted(2, "exclusive"));
  const auto plan = plan_placement(input);
  EXPECT_EQ(misfit(plan, "a"), Misfit::exhausted);
  EXPECT_EQ(plan.bindings.at("a").fits, "at most 2 of 1-2 fit");
  EXPECT_EQ(misfit(plan, "b"), Misfit::none);
  EXPECT_FALSE(plan.shared.empty());

  auto all_reserved = machine(server(2, 2), "0-3");
  const auto kept = plan_placement(all_reserved);
  EXPECT_TRUE(kept.reserved_too_large);
  EXPECT_EQ(to_string(kept.shared), "3");
  EXPECT_EQ(to_string(kept.reserved), "0-2");
}

TEST(PlacementPlan, OfFullCoresTakesSiblingsTogether) {
  auto input = machine(server(4, 2));
  wish(input, "a", counted(2, "exclusive", {"fullCores"}));
  wish(input, "odd", counted(3, "shared", {"fullCores"}));
  const auto plan = plan_placement(input);
  EXPECT_EQ(got(plan, "a"), "1,5");  // 0 is reserved: 4 is no whole core
  EXPECT_EQ(misfit(plan, "odd"), Misfit::smt_alignment);
  EXPECT_EQ(plan.bindings.at("odd").fits, "2 or 4 fits");
}

TEST(PlacementPlan, KeepsToOneCacheOrNode) {
  auto input = machine(server(8, 2), "0");
  wish(input, "cache", counted(3, "shared", {"sameLlc"}));
  wish(input, "cache-full", counted(5, "shared", {"sameLlc"}));
  wish(input, "node", counted(8, "shared", {"sameNumaNode"}));
  wish(input, "node-full", counted(9, "shared", {"sameNumaNode"}));
  const auto plan = plan_placement(input);
  const auto one = [&](const char* name, auto part) {
    const CpuSet& cpus = plan.bindings.at(name).cpus;
    const auto list = cpus.list();
    return std::all_of(list.begin(), list.end(), [&](std::uint32_t cpu) {
      return input.topology.cpus.at(cpu).*part == input.topology.cpus.at(list.front()).*part;
    });
  };
  EXPECT_TRUE(one("cache", &Cpu::llc));
  EXPECT_TRUE(one("node", &Cpu::node));
  EXPECT_EQ(plan.bindings.at("node").cpus.size(), 8u);
  EXPECT_EQ(misfit(plan, "cache-full"), Misfit::llc_full);
  EXPECT_EQ(misfit(plan, "node-full"), Misfit::numa_full);
  EXPECT_EQ(plan.bindings.at("node-full").fits, "at most 8 fit");
}

TEST(PlacementPlan, SpreadsOverNodesCachesAndCores) {
  auto input = machine(server(8, 2), "0");
  wish(input, "a", counted(4, "shared", {"spread"}));
  const auto plan = plan_placement(input);
  std::set<std::uint32_t> caches, nodes;
  for (const std::uint32_t cpu : plan.bindings.at("a").cpus.list()) {
    caches.insert(input.topology.cpus.at(cpu).llc);
    nodes.insert(input.topology.cpus.at(cpu).node);
  }
  EXPECT_EQ(caches.size(), 4u);
  EXPECT_EQ(nodes.size(), 2u);
}

TEST(PlacementPlan, PutsABindingOnTheCoreOfItsGuestOrApartFromIt) {
  auto input = machine(server(4, 2));
  input.guests = {{"same", cpus("2")}, {"apart", cpus("1-2")}, {"anywhere", cpus("0-7")}};
  wish(input, "same", counted(1, "shared", {"sameCoreAsGuest"}));
  wish(input, "apart", counted(3, "shared", {"apartFromGuest"}));
  wish(input, "anywhere", counted(1, "shared", {"sameCoreAsGuest"}));
  const auto plan = plan_placement(input);
  EXPECT_TRUE(cpus("2,6").contains(plan.bindings.at("same").cpus));
  EXPECT_EQ(got(plan, "apart"), "3-4,7");
  EXPECT_EQ(misfit(plan, "anywhere"), Misfit::none);
}

TEST(PlacementPlan, PrefersFastCores) {
  auto input = machine(server(4, 2));
  for (auto& [number, cpu] : input.topology.cpus)
    if (number % 2 == 0) cpu.capacity = 446;
  wish(input, "a", counted(2));
  EXPECT_EQ(got(plan_placement(input), "a"), "1,3");
}

TEST(PlacementPlan, SharesTheLoopOfWhoeverHasTheSameCpus) {
  auto input = machine(server(4, 2));
  wish(input, "a", named("1-2"));
  wish(input, "b", named("1-2"));
  wish(input, "c", named("1"));
  const auto plan = plan_placement(input);
  EXPECT_EQ(plan.units.at({"dns", "a"}).loop, plan.units.at({"dns", "b"}).loop);
  EXPECT_NE(plan.units.at({"dns", "a"}).loop, plan.units.at({"dns", "c"}).loop);
}

TEST(PlacementPlan, OfAKindWithOneLoopIsOneForAllItsBindings) {
  auto input = machine(server(4, 2));
  wish(input, "a", named("1"), "pubsub");
  wish(input, "b", named("2"), "pubsub");
  const auto plan = plan_placement(input);
  EXPECT_EQ(plan.units.at({"pubsub", ""}).loop, 0u);
  EXPECT_EQ(got(plan, "a"), "1");
  EXPECT_EQ(misfit(plan, "b"), Misfit::one_loop);
  EXPECT_EQ(got(plan, "b"), "1");
}

TEST(PlacementPlan, GivesWhatIsLeftOfItToWhoNoLongerFits) {
  auto input = machine(server(4, 2));
  wish(input, "a", named("1-2", "exclusive"));
  wish(input, "b", counted(2, "shared", {"sameLlc"}));
  input.before = plan_placement(input).units;
  input.topology.online.remove(2);
  input.topology.cpus.erase(2);
  input.topology.offline.add(2);
  const auto plan = plan_placement(input);
  EXPECT_EQ(misfit(plan, "a"), Misfit::offline);
  EXPECT_EQ(got(plan, "a"), "1");
  EXPECT_FALSE(plan.units.at({"dns", "a"}).fits);
  EXPECT_EQ(misfit(plan, "b"), Misfit::none);
  EXPECT_EQ(plan.units.at({"dns", "b"}), input.before.at({"dns", "b"}));
}

TEST(PlacementPlan, LetsWhoHasTheCpusKeepThem) {
  auto input = machine(server(4, 2));
  wish(input, "z", named("3", "exclusive"));
  input.before = plan_placement(input).units;
  wish(input, "a", named("3", "exclusive"));
  const auto plan = plan_placement(input);
  EXPECT_EQ(misfit(plan, "z"), Misfit::none);
  EXPECT_EQ(misfit(plan, "a"), Misfit::taken);
}

TEST(PlacementPlan, JoinsLoopsThatThereAreWhenABackendHasNoMore) {
  auto input = machine(server(256, 8));
  input.kinds["dns"].loops = kBackendLoopsMax - 3;
  for (int i = 0; i < 20; ++i) wish(input, "d" + std::to_string(i), counted(1));
  wish(input, "exclusive", counted(1, "exclusive"));
  const auto plan = plan_placement(input);
  std::set<std::uint32_t> loops;
  for (const auto& [key, unit] : plan.units) loops.insert(unit.loop);
  EXPECT_EQ(loops.size(), 3u);
  for (const auto& [name, place] : plan.bindings) EXPECT_EQ(place.misfit, Misfit::none) << name;
  wish(input, "named", named("77"));
  EXPECT_EQ(plan_placement(input).units.at({"dns", "named"}).cpus, cpus("77"));
}

// ---- Properties, over many machines and wishes ----

class RandomPlacements : public ::testing::TestWithParam<unsigned> {
 protected:
  std::mt19937 random_{GetParam()};
  std::uint32_t draw(std::uint32_t below) { return static_cast<std::uint32_t>(random_() % below); }

  Placement random_placement(std::uint32_t machine_cpus) {
    Placement placement;
    placement.mode = draw(3) == 0 ? "exclusive" : "shared";
    if (draw(2) == 0) {
      const std::uint32_t first = draw(machine_cpus), last = std::min(first + draw(4), machine_cpus - 1);
      placement.cpus = first == last ? std::to_string(first) : std::to_string(first) + "-" + std::to_string(last);
      if (draw(4) == 0) placement.options = {"apartFromGuest"};
      return placement;
    }
    placement.count = 1 + draw(4);
    const std::vector<std::vector<std::string>> options{{}, {"fullCores"}, {"sameLlc"}, {"sameNumaNode"}, {"spread"}, {"fullCores", "sameLlc"}, {"apartFromGuest"}};
    placement.options = options[draw(static_cast<std::uint32_t>(options.size()))];
    if (placement.mode == "shared" && draw(6) == 0) placement.options = {"sameCoreAsGuest"};
    return placement;
  }

  PlacementInput random_input() {
    const std::uint32_t cores = 2 + draw(30);
    auto input = machine(server(cores, 1 + draw(4)), "0");
    for (std::uint32_t cpu = 1; cpu < 2 * cores; ++cpu) {
      if (draw(12) == 0) {
        input.topology.online.remove(cpu);
        input.topology.cpus.erase(cpu);
        input.topology.offline.add(cpu);
      } else if (draw(12) == 0) {
        input.topology.isolated.add(cpu);
      }
    }
    const std::uint32_t bindings = draw(40);
    for (std::uint32_t i = 0; i < bindings; ++i) {
      const std::string name = "b" + std::to_string(i);
      const Placement placement = random_placement(2 * cores);  // before the kind, whatever the compiler
      wish(input, name, placement, draw(8) == 0 ? "pubsub" : "dns");
      if (draw(5) == 0 && i != 0) input.wishes[name].domain = "b" + std::to_string(draw(i));
      if (draw(3) == 0) input.guests[name].add(draw(2 * cores));
    }
    return input;
  }
};

void expect_sound(const PlacementInput& input, const PlacementPlan& plan) {
  EXPECT_FALSE(plan.shared.empty());
  EXPECT_FALSE(plan.shared.meets(plan.exclusive));
  EXPECT_FALSE(plan.reserved.meets(plan.shared | plan.exclusive));
  std::map<std::string, std::map<std::uint32_t, CpuSet>> loops;
  for (const auto& [key, unit] : plan.units) {
    EXPECT_TRUE(input.topology.online.contains(unit.cpus));
    EXPECT_FALSE(unit.cpus.empty());
    EXPECT_FALSE(plan.reserved.meets(unit.cpus));
    const auto [known, fresh] = loops[key.first].emplace(unit.loop, unit.cpus);
    EXPECT_EQ(known->second, unit.cpus) << "one loop, two sets";
  }
  for (const auto& [name, place] : plan.bindings) {
    const Placement& placement = input.wishes.at(name).placement;
    if (place.misfit != Misfit::none) continue;
    if (!placement.cpus.empty()) EXPECT_EQ(to_string(place.cpus), to_string(CpuSet(*parse_cpus(placement.cpus))));
    else EXPECT_EQ(place.cpus.size(), placement.count);
    if (placement.mode != "exclusive") continue;
    EXPECT_TRUE(plan.exclusive.contains(place.cpus));
    for (const auto& [key, unit] : plan.units)
      EXPECT_TRUE(key == place.unit || !unit.cpus.meets(place.cpus)) << name << " and " << key.second;
  }
}

TEST_P(RandomPlacements, NeverGiveAnExclusiveCpuTwice) {
  for (int round = 0; round < 20; ++round) {
    const auto input = random_input();
    expect_sound(input, plan_placement(input));
  }
}

TEST_P(RandomPlacements, MoveNothingWhenPlannedAgain) {
  for (int round = 0; round < 20; ++round) {
    auto input = random_input();
    const auto first = plan_placement(input);
    EXPECT_EQ(plan_placement(input), first) << "not deterministic";
    input.before = first.units;
    const auto second = plan_placement(input);
    EXPECT_EQ(second.units, first.units);
    input.before = second.units;
    EXPECT_EQ(plan_placement(input), second);
  }
}

TEST_P(RandomPlacements, ComeToTheSameInWhateverOrderTheyAreAsked) {
  for (int round = 0; round < 10; ++round) {
    const auto input = random_input();
    std::vector<std::pair<std::string, PlacementWish>> wishes(input.wishes.begin(), input.wishes.end());
    std::shuffle(wishes.begin(), wishes.end(), random_);
    PlacementInput other = input;
    other.wishes.clear();
    for (const auto& [name, wish] : wishes) other.wishes.emplace(name, wish);
    EXPECT_EQ(plan_placement(other), plan_placement(input));
  }
}

TEST_P(RandomPlacements, KeepWhatFitsWhenOthersGo) {
  for (int round = 0; round < 20; ++round) {
    auto input = random_input();
    if (input.wishes.empty()) continue;
    const auto first = plan_placement(input);
    input.before = first.units;
    const auto gone = std::next(input.wishes.begin(), static_cast<long>(draw(static_cast<std::uint32_t>(input.wishes.size()))));
    const UnitKey unit = first.bindings.at(gone->first).unit;
    input.wishes.erase(gone);
    const auto second = plan_placement(input);
    // Who names CPUs and gets them at last may have others, who only count theirs, make room; and so may what stays of the unit, if
    // it was only for the one that went that it was shared.
    CpuSet claimed;
    for (const auto& [key, placed] : second.units) {
      const auto before = first.units.find(key);
      const bool names = std::any_of(second.bindings.begin(), second.bindings.end(), [&, &key = key](const auto& entry) {
        return entry.second.unit == key && !input.wishes.at(entry.first).placement.cpus.empty();
      });
      if (names && (key == unit || before == first.units.end() || !before->second.fits)) claimed |= placed.cpus;
      if (key == unit && placed.cpus.meets(second.exclusive) && !placed.cpus.meets(first.exclusive)) claimed |= placed.cpus;
    }
    for (const auto& [key, placed] : first.units) {
      if (!placed.fits || key == unit || placed.cpus.meets(claimed)) continue;
      EXPECT_EQ(second.units.at(key), placed) << key.second;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomPlacements, ::testing::Range(0U, 40U));

}  // namespace
}  // namespace vs
