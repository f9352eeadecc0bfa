#include "vsmgrd/reconciler/placing.h"

#include <utility>

#include <fmt/format.h>

#include "base/log.h"

namespace vs {
namespace {

constexpr const char* kPlacementMisfit = "PlacementMisfit";  // types of warnings
constexpr const char* kPlacementDrift = "PlacementDrift";
constexpr const char* kOfBinding = "Binding";  // kinds of objects
constexpr const char* kOfBackend = "Backend";
constexpr const char* kOfDomain = "Domain";

// Xen numbers cores within sockets, and says nothing of caches: those of a socket are taken to share their last one.
Topology topology_of(const Host& host) {
  Topology topology;
  std::map<std::pair<std::uint32_t, std::uint32_t>, std::uint32_t> cores;  // socket and core: its lowest CPU
  std::map<std::uint32_t, std::uint32_t> sockets;
  for (const HostCpu& cpu : host.cpus) {
    topology.online.add(cpu.number);
    topology.cpus[cpu.number] = {.core = cores.try_emplace({cpu.socket, cpu.core}, cpu.number).first->second,
                                 .llc = sockets.try_emplace(cpu.socket, cpu.number).first->second,
                                 .node = cpu.node};
  }
  return topology;
}

}  // namespace

void Placing::remember() {
  if (std::exchange(remembered_, true)) return;
  for (const Warning& warning : store_.warnings().list()) {
    if (warning.status == Warning::Status::resolved) continue;
    const bool of_guest = warning.kind == kOfDomain;
    if (warning.type == kPlacementMisfit) (of_guest ? guest_misfits_told_ : misfits_told_).emplace(warning.name, warning.message);
    if (warning.type == kPlacementDrift) (of_guest ? guest_drifts_told_ : drifts_told_).emplace(warning.name, warning.message);
  }
  const Snapshot now = store_.snapshot();
  std::map<UnitKey, PlacedUnit> units;
  if (const auto domains = now.observed.find(Kind::domain); domains != now.observed.end())
    for (const auto& [name, observed] : domains->second) {
      if (!observed.placement || !observed.placement->fits) continue;
      if (const auto cpus = parse_cpus(observed.placement->cpus)) units[{kVcpus, name}] = {CpuSet(*cpus), 0, true};
    }
  const auto bindings = now.observed.find(Kind::binding);
  if (bindings == now.observed.end()) return node_.adopt(std::move(units));
  // Bindings that are gone, and CPUs of which nobody wishes any, are in no plan: there is nothing to give back.
  const auto wishes = wishes_of(*now.desired);
  const PlacementPlan planned = node_.plan(*now.desired);
  for (const auto& [name, observed] : bindings->second) {
    const auto place = planned.bindings.find(name);
    if (!observed.placement || place == planned.bindings.end() || !wishes.contains(name)) continue;
    const auto cpus = parse_cpus(observed.placement->cpus);
    if (!cpus || !observed.placement->fits) continue;
    units[place->second.unit] = {CpuSet(*cpus), observed.placement->loop, true};
  }
  node_.adopt(std::move(units));
}

const PlacementPlan& Placing::plan(const Desired& desired) {
  remember();
  if (looked_ && clock_.now() - *looked_ >= kPlacementLook && node_.refresh())
    log::info("placement.topology_changed", {{"online", to_string(node_.topology().online)}});
  PlacementPlan next = node_.plan(desired);
  if (!(next.units == plan_.units)) node_.adopt(next.units);
  plan_ = std::move(next);
  return plan_;
}

std::optional<std::chrono::milliseconds> Placing::patience() const {
  if (plan_.bindings.empty() && plan_.reserved.empty() && guests_.empty()) return std::nullopt;
  return kPlacementLook;
}

void Placing::see_host(const Hypervisor& hypervisor) {
  const auto host = hypervisor.host();
  if (!host || host->cpus.empty()) return node_.see_host(std::nullopt);
  HostMachine machine{.topology = topology_of(*host), .same = host->same, .pools = {}, .first_pool = host->first_pool, .guests = {}};
  for (const auto& [name, cpus] : host->pools) machine.pools[name] = CpuSet(cpus);
  for (const Guest& guest : hypervisor.guests()) machine.guests[guest.name] = machine.guests[guest.uuid] = guest.cpupool;
  node_.see_host(std::move(machine));
}

void Placing::place_guests(const Desired& desired, const std::vector<Guest>& guests, Hypervisor& hypervisor) {
  hypervisor_ = &hypervisor;
  std::map<std::uint32_t, VcpuPins> pins;
  std::map<std::uint32_t, std::uint64_t> put_back;
  std::map<std::string, std::string> misfits;
  guests_.clear();
  for (const auto& [name, resource] : desired.domains) {
    const auto& spec = std::get<DomainSpec>(resource.spec);
    if (!spec.vcpus) continue;
    PlacementStatus& status = guests_[name];
    if (const auto place = plan_.vcpus.find(name); place != plan_.vcpus.end()) {
      status.cpus = to_string(place->second.cpus);
      status.fits = place->second.misfit == Misfit::none;
      status.reason = name_of(place->second.misfit);
      status.message = place->second.message;
    }
    const Guest* guest = spec.type == "xen" ? find_guest(guests, resource) : nullptr;
    if (guest != nullptr && !guest->going) {
      VcpuPins& wanted = pins[guest->domid];
      wanted.soft = spec.vcpus->affinity == "soft";
      wanted.cpupool = spec.vcpus->cpupool;
      if (const auto cpus = parse_cpus(status.cpus)) wanted.cpus = *cpus;
      status.actual_cpus = guest->vcpus.empty() ? "" : wanted.soft ? guest->vcpus.front().soft : guest->vcpus.front().hard;
      if (!guest->pin_trouble.empty()) {
        status.fits = false;
        status.reason = "Refused";
        status.message = guest->pin_trouble;
      }
      put_back[guest->domid] = guest->put_back;
      if (const auto before = put_back_.find(guest->domid); before != put_back_.end() && guest->put_back > before->second) {
        drifts_ += guest->put_back - before->second;
        guests_drifted_[name] = fmt::format("its vCPUs were to run on {} instead of {}, and were put back", guest->found,
                                            status.cpus.empty() ? "cpupool " + wanted.cpupool : "CPUs " + status.cpus);
      }
    }
    if (!status.fits && misfits.size() < kMisfitsToldMax)
      misfits[name] = fmt::format("its vCPUs do not run where it wishes: {} ({})", status.message, status.reason);
  }
  put_back_ = std::move(put_back);
  tell(kPlacementMisfit, kOfDomain, misfits, guest_misfits_told_);
  hypervisor.pin(std::move(pins));
}

std::optional<PlacementStatus> Placing::placement_of_domain(const std::string& name) const {
  const auto found = guests_.find(name);
  return found == guests_.end() ? std::nullopt : std::optional(found->second);
}

// Mode auto: what the last ten seconds say of the core that serves, and whether it is to be another.
void Placing::weigh(const Desired& desired, const std::map<std::string, BackendStatus>& status) {
  std::map<UnitKey, Weighed> weighed;
  std::map<UnitKey, CoreSide> sides;
  for (const auto& [name, wish] : wishes_of(desired)) {
    const UnitKey key = unit_of(wish);
    if (wish.placement.mode != "auto" || weighed.contains(key)) continue;
    Weighed& now = weighed[key] = weighed_[key];
    const auto backend = status.find(wish.kind);
    const auto unit = plan_.units.find(key);
    if (backend != status.end() && unit != plan_.units.end() && backend->second.located != now.located) {
      const auto guest = backend->second.guests.find(wish.domain);
      const auto loop = backend->second.loops.find(unit->second.loop);
      if (guest != backend->second.guests.end() && loop != backend->second.loops.end()) {
        const double seconds = std::chrono::duration<double>(clock_.now() - now.at).count();
        const bool counts_on = now.located != 0 && now.loop == loop->first && guest->second.requests >= now.requests &&
                               loop->second.cpu_ns >= now.cpu_ns && seconds > 0;
        if (counts_on) {
          const double requests = static_cast<double>(guest->second.requests - now.requests);
          const double latency_us = static_cast<double>(guest->second.latency_ns - now.latency_ns) / 1e3;
          const CoreSide before = now.trial.side;
          now.trial = after(now.trial, {.latency_us = requests == 0 ? 0 : latency_us / requests,
                                        .rate = requests / seconds,
                                        .loop_busy = static_cast<double>(loop->second.cpu_ns - now.cpu_ns) / 1e9 / seconds});
          if (now.trial.side != before) {
            ++core_changes_;
            log::info("placement.core_changed", {{"kind", key.first}, {"domain", wish.domain},
                                                 {"to", now.trial.side == CoreSide::same ? "its guest's" : "another"}});
          }
        }
        now = {now.trial, backend->second.located, guest->second.requests, guest->second.latency_ns, loop->second.cpu_ns, loop->first,
               clock_.now()};
      }
    }
    sides[key] = now.trial.side;
  }
  weighed_ = std::move(weighed);
  node_.choose_sides(std::move(sides));
}

void Placing::look(const Desired& desired, const BackendConfigs& wanted, const std::map<std::string, BackendStatus>& status) {
  weigh(desired, status);
  std::map<std::string, std::string> misfits;
  for (const auto& [name, place] : plan_.bindings) {
    if (place.misfit == Misfit::none || misfits.size() >= kMisfitsToldMax) continue;
    misfits[name] = fmt::format("it does not get the CPUs it wishes: {} ({}); it is served on {}", place.message, name_of(place.misfit),
                                place.cpus.empty() ? "the shared pool, " + to_string(plan_.shared) : to_string(place.cpus));
  }
  tell(kPlacementMisfit, kOfBinding, misfits, misfits_told_);

  std::map<std::string, CpuSet> guests;
  std::uint64_t confirmed = 0;
  for (const auto& [kind, backend] : status) {
    for (const auto& [domain, guest] : backend.guests) guests[domain] |= CpuSet(guest.cpus);
    const auto config = wanted.find(kind);
    if (config == wanted.end() || !backend.up) continue;
    if (backend.number_applied == backend.number_sent) confirmed += backend.number_applied;
    if (std::exchange(located_[kind], backend.located) == backend.located || !(backend.config == config->second)) continue;
    drifted_.erase(kind);
    find_drift(kind, backend, config->second, drifted_);
  }
  node_.see_guests(std::move(guests));
  tell(kPlacementDrift, kOfBackend, drifted_, drifts_told_);
  tell(kPlacementDrift, kOfDomain, guests_drifted_, guest_drifts_told_);
  if (!patience()) return;
  const bool due = !looked_ || clock_.now() - *looked_ >= kPlacementLook;
  if (!due && std::exchange(asked_, confirmed) == confirmed) return;
  asked_ = confirmed;
  looked_ = clock_.now();
  guests_drifted_.clear();
  if (hypervisor_ != nullptr && !guests_.empty()) hypervisor_->look();
  backends_.locate();
}

void Placing::find_drift(const std::string& kind, const BackendStatus& backend, const BackendConfig& wanted,
                         std::map<std::string, std::string>& found) {
  std::string text;
  for (const control::LoopConfig& loop : wanted.loops) {
    const auto seen = backend.loops.find(loop.number);
    if (seen == backend.loops.end()) continue;
    const bool right = seen->second.now == loop.cpus;
    if (right && seen->second.found == loop.cpus) continue;
    ++drifts_;
    text += fmt::format("{}loop {} ran on {} instead of {}{}", text.empty() ? "" : "; ", loop.number, to_string(CpuSet(seen->second.found)),
                        to_string(CpuSet(loop.cpus)), right ? ", and was put back" : ", and cannot be put back");
  }
  if (!text.empty()) found[kind] = "the backend of " + kind + " services: " + text;
}

void Placing::tell(const char* type, const char* kind, const std::map<std::string, std::string>& found,
                   std::map<std::string, std::string>& told) {
  for (const auto& [name, message] : found) {
    if (const auto known = told.find(name); known != told.end() && known->second == message) continue;
    store_.warnings().note(
        {.type = type, .kind = kind, .name = name, .severity = Warning::Severity::moderate, .message = message});
  }
  for (const auto& [name, message] : told)
    if (!found.contains(name)) store_.warnings().clear(type, kind, name);
  told = found;
}

void Placing::append_samples(std::vector<Sample>& to) const {
  const auto add = [&](const char* name, const char* help, Sample::Type type, double value) -> Sample& {
    return to.emplace_back(Sample{.name = name, .help = help, .type = type, .value = value});
  };
  const auto cpus = [&](const char* of, const CpuSet& set) {
    add("vservices_pinned_cpus", "CPUs by what they are for: reserved, isolated, exclusive to one unit, or the shared pool.",
        Sample::Type::gauge, static_cast<double>(set.size()))
        .labels.emplace_back("class", of);
  };
  cpus("reserved", plan_.reserved);
  cpus("isolated", plan_.isolated);
  cpus("exclusive", plan_.exclusive);
  cpus("shared", plan_.shared);
  std::size_t misfits = 0;
  for (const auto* placed : {&plan_.bindings, &plan_.vcpus})
    for (const auto& [name, place] : *placed) misfits += place.misfit == Misfit::none ? 0 : 1;
  add("vservices_placement_misfits", "Bindings that are served, and domUs that run, elsewhere than they wish.", Sample::Type::gauge,
      static_cast<double>(misfits));
  add("vservices_placement_core_changes_total", "Times mode auto chose the other side: its guest's core, or another.", Sample::Type::counter,
      static_cast<double>(core_changes_));
  add("vservices_placement_drifts_total", "Times a loop, or a guest's vCPUs, were found on other CPUs than they were put on.", Sample::Type::counter,
      static_cast<double>(drifts_));
}

}  // namespace vs
