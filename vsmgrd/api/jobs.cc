#include "vsmgrd/api/jobs.h"

#include <exception>
#include <utility>

#include "base/log.h"

namespace vs::http {

bool JobControl::report(OperationLog::Progress progress) {
  if (stopping_ || log_.cancel_requested(id_)) return false;
  return log_.progress(id_, std::move(progress)) && !log_.cancel_requested(id_);
}

OperationLog::End JobControl::interrupted() const {
  if (stopping_)
    return {.state = Operation::State::failed,
            .reason = "DaemonStopping",
            .message = "the daemon stopped before it was done"};
  return {.state = Operation::State::cancelled, .reason = "Cancelled", .message = "before it was done"};
}

Jobs::Jobs(OperationLog& log) : log_(log), thread_([this] { run(); }) {}

Jobs::~Jobs() { stop(); }

Result<Operation> Jobs::start(OperationLog::Start start, Work work,
                              const OperationLog::Once& once) {
  const std::lock_guard lock(mutex_);
  if (stopping_) return fail(ErrorCode::unavailable, "the daemon is stopping");
  if (count_ >= kJobsMax)
    return fail(ErrorCode::exhausted, "operations: too many wait already");
  start.cancellable = true;
  auto operation = log_.begin(std::move(start), once);
  if (!operation) return operation;
  jobs_.push_back({operation->id, std::move(work)});
  ++count_;
  changed_.notify_all();
  return operation;
}

void Jobs::stop() {
  {
    const std::lock_guard lock(mutex_);
    if (stopping_.exchange(true)) return;
    changed_.notify_all();
  }
  thread_.join();
}

void Jobs::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [&] { return !jobs_.empty() || stopping_; });
    if (jobs_.empty()) return;
    Job job = std::move(jobs_.front());
    jobs_.pop_front();
    lock.unlock();
    perform(std::move(job));
    lock.lock();
    --count_;
  }
}

void Jobs::perform(Job job) {
  std::optional<OperationLog::End> end = OperationLog::End{.state = Operation::State::failed,
                                                           .reason = "DaemonStopping",
                                                           .message = "the daemon stopped before it was done"};
  if (!stopping_ && log_.cancel_requested(job.id)) {
    end = OperationLog::End{.state = Operation::State::cancelled, .reason = "Cancelled", .message = "before it began"};
  } else if (!stopping_) {
    JobControl control(log_, job.id, stopping_);
    try {
      end = job.work(control);
    } catch (const std::exception& problem) {
      log::error("operation.failed", {{"operation", job.id}, {"what", problem.what()}});
      end = OperationLog::End{.state = Operation::State::failed,
                              .reason = "InternalError",
                              .message = "it failed; the daemon's log says why"};
    }
  }
  if (!end) return;
  if (auto finished = log_.finish(job.id, std::move(*end)); !finished)
    log::warn("operation.not_finished", {{"operation", job.id}, {"error", finished.error()}});
}

}  // namespace vs::http
