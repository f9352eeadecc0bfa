#include "vsmgrd/store/writer.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/log.h"

namespace vs {

// On the stack of the thread that waits for it.
struct Writer::Job {
  const Work* write = nullptr;
  const std::function<Result<>()>* run = nullptr;
  Sharing sharing = Sharing::grouped;
  bool done = false;  // guarded by mutex_
  Result<> result;
  std::vector<std::function<void()>> after_commit;
  std::condition_variable answered;
};

Writer::Writer(const Clock& clock, Hooks hooks)
    : clock_(clock), hooks_(std::move(hooks)), thread_([this] { loop(); }) {}

Writer::~Writer() {
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

Result<> Writer::write(const Work& work, Sharing sharing) {
  Job job;
  job.write = &work;
  job.sharing = sharing;
  return submit(job);
}

Result<> Writer::run(const std::function<Result<>()>& work) {
  Job job;
  job.run = &work;
  return submit(job);
}

std::size_t Writer::waiting() const {
  const std::lock_guard lock(mutex_);
  return waiting_.size();
}

Result<> Writer::submit(Job& job) {
  std::unique_lock lock(mutex_);
  if (waiting_.size() >= kWritesWaitingMax)
    return fail(ErrorCode::exhausted,
                fmt::format("{} writes wait already: try again", kWritesWaitingMax));
  waiting_.push_back(&job);
  changed_.notify_one();
  job.answered.wait(lock, [&] { return job.done; });
  return std::move(job.result);
}

void Writer::loop() {
  auto tidied = clock_.now();
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait_for(lock, kTidyPause, [this] { return stopped_ || !waiting_.empty(); });
    if (stopped_ && waiting_.empty()) return;
    std::vector<Job*> group;
    while (!waiting_.empty() && group.size() < kGroupWritesMax) {
      group.push_back(waiting_.front());
      waiting_.pop_front();
    }
    lock.unlock();
    if (!group.empty()) serve(group);
    lock.lock();
    // Under the lock: who is told may go at once, and take the job along.
    for (Job* job : group) {
      job->done = true;
      job->answered.notify_one();
    }
    const bool others_wait = !waiting_.empty();
    lock.unlock();
    if (!group.empty()) checkpoint(others_wait);
    if (clock_.now() - tidied >= kTidyPause) {
      tidied = clock_.now();
      tidy();
    }
    lock.lock();
  }
}

void Writer::serve(std::vector<Job*>& group) {
  std::vector<Job*> writes;
  for (Job* job : group)
    if (job->write && job->sharing == Sharing::grouped) writes.push_back(job);
  if (!writes.empty()) serve_writes(writes);
  for (Job* job : group) {
    std::vector<Job*> alone{job};
    if (job->run)
      job->result = (*job->run)();
    else if (job->sharing != Sharing::grouped)
      serve_writes(alone);
  }
}

// Only work that shares its transaction needs a savepoint. SQLite copies each page that is changed
// after one, and walks over all copies at the end of many a statement: large work is slow in it.
Result<> Writer::do_one(Turn& turn, Job& job, bool shared) {
  if (shared)
    if (auto saved = turn.database.run("SAVEPOINT work"); !saved) return saved;
  job.result = (*job.write)(turn);
  // The disk is full, or failed: some errors undo the whole transaction.
  if (!turn.database.in_transaction())
    return job.result ? fail(ErrorCode::unavailable, "the database undid the transaction")
                      : Result<>(fail(job.result.error()));
  if (!shared) return job.result ? Result<>() : Result<>(fail(job.result.error()));
  if (job.result) return turn.database.run("RELEASE work");
  job.after_commit.clear();
  return turn.database.run("ROLLBACK TO work; RELEASE work");
}

void Writer::serve_writes(std::vector<Job*>& writes) {
  const auto fail_all = [&](const Error& error) {
    for (Job* job : writes) {
      if (job->result) job->result = fail(error);
      job->after_commit.clear();
    }
    if (hooks_.undone) hooks_.undone();
  };
  const auto fail_with_database = [&](const Error& error) {
    fail_all(error);
    counts_.with([](WriterCounts& counts) { ++counts.commits_failed; });
    if (hooks_.failed) hooks_.failed(error);
  };
  const auto database = hooks_.database();
  if (!database) return fail_with_database(database.error());
  auto transaction = Transaction::begin(**database);
  if (!transaction) return fail_with_database(transaction.error());
  last_now_ =
      std::max(last_now_, WallTime(std::chrono::floor<std::chrono::milliseconds>(clock_.wall())));
  for (Job* job : writes) {
    Turn turn{**database, ++last_number_, last_now_, job->after_commit};
    const bool shared = writes.size() > 1;
    if (auto done = do_one(turn, *job, shared); !done)  // work of its own may just have refused
      return shared || !(*database)->in_transaction() ? fail_with_database(done.error())
                                                      : fail_all(done.error());
  }
  if (writes.front()->sharing == Sharing::dry_run) {  // alone; the transaction is rolled back
    if (hooks_.undone) hooks_.undone();
    return;
  }
  const auto begun = clock_.now();
  if (auto committed = transaction->commit(); !committed)
    return fail_with_database(committed.error());
  counts_.with([&](WriterCounts& counts) { counts.commits.record(clock_.now() - begun); });
  for (Job* job : writes)
    for (const auto& then : job->after_commit) then();
}

void Writer::tidy() {
  if (!hooks_.tidy) return;
  const Work work = hooks_.tidy;
  Job job;
  job.write = &work;
  std::vector<Job*> alone{&job};
  serve_writes(alone);
  if (!job.result) log::debug("store.not_tidied", {{"error", job.result.error()}});
}

// SQLite would do it within the commit that reaches the limit, and let that one wait.
void Writer::checkpoint(bool others_wait) {
  const auto database = hooks_.database();
  if (!database) return;
  const int pages = (*database)->log_pages();
  if (pages >= kCheckpointPagesMax || (pages >= kCheckpointPages && !others_wait))
    (*database)->checkpoint();
}

}  // namespace vs
