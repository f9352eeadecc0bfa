// The domains of this machine as its hypervisor knows them.
//
// Thread-safe; nothing waits: what is asked is answered from what was seen last, and on_change says when that is something else.
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
  friend bool operator==(const Guest&, const Guest&) = default;
};

class Hypervisor {
 public:
  virtual ~Hypervisor() = default;

  // The guests there are, without the domain that this runs in; sorted by domid.
  [[nodiscard]] virtual std::vector<Guest> guests() const = 0;
  // Why there is none to ask; empty while there is one.
  [[nodiscard]] virtual std::string trouble() const = 0;
};

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
