// Makes what is what was asked: reads the desired state, tells the backends, writes the observed state. Nobody else acts.
//
// Runs in a thread of its own, a pass for each ring of the Wake.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/duration_buckets.h"
#include "base/sample.h"
#include "vsmgrd/backends/backends.h"
#include "vsmgrd/hypervisor/hypervisor.h"
#include "vsmgrd/reconciler/placing.h"
#include "vsmgrd/reconciler/plan.h"
#include "vsmgrd/reconciler/troubles.h"
#include "vsmgrd/reconciler/wake.h"
#include "vsmgrd/store/store.h"

namespace vs {

inline constexpr std::chrono::milliseconds kPassPause{20};  // between two passes
inline constexpr std::chrono::seconds kPassRetry{1};        // after one that failed
inline constexpr std::chrono::seconds kTakeOverTime{1};     // for backends that serve on to be heard again
inline constexpr std::chrono::milliseconds kTakeOverPause{100};  // between two passes while one is not heard

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

  // Whether a pass has been running for longer than `limit`. From any thread; never waits.
  [[nodiscard]] bool stuck(std::chrono::nanoseconds limit) const;

  // Where the domUs are found, and put; without one there are none. Before start().
  void find_guests_with(Hypervisor& hypervisor) { hypervisor_ = &hypervisor; }

  // Where bindings are served; without it nothing is placed. Before start(); outlives this.
  void place_by(NodePlacement& node) { placing_.emplace(node, store_, backends_, clock_); }

  // By which services may reach other nodes. Before start().
  void reach_nodes_by(Engines engines) { engines_ = std::move(engines); }

  // Says of a binding whether what was promised to it is kept, as one more of its conditions. Before start().
  void judge_promises_by(std::function<std::optional<StatusCondition>(const std::string& binding)> judge) { judge_ = std::move(judge); }

  // Who may serve the bindings that were ever moved; asked in each pass. Without it every binding is this node's. Before start().
  // `told`: the backends were given what follows from the owners asked for last. On the pass's thread; must not block.
  void own_by(std::function<Owners()> owners, std::function<void()> told = {}) {
    owners_ = std::move(owners);
    told_ = std::move(told);
  }

  // Called at the end of each pass, on its thread, with gauges of the control plane.
  void on_samples(std::function<void(std::vector<Sample>)> callback) { on_samples_ = std::move(callback); }

 private:
  void run();
  [[nodiscard]] std::optional<std::chrono::milliseconds> patience() const;
  Result<> make_so();
  void tell_unknown(const Desired& desired, const std::vector<Guest>& guests);
  void keep_homes(const Desired& desired);
  Result<> write(std::vector<Observed> observed);
  [[nodiscard]] std::vector<Sample> samples(const Desired& desired, const std::vector<Observed>& observed) const;

  Store& store_;
  Backends& backends_;
  const Clock& clock_;
  Wake& wake_;
  Hypervisor* hypervisor_ = nullptr;
  Engines engines_;
  std::set<std::uint32_t> unknown_;  // domids of guests that nothing declares, as told last
  std::function<Owners()> owners_;
  std::function<void()> told_;
  std::function<void(std::vector<Sample>)> on_samples_;
  std::function<std::optional<StatusCondition>(const std::string&)> judge_;
  Backends::Devices devices_;                 // as last kept
  std::map<std::string, std::string> homes_;  // that there are
  std::chrono::steady_clock::time_point taken_over_at_{};  // by then; what was seen before it, by an earlier run, stood
  bool unheard_ = false;  // something of that stands still
  bool unsaved_ = false;  // the disk did not take all of it
  Troubles troubles_;
  std::optional<Placing> placing_;
  std::map<std::string, std::uint64_t> numbers_;  // of the configurations told last, by kind
  bool look_again_ = false;  // time alone may make news
  std::uint64_t passes_ = 0;
  std::uint64_t passes_failed_ = 0;
  DurationBuckets pass_times_;

  std::atomic<std::int64_t> pass_began_ns_{0};  // of clock_; 0 between passes

  std::thread thread_;
};

}  // namespace vs
