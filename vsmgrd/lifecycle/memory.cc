#include "vsmgrd/lifecycle/memory.h"

#include <malloc.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>

namespace vs {
namespace {

// What the process has of the machine's memory for itself alone: heaps and stacks.
std::size_t private_bytes() {
  std::ifstream statm("/proc/self/statm");
  std::size_t size = 0, resident = 0, shared = 0;
  statm >> size >> resident >> shared;
  return (resident - std::min(resident, shared)) * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

}  // namespace

void limit_heaps() {
  mallopt(M_ARENA_MAX, kHeapsMax);
  mallopt(M_MMAP_THRESHOLD, kMappedBytesMin);
}

MemoryKeeper::MemoryKeeper(std::chrono::milliseconds pause) : pause_(pause), thread_([this] { run(); }) {}

MemoryKeeper::~MemoryKeeper() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  stopped_.notify_all();
  thread_.join();
}

// What is free may have been given back already, and may be in use again between two looks: only the
// process's size tells whether there is something to gain.
bool MemoryKeeper::look() {
  const std::size_t bytes = private_bytes();
  settled_bytes_ = std::min(settled_bytes_, bytes);
  if (bytes - settled_bytes_ < kGrownBytesMin || mallinfo2().fordblks < kGrownBytesMin) return false;
  const bool given = malloc_trim(0) == 1;
  settled_bytes_ = private_bytes();
  return given;
}

void MemoryKeeper::run() {
  std::unique_lock lock(mutex_);
  while (!stopped_.wait_for(lock, pause_, [this] { return stop_; })) {
    lock.unlock();
    look();
    lock.lock();
  }
}

}  // namespace vs
