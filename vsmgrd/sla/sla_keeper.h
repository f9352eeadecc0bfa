// Holds what was promised against what backends count, now and then, and keeps it in the store.
//
// Thread-safe. Runs in a thread of its own between start() and stop(); asks for reports while something is promised. What was kept
// is loaded with the first look; it is saved each kSlaSave, and by stop().
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "base/clock.h"
#include "base/sample.h"
#include "vsmgrd/sla/promises.h"
#include "vsmgrd/store/store.h"

namespace vs {

inline constexpr std::chrono::seconds kSlaLook{5};
inline constexpr std::chrono::seconds kSlaSave{30};

class SlaKeeper {
 public:
  struct Callbacks {
    std::function<void()> ask;        // the backends for their reports: take() is called meanwhile, or later
    std::function<void()> on_change;  // the verdict on some binding is another one
  };

  SlaKeeper(Store& store, const Clock& clock, Callbacks callbacks);
  ~SlaKeeper();
  SlaKeeper(const SlaKeeper&) = delete;
  SlaKeeper& operator=(const SlaKeeper&) = delete;

  void start();
  void stop();

  // One look, on the calling thread; for tests and for the thread.
  void look();
  void save();
  // A backend's report.
  void take(const std::vector<Sample>& samples);

  // What was counted of all bindings, to be taken over by another node; and what another counted of these: objectives that are not
  // declared here by then are left out.
  [[nodiscard]] std::map<std::string, std::string> counted() const;
  void take_over(const std::map<std::string, std::string>& counted);

  // Of a binding to which something was promised: whether it is kept, as a condition of its status.
  [[nodiscard]] std::optional<StatusCondition> condition_of(const std::string& binding) const;
  // Its objectives, as they stand; null: none.
  [[nodiscard]] nlohmann::json describe(const std::string& binding) const;
  [[nodiscard]] std::vector<Sample> samples() const;

 private:
  void run();
  void follow_desired();  // with mutex_ held
  [[nodiscard]] std::map<std::string, std::string> verdicts() const;  // the same

  Store& store_;
  const Clock& clock_;
  const Callbacks callbacks_;

  mutable std::mutex mutex_;
  std::condition_variable stopped_;
  bool stop_ = false;
  Promises promises_;
  std::int64_t version_ = -1;  // of the desired state that they are of
  bool loaded_ = false;
  bool unsaved_ = false;
  std::uint64_t save_failures_ = 0;
  std::map<std::string, std::string> told_;  // by binding: its condition, as it was told last
  std::chrono::steady_clock::time_point saved_{};
  std::thread thread_;
};

}  // namespace vs
