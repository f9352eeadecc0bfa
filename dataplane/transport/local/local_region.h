// A region in a sealed memfd: made by the backend, handed to the guest as a descriptor.
//
// The guest's pages are mapped read-only here, and nobody can shrink or grow the memory: touching it never faults.
// Owned by one thread. Errors: exhausted, when memory or descriptors run out.
#pragma once

#include <cstddef>
#include <span>

#include "base/result.h"
#include "base/unique_fd.h"
#include "dataplane/ring/region.h"

namespace vs {

class LocalRegion {
 public:
  static Result<LocalRegion> create(RegionShape shape, std::uint32_t generation);
  LocalRegion(LocalRegion&& other) noexcept;
  LocalRegion& operator=(LocalRegion&& other) noexcept;
  ~LocalRegion();

  [[nodiscard]] const vs_region_header& header() const { return header_; }  // private copy
  [[nodiscard]] std::span<std::byte> bytes() const { return bytes_; }
  [[nodiscard]] int memory() const { return memory_.get(); }
  // The descriptor is needed only until the guest has it.
  void close_memory() { memory_.reset(); }

 private:
  LocalRegion(UniqueFd memory, std::span<std::byte> bytes, const vs_region_header& header)
      : memory_(std::move(memory)), bytes_(bytes), header_(header) {}

  UniqueFd memory_;
  std::span<std::byte> bytes_;
  vs_region_header header_;
};

}  // namespace vs
