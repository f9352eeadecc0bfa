#include "vsmgrd/hypervisor/hypervisor.h"

#include <algorithm>
#include <cctype>

#include "vsmgrd/model/codec.h"

namespace vs {
namespace {

// Names that the toolstack gives to a guest while it moves.
bool moving(const Guest& guest) {
  return guest.name.ends_with("--incoming") || guest.name.ends_with("--migratedaway");
}

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char letter) { return std::tolower(letter); });
  return text;
}

}  // namespace

const Guest* find_guest(const std::vector<Guest>& guests, const Resource& domain) {
  const auto& spec = std::get<DomainSpec>(domain.spec);
  const std::string& wanted = spec.guest.empty() ? domain.metadata.name : spec.guest;
  const std::string uuid = lower(wanted);
  const Guest* best = nullptr;
  for (const Guest& guest : guests) {
    if (moving(guest) || (guest.name != wanted && guest.uuid != uuid)) continue;
    if (best == nullptr || (best->going && !guest.going)) best = &guest;
  }
  return best;
}

std::map<std::string, std::uint32_t> domids_of(const Resources& domains,
                                               const std::vector<Guest>& guests) {
  std::map<std::string, std::uint32_t> domids;
  for (const auto& [name, domain] : domains) {
    if (std::get<DomainSpec>(domain.spec).type != "xen") continue;
    if (const Guest* guest = find_guest(guests, domain); guest != nullptr && !guest->going) domids[name] = guest->domid;
  }
  return domids;
}

std::vector<Guest> undeclared(const Resources& domains, const std::vector<Guest>& guests) {
  std::vector<Guest> unknown;
  for (const Guest& guest : guests) {
    if (guest.going) continue;  // it has lost its name before it is gone
    const auto means = [&](const auto& named) {
      if (std::get<DomainSpec>(named.second.spec).type != "xen") return false;
      const Guest* meant = find_guest(guests, named.second);
      return meant != nullptr && meant->domid == guest.domid;
    };
    if (!moving(guest) && std::none_of(domains.begin(), domains.end(), means)) unknown.push_back(guest);
  }
  return unknown;
}

bool is_pinned(const Guest& guest, const VcpuPins& pins, std::size_t processors) {
  if (!pins.cpupool.empty() && guest.cpupool != pins.cpupool) return false;
  if (pins.cpus.empty()) return true;
  return std::all_of(guest.vcpus.begin(), guest.vcpus.end(), [&](const Vcpu& vcpu) {
    const std::string& where = pins.soft ? vcpu.soft : vcpu.hard;
    if (where == "all") return pins.cpus.size() == processors;
    const auto cpus = parse_cpus(where);
    return cpus && *cpus == pins.cpus;
  });
}

nlohmann::json encode(const Guest& guest) {
  nlohmann::json vcpus = nlohmann::json::array();
  for (const Vcpu& vcpu : guest.vcpus)
    vcpus.push_back({{"number", vcpu.number}, {"online", vcpu.online}, {"hardAffinity", vcpu.hard}, {"softAffinity", vcpu.soft}});
  nlohmann::json out{{"domid", guest.domid},       {"name", guest.name},       {"uuid", guest.uuid},   {"type", guest.type},
          {"memoryMiB", guest.memory_mib}, {"cpupool", guest.cpupool}, {"weight", guest.weight}, {"vcpus", std::move(vcpus)}};
  if (!guest.pin_trouble.empty()) out["pinTrouble"] = guest.pin_trouble;
  return out;
}

}  // namespace vs
