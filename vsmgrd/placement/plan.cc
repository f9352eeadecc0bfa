#include "vsmgrd/placement/plan.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "vsmgrd/placement/choose.h"

namespace vs {
namespace {

bool has(const Placement& placement, std::string_view option) {
  return std::find(placement.options.begin(), placement.options.end(), option) != placement.options.end();
}

// What one unit wishes, and the bindings that say so.
struct UnitWish {
  const PlacementWish* wish = nullptr;
  std::vector<std::string> bindings;
  const PlacedUnit* before = nullptr;  // that fitted
  bool keeps = false;                  // the CPUs it had

  [[nodiscard]] bool vcpus() const { return wish->kind == kVcpus; }
};

class Planner {
 public:
  explicit Planner(const PlacementInput& input) : input_(input), topology_(input.topology) {
    for (const auto& [number, cpu] : topology_.cpus) core_cpus_[cpu.core].add(number);
    divide();
    gather();
  }

  PlacementPlan make() {
    // Those that name their CPUs have no choice: they go first, and who has them already before who comes.
    // Who only counts its CPUs keeps those it has, if they are left; then comes who has none.
    std::vector<const UnitKey*> refused, displaced;
    for (const int rank : {0, 1, 2, 3}) {
      for (const auto& [key, unit] : ordered(rank, displaced)) {
        if (rank == 2) units_.at(*key).keeps = can_keep(*unit);
        if (rank == 2 && !unit->keeps) displaced.push_back(key);
        else if (!place(*key, *unit)) refused.push_back(key);
      }
    }
    std::sort(refused.begin(), refused.end(), [](const UnitKey* one, const UnitKey* other) { return *one < *other; });
    for (const UnitKey* key : refused) place_instead(*key, units_.at(*key));
    for (const std::string& name : unlike_) refuse_unlike(name);
    plan_.exclusive = exclusive_;
    plan_.shared = pool_ - exclusive_;
    plan_.isolated = (topology_.isolated & input_.allowed) - plan_.reserved - exclusive_;
    return std::move(plan_);
  }

 private:
  void divide() {
    const CpuSet usable = topology_.online & input_.allowed;
    plan_.reserved = input_.reserved & topology_.online;
    pool_ = usable - topology_.isolated - plan_.reserved;
    if (!pool_.empty()) return;
    CpuSet all = usable - topology_.isolated;
    if (all.empty()) all = usable.empty() ? topology_.online : usable;
    pool_.add(all.list().back());
    plan_.reserved_too_large = true;
    plan_.reserved -= pool_;
  }

  void gather() {
    for (const auto& [domain, placement] : input_.vcpus) {
      if (!wishes(placement)) continue;
      const UnitKey key{kVcpus, domain};
      UnitWish& unit = units_[key];
      unit.wish = &guests_.emplace(domain, PlacementWish{.kind = kVcpus, .domain = domain, .placement = placement}).first->second;
      if (const auto before = input_.before.find(key); before != input_.before.end() && before->second.fits) unit.before = &before->second;
    }
    for (const auto& [name, wish] : input_.wishes) {
      if (!wishes(wish.placement)) continue;
      const auto kind = input_.kinds.find(wish.kind);
      const bool one_loop = kind != input_.kinds.end() && kind->second.one_loop;
      const UnitKey key{wish.kind, one_loop ? std::string() : wish.domain};
      plan_.bindings[name].unit = key;
      UnitWish& unit = units_[key];
      if (unit.wish == nullptr) {
        unit.wish = &wish;
        if (const auto before = input_.before.find(key); before != input_.before.end() && before->second.fits) {
          unit.before = &before->second;
          kept_.emplace(key.first, before->second.loop);
        }
      }
      if (unit.wish->placement == wish.placement) unit.bindings.push_back(name);
      else unlike_.push_back(name);
    }
  }

  // 0: names CPUs and has them; 1: names CPUs; 2: has as many as it wants; 3: the rest, the hardest to please first.
  int rank_of(const UnitWish& unit) const {
    const Placement& wish = unit.wish->placement;
    if (!wish.cpus.empty()) return unit.before != nullptr && unit.before->cpus == named(wish) ? 0 : 1;
    return unit.before != nullptr && unit.before->cpus.size() == count_of(wish) ? 2 : 3;
  }

  std::vector<std::pair<const UnitKey*, const UnitWish*>> ordered(int rank, const std::vector<const UnitKey*>& displaced) const {
    std::vector<std::pair<const UnitKey*, const UnitWish*>> units;
    for (const auto& [key, unit] : units_)
      if (rank_of(unit) == rank || (rank == 3 && std::find(displaced.begin(), displaced.end(), &key) != displaced.end()))
        units.emplace_back(&key, &unit);
    std::stable_sort(units.begin(), units.end(), [](const auto& one, const auto& other) {
      if (one.second->vcpus() != other.second->vcpus()) return one.second->vcpus();
      const Placement& left = one.second->wish->placement;
      const Placement& right = other.second->wish->placement;
      const bool alone = left.mode == "exclusive";
      if (alone != (right.mode == "exclusive")) return alone;
      return left.count > right.count;
    });
    return units;
  }

  static CpuSet named(const Placement& wish) {
    const auto cpus = parse_cpus(wish.cpus);
    return cpus ? CpuSet(*cpus) : CpuSet();
  }
  static std::size_t count_of(const Placement& wish) { return std::max<std::size_t>(1, wish.count); }

  CpuSet cores_of(const CpuSet& cpus) const {
    CpuSet all;
    for (const std::uint32_t cpu : cpus.list())
      if (const auto known = topology_.cpus.find(cpu); known != topology_.cpus.end()) all |= core_cpus_.at(known->second.core);
    return all;
  }

  // Where its guest may run; empty when that is not known, or is everywhere.
  CpuSet guest_cores(const std::string& domain) const {
    if (const auto placed = plan_.units.find({kVcpus, domain}); placed != plan_.units.end()) return cores_of(placed->second.cpus);
    const auto guest = input_.guests.find(domain);
    if (guest == input_.guests.end()) return {};
    const CpuSet cpus = guest->second & topology_.online;
    return cpus == topology_.online ? CpuSet() : cores_of(cpus);
  }

  CpuSet free_for(const PlacementWish& wish) const {
    CpuSet free = wish.kind == kVcpus ? free_for_vcpus(wish.domain) : pool_ - exclusive_;
    if (wish.placement.mode == "exclusive") {
      free -= shared_;
      if (!wish.placement.cpus.empty() && wish.kind != kVcpus)
        free |= (topology_.isolated & input_.allowed) - plan_.reserved - exclusive_ - shared_;
    }
    return free;
  }

  // A hypervisor's guests run wherever it lets them: what this daemon may use is no limit.
  CpuSet cpupool_of(const std::string& domain) const {
    const auto pool = input_.pools.find(domain);
    return pool == input_.pools.end() ? topology_.online : pool->second & topology_.online;
  }
  CpuSet free_for_vcpus(const std::string& domain) const {
    return cpupool_of(domain) - topology_.isolated - plan_.reserved - exclusive_;
  }
  // The cores of its loops that are to be apart from it.
  CpuSet apart_from(const std::string& domain) const {
    const auto apart = apart_.find(domain);
    return apart == apart_.end() ? CpuSet() : apart->second;
  }

  bool place(const UnitKey& key, const UnitWish& unit) {
    const Placement& wish = unit.wish->placement;
    BindingPlace place{.unit = key};
    CpuSet cpus;
    if (!wish.cpus.empty()) {
      cpus = named(wish);
      refuse_named(cpus, *unit.wish, place);
    } else {
      cpus = choose_counted(key, unit, place);
    }
    if (place.misfit == Misfit::none && wish.mode == "exclusive" && (pool_ - exclusive_ - cpus).empty())
      refuse(place, Misfit::exhausted, fmt::format("no CPU would be left for those that share, without {}", to_string(cpus)),
             fits_of(*unit.wish));
    std::optional<std::uint32_t> loop;
    if (place.misfit == Misfit::none) {
      loop = loop_for(key, cpus, unit.before);
      if (!loop) refuse(place, Misfit::loops_exhausted, fmt::format("backend {} has no more loops ({})", key.first, kBackendLoopsMax),
                        "CPUs that another of its bindings has");
    }
    if (unit.vcpus()) plan_.vcpus[key.second] = place;
    for (const std::string& binding : unit.bindings) plan_.bindings[binding] = place;
    if (place.misfit != Misfit::none) return false;
    take(key, cpus, *loop, wish.mode == "exclusive", true);
    return true;
  }

  static ChoiceTerms terms_of(const Placement& wish) {
    return {.count = count_of(wish),
            .full_cores = has(wish, "fullCores"),
            .same_llc = has(wish, "sameLlc"),
            .same_node = has(wish, "sameNumaNode"),
            .spread = has(wish, "spread"),
            .pack = wish.mode == "exclusive"};
  }

  // What is free of where it wants to be.
  CpuSet around(const UnitWish& unit) const {
    const Placement& wish = unit.wish->placement;
    CpuSet from = free_for(*unit.wish);
    if (unit.vcpus()) return from - apart_from(unit.wish->domain);
    const CpuSet guest = guest_cores(unit.wish->domain);
    if (has(wish, "apartFromGuest")) from -= guest;
    if (has(wish, "sameCoreAsGuest") && !guest.empty()) from &= guest;
    if (!unit.wish->prefers || guest.empty()) return from;
    const CpuSet preferred = *unit.wish->prefers == CoreSide::same ? from & guest : from - guest;
    return preferred.size() >= count_of(wish) ? preferred : from;
  }

  bool can_keep(const UnitWish& unit) const {
    return around(unit).contains(unit.before->cpus) && meets(topology_, unit.before->cpus, terms_of(unit.wish->placement));
  }

  static void refuse(BindingPlace& place, Misfit misfit, std::string message, std::string fits) {
    if (place.misfit != Misfit::none) return;
    place.misfit = misfit;
    place.message = std::move(message);
    place.fits = std::move(fits);
  }

  std::string fits_of(const PlacementWish& wish) const {
    CpuSet free = free_for(wish);
    if (wish.placement.mode == "exclusive") {
      // One must stay for the others.
      if (const CpuSet pool = pool_ - exclusive_; free.contains(pool) && !pool.empty()) free.remove(pool.list().back());
    }
    if (free.empty()) return wish.placement.mode == "exclusive" ? "mode: shared fits" : "";
    if (wish.placement.cpus.empty())
      return fmt::format("at most {} of {} fit{}", free.size(), to_string(free), free.size() == 1 ? "s" : "");
    return fmt::format("any of {} fits", to_string(free));
  }

  void refuse_named(const CpuSet& cpus, const PlacementWish& wish, BindingPlace& place) const {
    const auto check = [&](const CpuSet& bad, Misfit misfit, const char* what) {
      if (!bad.empty()) refuse(place, misfit, fmt::format("CPU {} {}", to_string(bad), what), fits_of(wish));
    };
    const bool alone = wish.placement.mode == "exclusive", vcpus = wish.kind == kVcpus;
    check(cpus - topology_.online - topology_.offline, Misfit::absent, "is not there");
    check(cpus & topology_.offline, Misfit::offline, "is offline");
    if (vcpus) check(cpus - cpupool_of(wish.domain), Misfit::forbidden, "is of another cpupool than the domain");
    else check(cpus - input_.allowed, Misfit::forbidden, "is not for this daemon: its cgroup or affinity leaves it out");
    check(cpus & plan_.reserved, Misfit::reserved_overlap, "is reserved");
    if (!alone || vcpus) check(cpus & topology_.isolated, Misfit::isolated, "is isolated, and only given to bindings, in mode exclusive");
    check(cpus & exclusive_, Misfit::taken, "is another's alone");
    if (alone) check(cpus & shared_, Misfit::taken, "is shared by others already");
    if (has(wish.placement, "fullCores"))
      check(topology_.cores_of(cpus) - cpus, Misfit::smt_alignment, "is left over of a core that is not named in full");
    if (has(wish.placement, "apartFromGuest"))
      check(cpus & guest_cores(wish.domain), Misfit::guest_overlap, "is of a core that its guest runs on");
    if (vcpus) check(cpus & apart_from(wish.domain), Misfit::guest_overlap, "serves a binding of the domain that is to be apart from it");
  }

  CpuSet choose_counted(const UnitKey& key, const UnitWish& unit, BindingPlace& place) {
    const Placement& wish = unit.wish->placement;
    const bool alone = wish.mode == "exclusive";
    const std::size_t count = count_of(wish);
    if (unit.keeps) return unit.before->cpus;
    if (const CpuSet free = free_for(*unit.wish); free.size() < count) {
      refuse(place, Misfit::exhausted,
             fmt::format("{} CPU{} free", free.size(), free.size() == 1 ? " is" : "s are"), fits_of(*unit.wish));
      return {};
    }
    const CpuSet from = around(unit);
    if (from.size() < count) {
      if (unit.vcpus()) {
        refuse(place, Misfit::guest_overlap,
               fmt::format("bindings of it that are to be apart from it are served on the cores {}", to_string(apart_from(key.second))),
               fits_of(*unit.wish));
        return {};
      }
      const bool same = has(wish, "sameCoreAsGuest");
      refuse(place, same ? Misfit::guest_elsewhere : Misfit::guest_overlap,
             fmt::format("the guest runs on the cores {}: {} free {}", to_string(guest_cores(unit.wish->domain)),
                         from.empty() ? "none is" : to_string(from) + " are", same ? "there" : "apart from them"),
             from.empty() ? "leave the option out" : fmt::format("at most {} fits", from.size()));
      return {};
    }
    const ChoiceTerms terms = terms_of(wish);
    // Once a backend has no loop left, who shares joins a loop that there is.
    if (!alone && !has_loop_left(key.first))
      if (auto joined = join(key.first, from, terms)) return *joined;
    const Choice choice = choose(topology_, from, load_, terms);
    if (choice.misfit != Misfit::none) refuse(place, choice.misfit, choice.message, choice.fits);
    return choice.cpus;
  }

  std::optional<CpuSet> join(const std::string& kind, const CpuSet& from, const ChoiceTerms& terms) const {
    std::optional<CpuSet> best;
    std::size_t best_users = 0;
    for (const auto& [loop, group] : groups_of(kind)) {
      if (group.alone || group.size != terms.count || (best && group.users >= best_users)) continue;  // the cheap looks first
      if (!from.contains(group.cpus) || !meets(topology_, group.cpus, terms)) continue;
      best = group.cpus;
      best_users = group.users;
    }
    return best;
  }

  struct Group {
    CpuSet cpus;
    bool alone = false;
    std::size_t size = 0;
    std::size_t users = 0;
  };
  using Groups = std::map<std::uint32_t, Group>;  // by loop
  const Groups& groups_of(const std::string& kind) const {
    static const Groups kNone;
    const auto found = groups_.find(kind);
    return found == groups_.end() ? kNone : found->second;
  }

  std::uint32_t loops_before(const std::string& kind) const {
    const auto known = input_.kinds.find(kind);
    return known == input_.kinds.end() ? 1 : known->second.loops;
  }
  bool has_loop_left(const std::string& kind) const {
    return groups_of(kind).size() + loops_before(kind) < kBackendLoopsMax;
  }

  // The loop that has these CPUs; else the one it had, or the lowest that is free.
  std::optional<std::uint32_t> loop_for(const UnitKey& key, const CpuSet& cpus, const PlacedUnit* before) const {
    if (key.first == kVcpus) return 0;
    const auto kind = input_.kinds.find(key.first);
    if (kind != input_.kinds.end() && kind->second.one_loop) return 0;
    const Groups& groups = groups_of(key.first);
    for (const auto& [loop, group] : groups)
      if (group.cpus == cpus) return loop;
    const std::uint32_t first = loops_before(key.first);
    if (before != nullptr && before->loop >= first && before->loop < kBackendLoopsMax && !groups.contains(before->loop)) return before->loop;
    for (std::uint32_t loop = first; loop < kBackendLoopsMax; ++loop)
      if (!groups.contains(loop) && !kept_.contains({key.first, loop})) return loop;
    for (std::uint32_t loop = first; loop < kBackendLoopsMax; ++loop)
      if (!groups.contains(loop)) return loop;
    return std::nullopt;
  }
  void take(const UnitKey& key, const CpuSet& cpus, std::uint32_t loop, bool alone, bool fits) {
    const UnitWish& unit = units_.at(key);
    if (unit.vcpus()) {
      plan_.units[key] = {cpus, loop, fits};
      plan_.vcpus[key.second].cpus = cpus;
    } else {
      const CpuSet guest = guest_cores(unit.wish->domain);
      plan_.units[key] = {cpus, loop, fits, !guest.empty() && guest.contains(cpus)};
      if (has(unit.wish->placement, "apartFromGuest")) apart_[unit.wish->domain] |= cores_of(cpus);
      Group& group = groups_[key.first][loop];
      group.cpus = cpus;
      group.alone = alone;
      group.size = cpus.size();
      ++group.users;
    }
    (alone ? exclusive_ : shared_) |= cpus;
    for (const std::uint32_t cpu : cpus.list()) ++load_[cpu];
    for (const std::string& binding : unit.bindings) plan_.bindings[binding].cpus = cpus;
  }

  // What is left of the CPUs it names, shared; else as many as it wants, anywhere; else the shared pool.
  void place_instead(const UnitKey& key, const UnitWish& unit) {
    const Placement& wish = unit.wish->placement;
    const CpuSet free = unit.vcpus() ? free_for_vcpus(unit.wish->domain) : pool_ - exclusive_;
    CpuSet cpus;
    if (!wish.cpus.empty()) cpus = named(wish) & free;
    else if (free.size() >= count_of(wish)) cpus = choose(topology_, free, load_, {.count = count_of(wish)}).cpus;
    if (cpus.empty()) return;
    if (const auto loop = loop_for(key, cpus, nullptr)) take(key, cpus, *loop, false, false);
  }

  void refuse_unlike(const std::string& name) {
    BindingPlace& place = plan_.bindings[name];
    const UnitWish& unit = units_.at(place.unit);
    refuse(place, Misfit::one_loop,
           fmt::format("one thread serves it and binding {}, which wishes otherwise", unit.bindings.front()),
           fmt::format("the placement of binding {} fits", unit.bindings.front()));
    if (const auto placed = plan_.units.find(place.unit); placed != plan_.units.end()) place.cpus = placed->second.cpus;
  }

  const PlacementInput& input_;
  const Topology& topology_;
  PlacementPlan plan_;
  CpuSet pool_;        // exclusive ones included
  CpuSet exclusive_;
  CpuSet shared_;      // that units which share are placed on
  CpuLoads load_ = CpuLoads(kCpusMax);
  std::map<std::uint32_t, CpuSet> core_cpus_;  // by core
  std::map<std::string, PlacementWish> guests_;  // what vCPUs wish, by domain
  std::map<std::string, CpuSet> apart_;          // cores of loops that are to be apart from their guest, by domain
  std::set<std::pair<std::string, std::uint32_t>> kept_;  // loops that units had, placed yet or not
  std::map<UnitKey, UnitWish> units_;
  std::vector<std::string> unlike_;
  std::map<std::string, Groups> groups_;  // by kind
};

}  // namespace

PlacementPlan plan_placement(const PlacementInput& input) { return Planner(input).make(); }

}  // namespace vs
