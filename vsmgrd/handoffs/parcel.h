// What travels of a domain beside its soft state: its declaration, those of its bindings and of what they name, and how its promises
// stand. Nothing else: no policy, no token, no service, nothing of another domain.
//
// Values; pure functions, thread-safe. Errors of decode: invalid, naming what is wrong; of pack: not_found (no such domain), exhausted (more
// than a handoff takes).
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "vsmgrd/model/resource.h"

namespace vs {

struct Parcel {
  Resource domain;
  std::vector<Resource> bindings;  // by name
  std::vector<Resource> terms;     // of kinds Sla, Placement and Buffers that the bindings name
  std::map<std::string, std::string> kinds;     // of the services that the bindings are for
  std::set<std::string> granted;                // bindings that policy allows where they come from
  std::map<std::string, std::string> promises;  // by binding: what was counted of its objectives (sla/promises.h), JSON
};

// `promises` of any bindings; those of the domain's travel.
Result<Parcel> pack(const Desired& desired, std::string_view domain, const std::map<std::string, std::string>& promises);

// JSON text of at most handoff::kParcelBytesMax, else exhausted.
Result<std::string> encode(const Parcel& parcel);
// Of another node: everything is checked, also that all of it is of `domain`.
Result<Parcel> decode_parcel(std::string_view text, std::string_view domain);

// Its labels, of a text that encode() wrote; none of another.
Labels labels_in(std::string_view parcel);

// Why a node where `here` is declared has no place for it, a sentence; empty: it has, as far as names and services go.
std::string misfit_of(const Parcel& parcel, const Desired& here);

// All that is to be declared.
std::vector<Resource> resources_of(const Parcel& parcel);

}  // namespace vs
