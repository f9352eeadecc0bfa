// A set of the machine's CPUs, by their numbers.
//
// A value; numbers are below kCpusMax (vsmgrd/model/codec.h).
#pragma once

#include <bitset>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "vsmgrd/model/codec.h"

namespace vs {

class CpuSet {
 public:
  CpuSet() = default;
  explicit CpuSet(const std::vector<std::uint32_t>& cpus) {
    for (const std::uint32_t cpu : cpus) add(cpu);
  }
  void add(std::uint32_t cpu) { bits_.set(cpu); }
  void remove(std::uint32_t cpu) { bits_.reset(cpu); }
  [[nodiscard]] bool contains(std::uint32_t cpu) const { return cpu < kCpusMax && bits_.test(cpu); }
  [[nodiscard]] bool contains(const CpuSet& other) const { return (other.bits_ & ~bits_).none(); }
  [[nodiscard]] bool meets(const CpuSet& other) const { return (bits_ & other.bits_).any(); }
  [[nodiscard]] bool empty() const { return bits_.none(); }
  [[nodiscard]] std::size_t size() const { return bits_.count(); }
  // Ascending.
  [[nodiscard]] std::vector<std::uint32_t> list() const {
    std::vector<std::uint32_t> cpus;
    for (std::size_t cpu = bits_._Find_first(); cpu < kCpusMax; cpu = bits_._Find_next(cpu))
      cpus.push_back(static_cast<std::uint32_t>(cpu));
    return cpus;
  }
  [[nodiscard]] std::uint32_t first() const { return static_cast<std::uint32_t>(bits_._Find_first()); }  // of one that is not empty
  CpuSet& operator|=(const CpuSet& other) { bits_ |= other.bits_; return *this; }
  CpuSet& operator&=(const CpuSet& other) { bits_ &= other.bits_; return *this; }
  CpuSet& operator-=(const CpuSet& other) { bits_ &= ~other.bits_; return *this; }
  friend CpuSet operator|(CpuSet left, const CpuSet& right) { return left |= right; }
  friend CpuSet operator&(CpuSet left, const CpuSet& right) { return left &= right; }
  friend CpuSet operator-(CpuSet left, const CpuSet& right) { return left -= right; }
  friend bool operator==(const CpuSet& left, const CpuSet& right) { return left.bits_ == right.bits_; }

 private:
  std::bitset<kCpusMax> bits_;
};

// "2-3,6"; "" of none. parse_cpus() of codec.h reads it.
std::string to_string(const CpuSet& cpus);

}  // namespace vs
