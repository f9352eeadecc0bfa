// One measured value with its name and labels, on its way from a backend or a part of the daemon to /metrics.
//
// Values. Names and units follow Prometheus: base units, plural unit suffix, _total for counters only.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace vs {

struct Sample {
  enum class Type : std::uint8_t { counter, gauge, histogram };

  std::string name;  // "vservices_requests_total"
  std::string help;  // one sentence; the same for all samples of a name
  Type type = Type::counter;
  std::vector<std::pair<std::string, std::string>> labels;
  double value = 0;                                         // counter, gauge
  std::vector<std::pair<double, std::uint64_t>> buckets;    // histogram: upper bound, count up to it; +Inf is `count`
  std::uint64_t count = 0;
  double sum = 0;
};

}  // namespace vs
