// Backends as processes of this node, watched by a thread of their own.
//
// Thread-safe. on_change and on_samples are called on that thread; they must not call back into this object's stop_all.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/event_loop.h"
#include "base/guarded.h"
#include "vsmgrd/backends/backend_process.h"
#include "vsmgrd/backends/backends.h"
#include "vsmgrd/backends/homes.h"

namespace vs {

class ProcessBackends final : public Backends {
 public:
  struct Callbacks {
    std::function<void()> on_change;                                                       // status() differs
    std::function<void(const std::string& kind, std::vector<Sample>)> on_samples;          // new counters
  };

  // Makes the directories that `program` names. `callbacks` come from start() on.
  static Result<std::unique_ptr<ProcessBackends>> open(BackendProgram program, Callbacks callbacks);
  // Leaves the processes running.
  ~ProcessBackends() override;

  void start(const std::string& kind) override;
  void stop(const std::string& kind) override;
  void configure(const std::string& kind, std::uint64_t number, BackendConfig config) override;
  void locate() override;
  [[nodiscard]] std::map<std::string, BackendStatus> status() const override;
  std::map<std::string, std::string> keep_homes(const Devices& devices) override;

  // Has every backend tell its counters (on_samples) and returns then, or after `patience`. Not from a callback.
  void refresh(std::chrono::milliseconds patience);

  // What a binding does now, as its backend tells it (control::Described); null when none does within `patience`. Not from a
  // callback.
  [[nodiscard]] nlohmann::json describe(const std::string& binding, std::chrono::milliseconds patience);

  // Has the backend of a kind forget what a service of it keeps (control::Flush, without its number). How many entries that were;
  // nullopt when it does not say so within `patience`. Not from a callback.
  [[nodiscard]] std::optional<std::uint64_t> flush(const std::string& kind, control::Flush what, std::chrono::milliseconds patience);

  // Gives a kind's backend a Freeze, Thaw or Stage, as BackendProcess::order. `done` is called on the backends' thread, before or
  // after this returns.
  void order(const std::string& kind, control::Command order, HandoffOrders::Done done);

  // Ends every process and waits until they are gone (at most kStopPatience).
  void stop_all();

 private:
  ProcessBackends(BackendProgram program, Callbacks callbacks);
  void show(const std::string& kind);

  BackendProgram program_;
  Callbacks callbacks_;
  Homes homes_;
  EventLoop loop_;
  std::map<std::string, std::unique_ptr<BackendProcess>> processes_;  // the thread's
  Guarded<std::map<std::string, BackendStatus>> status_;
  std::thread thread_;
};

}  // namespace vs
