// Gives back to the system what large requests took and freed again.
//
// The allocator keeps what is freed in the middle of its heaps, and each thread has its own, so that a
// daemon that once took a document of megabytes would stay as large as that. A thread looks now and
// then, and does nothing while little is free. Bytes. Thread-safe.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <thread>

namespace vs {

inline constexpr int kHeapsMax = 2;                         // that threads share
inline constexpr int kMappedBytesMin = 256 * 1024;          // one so large goes back when it is freed
inline constexpr std::size_t kGrownBytesMin = 8u << 20;     // and free: then it is given back
inline constexpr std::chrono::seconds kMemoryPause{2};

// Before the first thread is started.
void limit_heaps();

class MemoryKeeper {
 public:
  explicit MemoryKeeper(std::chrono::milliseconds pause = kMemoryPause);
  ~MemoryKeeper();
  MemoryKeeper(const MemoryKeeper&) = delete;
  MemoryKeeper& operator=(const MemoryKeeper&) = delete;

  // One look. Returns whether something was given back.
  bool look();

 private:
  void run();

  const std::chrono::milliseconds pause_;
  std::size_t settled_bytes_ = 0;  // that the process had when it last had no more than it needs; of the thread

  std::mutex mutex_;  // guards stop_
  std::condition_variable stopped_;
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace vs
