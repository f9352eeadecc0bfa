// Threads for calls that block: they are begun when there is work, and wait for more.
//
// run() is thread-safe. Work that is under way when this goes is waited for; what has not begun is dropped.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace vs::files {

inline constexpr std::size_t kWorkersMax = 16;
inline constexpr std::size_t kWorkWaitingMax = 1024;

class Workers {
 public:
  ~Workers();
  // False when too much waits already.
  bool run(std::function<void()> work);

 private:
  void serve();

  std::mutex mutex_;
  std::condition_variable more_;
  std::deque<std::function<void()>> waiting_;
  std::vector<std::thread> threads_;
  std::size_t idle_ = 0;
  bool ends_ = false;
};

}  // namespace vs::files
