// Makes what is what was asked: reads the desired state, tells the backends, writes the observed state. Nobody else acts.
//
// Runs in a thread of its own, a pass for each ring of the Wake.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/sample.h"
#include "vsmgrd/backends/backends.h"
#include "vsmgrd/reconciler/wake.h"
#include "vsmgrd/store/store.h"

namespace vs {

inline constexpr std::chrono::milliseconds kPassPause{20};  // between two passes
inline constexpr std::chrono::seconds kPassRetry{1};        // after one that failed

class Reconciler {
 public:
  Reconciler(Store& store, Backends& backends, const Clock& clock, Wake& wake);
  ~Reconciler();
  Reconciler(const Reconciler&) = delete;
  Reconciler& operator=(const Reconciler&) = delete;

  void start();
  void stop();  // returns when the pass that runs has ended

  // One pass, on the calling thread; for tests and for run().
  Result<> pass();

  // Called at the end of each pass, on its thread, with gauges of the control plane.
  void on_samples(std::function<void(std::vector<Sample>)> callback) { on_samples_ = std::move(callback); }

 private:
  void run();
  void remember();
  void keep_homes(const Desired& desired);
  void date(Observed& one) const;
  Result<> write(std::vector<Observed> observed);
  [[nodiscard]] std::vector<Sample> samples(const Desired& desired, const std::vector<Observed>& observed) const;

  Store& store_;
  Backends& backends_;
  const Clock& clock_;
  Wake& wake_;
  std::function<void(std::vector<Sample>)> on_samples_;
  Backends::Devices devices_;                 // as last kept
  std::map<std::string, std::string> homes_;  // that there are
  std::map<std::pair<Kind, std::string>, Observed> written_;
  bool unsaved_ = false;  // the disk did not take all of it
  std::uint64_t passes_ = 0;
  std::uint64_t passes_failed_ = 0;

  std::thread thread_;
};

}  // namespace vs
