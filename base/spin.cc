#include "base/spin.h"

#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>

namespace vs {
namespace {

long usable_cores() {
  cpu_set_t cores;
  return ::sched_getaffinity(0, sizeof cores, &cores) == 0 ? CPU_COUNT(&cores) : 1;
}

}  // namespace

void SpinWindow::learn(std::chrono::nanoseconds gap) {
  if (gap > kSpinMax)
    length_ = length_ / 2 < kSpinStart ? std::chrono::nanoseconds(0) : length_ / 2;
  else if (gap > length_)
    length_ = std::min<std::chrono::nanoseconds>(std::max<std::chrono::nanoseconds>(2 * length_, kSpinStart), kSpinMax);
}

LoadProbe::LoadProbe() : file_(::open("/proc/loadavg", O_RDONLY | O_CLOEXEC)), cores_(usable_cores()) {}

bool LoadProbe::crowded(TimePoint now, std::size_t peers) {
  if (cores_ < 2 || !file_ || peers >= static_cast<std::size_t>(cores_)) return true;
  if (now < next_) return crowded_;
  next_ = now + kEvery;
  std::array<char, 64> text{};
  const ssize_t bytes = ::pread(file_.get(), text.data(), text.size() - 1, 0);
  const long running = bytes > 0 ? running_threads(text.data()) : -1;
  crowded_ = running < 0 || running > cores_;
  return crowded_;
}

long running_threads(const char* loadavg) {
  long running = -1;
  return std::sscanf(loadavg, "%*f %*f %*f %ld/", &running) == 1 && running >= 0 ? running : -1;
}

}  // namespace vs
