// A hypervisor that has the guests it is given. For one thread.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "vsmgrd/hypervisor/hypervisor.h"

namespace vs::test {

class FakeHypervisor : public Hypervisor {
 public:
  std::vector<Guest> guests() const override { return here; }
  std::string trouble() const override { return why_not; }
  std::optional<Host> host() const override { return machine; }
  void pin(std::map<std::uint32_t, VcpuPins> wanted) override { pins = std::move(wanted); }
  void look() override { ++looks; }
  // Does what was asked of it last.
  void obey() {
    for (Guest& guest : here)
      if (const auto wanted = pins.find(guest.domid); wanted != pins.end()) put(guest, wanted->second);
  }
  static void put(Guest& guest, const VcpuPins& where) {
    if (!where.cpupool.empty()) guest.cpupool = where.cpupool;
    std::string text;
    for (const std::uint32_t cpu : where.cpus) text += (text.empty() ? "" : ",") + std::to_string(cpu);
    for (Vcpu& vcpu : guest.vcpus) (where.soft ? vcpu.soft : vcpu.hard) = text;
  }

  std::vector<Guest> here;
  std::string why_not;
  std::optional<Host> machine;
  std::map<std::uint32_t, VcpuPins> pins;
  int looks = 0;
};

}  // namespace vs::test
