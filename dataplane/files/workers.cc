#include "dataplane/files/workers.h"

#include <utility>

namespace vs::files {

Workers::~Workers() {
  {
    const std::lock_guard lock(mutex_);
    ends_ = true;
    waiting_.clear();
  }
  more_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

bool Workers::run(std::function<void()> work) {
  const std::lock_guard lock(mutex_);
  if (ends_ || waiting_.size() >= kWorkWaitingMax) return false;
  waiting_.push_back(std::move(work));
  if (idle_ < waiting_.size() && threads_.size() < kWorkersMax) threads_.emplace_back([this] { serve(); });
  more_.notify_one();
  return true;
}

void Workers::serve() {
  std::unique_lock lock(mutex_);
  for (;;) {
    ++idle_;
    more_.wait(lock, [this] { return ends_ || !waiting_.empty(); });
    --idle_;
    if (ends_) return;
    const auto work = std::move(waiting_.front());
    waiting_.pop_front();
    lock.unlock();
    work();
    lock.lock();
  }
}

}  // namespace vs::files
