#include "vsmgrd/placement/guarantees.h"

#include <algorithm>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "vsmgrd/model/admission.h"
#include "vsmgrd/model/codec.h"
#include "vsmgrd/placement/node_placement.h"

namespace vs {
namespace {

constexpr std::string_view kOneLoop = "pubsub";  // its guests meet in its channels
constexpr std::int64_t kSecondUs = 1'000'000;
constexpr std::int64_t kLoopUs = kSecondUs * kGuaranteedPercent / 100;  // given of each second of a loop, or a CPU

double part(std::int64_t us) { return static_cast<double>(us) / static_cast<double>(kSecondUs); }

// What one binding is guaranteed.
struct Guarantee {
  const Resource* binding = nullptr;
  std::string kind;
  std::string domain;
  std::uint32_t rate = 0;
  std::int64_t cost_us = 0;
  std::optional<std::uint32_t> loop;  // that it is placed on
  bool pooled = true;                 // it takes its time from the shared pool
  [[nodiscard]] std::int64_t us() const { return cost_us * rate; }
};

const PlacedUnit* unit_of(const PlacementPlan& plan, const std::string& kind, const std::string& domain) {
  auto found = plan.units.find({kind, domain});
  if (found == plan.units.end()) found = plan.units.find({kind, ""});
  return found == plan.units.end() ? nullptr : &found->second;
}

std::optional<Guarantee> guarantee_of(const Resource& resource, const Desired& desired) {
  const auto& spec = std::get<BindingSpec>(resource.spec);
  const std::uint32_t rate = guaranteed_rate(sla_of(spec, desired));
  const auto service = desired.services.find(spec.service);
  if (rate == 0 || service == desired.services.end()) return std::nullopt;
  const auto& of = std::get<ServiceSpec>(service->second.spec);
  if (!can_be_placed(of.kind)) return std::nullopt;  // it keeps no promises
  return Guarantee{.binding = &resource,
                   .kind = of.kind,
                   .domain = spec.domain,
                   .rate = rate,
                   .cost_us = request_cost_of(of).count(),
                   .loop = {},
                   .pooled = true};
}

std::vector<Guarantee> guarantees_of(const Desired& desired, const PlacementPlan& plan) {
  std::vector<Guarantee> all;
  for (const auto& [name, resource] : desired.bindings) {
    auto one = guarantee_of(resource, desired);
    if (!one) continue;
    if (const PlacedUnit* unit = unit_of(plan, one->kind, one->domain)) {
      one->loop = unit->loop;
      one->pooled = (unit->cpus & plan.exclusive).empty();
    }
    all.push_back(std::move(*one));
  }
  return all;
}

struct Spread {
  std::map<std::string, std::uint32_t> loop_of;  // by domain
  std::vector<std::int64_t> us;                  // of each loop
};

Spread spread(const std::map<std::string, std::int64_t>& us_of_domain, std::uint32_t loops) {
  std::vector<std::pair<std::string, std::int64_t>> largest(us_of_domain.begin(), us_of_domain.end());
  std::stable_sort(largest.begin(), largest.end(), [](const auto& one, const auto& other) { return one.second > other.second; });
  Spread made{.loop_of = {}, .us = std::vector<std::int64_t>(loops)};
  for (const auto& [domain, us] : largest) {
    const auto least = std::min_element(made.us.begin(), made.us.end());
    made.loop_of[domain] = static_cast<std::uint32_t>(least - made.us.begin());
    *least += us;
  }
  return made;
}

// What is given, and whether one more fits.
class Books {
 public:
  Books(const PlacementPlan& plan, std::uint32_t backend_loops) : backend_loops_(backend_loops) {
    if (!plan.shared.empty()) pool_us_ = kLoopUs * static_cast<std::int64_t>(plan.shared.size());
  }

  enum class Limit { none, placed, domain, loops, pool };
  [[nodiscard]] Limit limit_for(const Guarantee& one) const {
    if (one.loop && given_on(one) + one.us() > kLoopUs) return Limit::placed;
    if (!one.loop) {
      auto domains = unplaced(one.kind);
      const std::int64_t of_domain = domains[one.domain] += one.us();
      const auto made = spread(domains, loops_of(one.kind, backend_loops_));
      if (*std::max_element(made.us.begin(), made.us.end()) > kLoopUs) return of_domain > kLoopUs ? Limit::domain : Limit::loops;
    }
    return one.pooled && pool_us_ && pooled_us_ + one.us() > *pool_us_ ? Limit::pool : Limit::none;
  }
  // The most that fits in its place; 0: nothing does.
  [[nodiscard]] std::uint32_t rate_for(Guarantee one) const {
    std::uint32_t fits = 0, not_this = one.rate;
    while (fits + 1 < not_this) {
      one.rate = fits + (not_this - fits) / 2;
      (limit_for(one) == Limit::none ? fits : not_this) = one.rate;
    }
    return fits;
  }
  void give(const Guarantee& one) {
    given_.push_back(one);
    if (one.pooled) pooled_us_ += one.us();
  }

  // "1 other of kind dns is guaranteed 0.5 already, together 0.7001, and at most 0.7 is given".
  [[nodiscard]] std::string sum(const Guarantee& one, Limit limit) const {
    const std::uint32_t loops = loops_of(one.kind, backend_loops_);
    switch (limit) {
      case Limit::placed:
        return added(one, "on its loop, which is placed, ", kLoopUs,
                     [&](const auto& other) { return other.kind == one.kind && other.loop == one.loop; });
      case Limit::domain:
        if (loops == 1) break;
        return added(one, "of its domain, which one loop serves, ", kLoopUs,
                     [&](const auto& other) { return other.kind == one.kind && other.domain == one.domain; });
      case Limit::loops: {
        if (loops == 1) break;
        const auto [count, us] = total([&](const auto& other) { return other.kind == one.kind && !other.loop; });
        return fmt::format("{} other{} of kind {} {} guaranteed {:.4g} of {} loops already, each domain on one, of which none has more "
                           "than {:.4g} left, and at most {:.4g} of each is given",
                           count, count == 1 ? "" : "s", one.kind, count == 1 ? "is" : "are", part(us), loops,
                           part(one.cost_us * rate_for(one)), part(kLoopUs));
      }
      case Limit::pool:
        return added(one, fmt::format("of all kinds on {} CPU{} ", *pool_us_ / kLoopUs, *pool_us_ == kLoopUs ? "" : "s"), *pool_us_,
                     [](const auto& other) { return other.pooled; });
      case Limit::none: break;
    }
    return added(one, fmt::format("of kind {} ", one.kind), kLoopUs,
                 [&](const auto& other) { return other.kind == one.kind && !other.loop; });
  }

 private:
  template <class Holds>
  [[nodiscard]] std::pair<std::size_t, std::int64_t> total(Holds holds) const {
    std::pair<std::size_t, std::int64_t> all{};
    for (const Guarantee& other : given_) {
      if (!holds(other)) continue;
      ++all.first;
      all.second += other.us();
    }
    return all;
  }
  template <class Holds>
  [[nodiscard]] std::string added(const Guarantee& one, std::string_view whose, std::int64_t most, Holds holds) const {
    const auto [count, us] = total(holds);
    return fmt::format("{} other{} {}{} guaranteed {:.4g} already, together {:.4g}, and at most {:.4g} is given", count,
                       count == 1 ? "" : "s", whose, count == 1 ? "is" : "are", part(us), part(us + one.us()), part(most));
  }
  [[nodiscard]] std::int64_t given_on(const Guarantee& one) const {
    return total([&](const auto& other) { return other.kind == one.kind && other.loop == one.loop; }).second;
  }
  [[nodiscard]] std::map<std::string, std::int64_t> unplaced(const std::string& kind) const {
    std::map<std::string, std::int64_t> all;
    for (const Guarantee& other : given_)
      if (other.kind == kind && !other.loop) all[other.domain] += other.us();
    return all;
  }

  std::uint32_t backend_loops_;
  std::optional<std::int64_t> pool_us_;
  std::vector<Guarantee> given_;
  std::int64_t pooled_us_ = 0;
};

// Where what a binding is guaranteed is to be mended: in what was written of it.
struct Fault {
  const Resource* of;
  std::string pointer;
};

Fault fault_of(const Resource& binding, const Desired& before, const Desired& next) {
  const auto& spec = std::get<BindingSpec>(binding.spec);
  const auto written = [&](Kind kind, const std::string& name) { return before.of(kind).shared(name) != next.of(kind).shared(name); };
  if (!spec.sla_name.empty() && written(Kind::sla, spec.sla_name)) return {&next.slas.at(spec.sla_name), "/spec/class"};
  if (written(Kind::binding, binding.metadata.name)) return {&binding, spec.sla_name.empty() ? "/spec/sla/class" : "/spec/sla"};
  if (written(Kind::service, spec.service)) return {&next.services.at(spec.service), "/spec/requestCost"};
  return {&binding, "/spec/sla"};  // where it runs has changed
}

// What was given before: at least as much, to the same domain. `before` is in the order of names.
bool was_given(const Guarantee& one, const std::vector<Guarantee>& before) {
  const std::string& name = one.binding->metadata.name;
  const auto old = std::lower_bound(before.begin(), before.end(), name, [](const Guarantee& other, const std::string& wanted) {
    return other.binding->metadata.name < wanted;
  });
  return old != before.end() && old->binding->metadata.name == name && old->kind == one.kind && old->domain == one.domain &&
         old->us() >= one.us();
}

Problem problem_of(const Guarantee& one, const Books& books, Books::Limit limit, const Fault& fault) {
  const std::uint32_t fits = books.rate_for(one);
  return {.pointer = fault.pointer,
          .message = fmt::format("{} requests a second of {} each are {:.4g} of a loop for Binding {}; {}", one.rate,
                                 format_fine_duration(std::chrono::microseconds(one.cost_us)), part(one.us()),
                                 in_quotes(one.binding->metadata.name), books.sum(one, limit)),
          .hint = fits == 0 ? "class burstable fits" : fmt::format("a \"rate\" of at most {} fits, or class burstable", fits),
          .source = nearest_source(fault.of->metadata.sources, fault.pointer),
          .code = "exhausted"};
}

}  // namespace

std::uint32_t loops_of(std::string_view kind, std::uint32_t backend_loops) { return kind == kOneLoop ? 1 : std::max(backend_loops, 1U); }

std::map<UnitKey, std::uint32_t> spread_guaranteed(const Desired& desired, const PlacementPlan& plan, std::uint32_t backend_loops) {
  std::map<std::string, std::map<std::string, std::int64_t>> kinds;
  for (const Guarantee& one : guarantees_of(desired, plan))
    if (!one.loop && loops_of(one.kind, backend_loops) > 1) kinds[one.kind][one.domain] += one.us();
  std::map<UnitKey, std::uint32_t> loops;
  for (const auto& [kind, domains] : kinds)
    for (const auto& [domain, loop] : spread(domains, loops_of(kind, backend_loops)).loop_of) loops[{kind, domain}] = loop;
  return loops;
}

bool guarantees_more(const Desired& before, const Desired& next) {
  const std::vector<Guarantee> old = guarantees_of(before, {});
  const std::vector<Guarantee> all = guarantees_of(next, {});
  return !std::all_of(all.begin(), all.end(), [&](const Guarantee& one) { return was_given(one, old); });
}

std::vector<Problem> overcommitted(const Desired& before, const Desired& next, const PlacementPlan& plan, std::uint32_t backend_loops) {
  std::vector<Guarantee> all = guarantees_of(next, plan);
  if (all.empty()) return {};
  const std::vector<Guarantee> old = guarantees_of(before, plan);
  const auto asked = std::stable_partition(all.begin(), all.end(), [&](const Guarantee& one) { return was_given(one, old); });
  Books books(plan, backend_loops);
  std::for_each(all.begin(), asked, [&](const Guarantee& one) { books.give(one); });
  std::vector<Problem> problems;
  std::for_each(asked, all.end(), [&](const Guarantee& one) {
    const Books::Limit limit = books.limit_for(one);
    if (limit == Books::Limit::none) return books.give(one);
    problems.push_back(problem_of(one, books, limit, fault_of(*one.binding, before, next)));
  });
  return problems;
}

}  // namespace vs
