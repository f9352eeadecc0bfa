// What the daemon measures, in Prometheus' text form (0.0.4).
//
// Holds the requests of the REST API, and the latest samples of every source: backends, the
// reconciler, the HTTP server. Durations go in as nanoseconds and come out as seconds. Thread-safe.
// Nothing fails: samples that would spoil the exposition are left out, counted in
// vservices_samples_refused_total by source.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/sample.h"

namespace vs {

class Metrics {
 public:
  explicit Metrics(std::string_view version);  // for vservices_build_info
  ~Metrics();
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  // One request that was answered. `method` and `route` must come from a small set: each makes a
  // series.
  void count_request(std::string_view method, std::string_view route, int status,
                     std::chrono::nanoseconds duration);

  // Replaces all samples of `source` ("backend:dns"); an empty list removes it.
  void set_samples(const std::string& source, std::vector<Sample> samples);

  [[nodiscard]] std::string text() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace vs
