// Does the work behind operations, one after the other, on a thread of its own.
//
// Each job is an operation: durable, with phase, progress, a deadline, and cancelled on request where
// it can be. What the daemon's end interrupts is ended by it (failed, DaemonStopping). Thread-safe.
// Errors of start(): those of OperationLog::begin; exhausted, when kJobsMax wait already.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "vsmgrd/store/operation_log.h"

namespace vs::http {

inline constexpr std::size_t kJobsMax = 8;  // waiting or being done

// A job's view of its operation.
class JobControl {
 public:
  JobControl(OperationLog& log, std::string id, const std::atomic<bool>& stopping)
      : log_(log), id_(std::move(id)), stopping_(stopping) {}

  // False when the work is to stop: cancelled, ended by its deadline, or the daemon stops. True with
  // `cancellable` false: nobody asked for its end, and nobody can any more.
  bool report(OperationLog::Progress progress);
  // How work ends that was told to stop.
  [[nodiscard]] OperationLog::End interrupted() const;
  [[nodiscard]] const std::string& id() const { return id_; }

 private:
  OperationLog& log_;
  const std::string id_;
  const std::atomic<bool>& stopping_;
};

class Jobs {
 public:
  // How it ended; nullopt when the operation has ended with the work already (OperationLog::conclude).
  using Work = std::function<std::optional<OperationLog::End>(JobControl&)>;

  explicit Jobs(OperationLog& log);
  ~Jobs();

  // What has not begun can be cancelled; from then on the work says by report() whether it can.
  // The operation is durable, with the answer that `once` makes of it, before the work begins.
  Result<Operation> start(OperationLog::Start start, Work work, const OperationLog::Once& once = {});
  void stop();

 private:
  struct Job {
    std::string id;
    Work work;
  };
  void run();
  void perform(Job job);

  OperationLog& log_;
  std::atomic<bool> stopping_{false};
  std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  std::deque<Job> jobs_;
  std::size_t count_ = 0;
  std::thread thread_;
};

}  // namespace vs::http
