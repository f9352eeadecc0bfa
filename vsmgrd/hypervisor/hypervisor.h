// The domains of this machine as its hypervisor knows them.
//
// Thread-safe; nothing waits: what is asked is answered from what was seen last, and on_change says when that is something else. What is
// to be changed is changed a little later.
// An interface because it is the edge of the process: tests put a fake in its place.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/result.h"
#include "vsmgrd/model/resource.h"

namespace vs {

// One virtual core: the processors it may run on, and those it should, as ranges: "0-3,5"; "all".
struct Vcpu {
  std::uint32_t number = 0;
  bool online = false;
  std::string hard;
  std::string soft;
  friend bool operator==(const Vcpu&, const Vcpu&) = default;
};

struct Guest {
  std::uint32_t domid = 0;
  std::string name;
  std::string uuid;  // lower case
  std::string type;  // pv, pvh or hvm
  bool going = false;  // it is shut down, or dying: nobody is to be served there any more
  std::uint64_t memory_mib = 0;
  std::string cpupool;
  std::uint32_t weight = 0;  // of the pool's scheduler; 0: it has none
  std::vector<Vcpu> vcpus;
  std::string pin_trouble;  // why its virtual cores are not where they were to be; empty: nothing is known of that
  std::uint64_t put_back = 0;  // times they were, and then were found elsewhere
  std::string found;           // where, the last time: "CPUs 2-3"
  friend bool operator==(const Guest&, const Guest&) = default;
};

// A processor of the machine.
struct HostCpu {
  std::uint32_t number = 0;
  std::uint32_t core = 0;    // within its socket
  std::uint32_t socket = 0;
  std::uint32_t node = 0;
  friend bool operator==(const HostCpu&, const HostCpu&) = default;
};

// The machine, of which the domain that this runs in may have a part only.
struct Host {
  std::vector<HostCpu> cpus;  // that are online, by number
  bool same = false;          // each virtual core of this domain is pinned to the processor of the same number
  std::map<std::string, std::vector<std::uint32_t>> pools;  // cpupools and their processors
  std::string first_pool;  // that guests are started in
  friend bool operator==(const Host&, const Host&) = default;
};

// Where all virtual cores of a guest are to run.
struct VcpuPins {
  std::vector<std::uint32_t> cpus;  // none: anywhere
  bool soft = false;                // rather there than elsewhere; else nowhere else
  std::string cpupool;              // that it is to be in; empty: stays where it is
  friend bool operator==(const VcpuPins&, const VcpuPins&) = default;
};

class Hypervisor {
 public:
  virtual ~Hypervisor() = default;

  // The guests there are, without the domain that this runs in; sorted by domid.
  [[nodiscard]] virtual std::vector<Guest> guests() const = 0;
  // Why there is none to ask; empty while there is one.
  [[nodiscard]] virtual std::string trouble() const = 0;
  // nullopt while there is none to ask.
  [[nodiscard]] virtual std::optional<Host> host() const = 0;
  // Puts guests, by domid, where they are to be, and keeps them there; one that is not named any more may run anywhere again.
  virtual void pin(std::map<std::uint32_t, VcpuPins> wanted) = 0;
  // Looks again: not all that somebody else changes makes itself heard.
  virtual void look() = 0;
};

// Whether a guest is where it is to be, on a machine of so many processors.
bool is_pinned(const Guest& guest, const VcpuPins& pins, std::size_t processors);

// The guest that a Domain of type xen means by its `guest`, or by its own name: as UUID, or as name. While a guest moves, there are
// two with its UUID: the one that runs counts.
const Guest* find_guest(const std::vector<Guest>& guests, const Resource& domain);

// Each declared domain's guest that can be served, by the domain's name.
std::map<std::string, std::uint32_t> domids_of(const Resources& domains, const std::vector<Guest>& guests);

// Guests that no declared domain means.
std::vector<Guest> undeclared(const Resources& domains, const std::vector<Guest>& guests);

// For people (schemas/openapi.yaml, GuestLive).
nlohmann::json encode(const Guest& guest);

}  // namespace vs
