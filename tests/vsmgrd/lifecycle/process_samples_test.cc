#include "vsmgrd/lifecycle/process_samples.h"

#include <fcntl.h>
#include <unistd.h>

#include <chrono>
#include <map>
#include <string>

#include <gtest/gtest.h>

#include "base/unique_fd.h"

namespace vs {
namespace {

std::map<std::string, double> values() {
  std::map<std::string, double> values;
  for (const Sample& sample : process_samples()) values[sample.name] = sample.value;
  return values;
}

TEST(ProcessSamples, TellWhatThisProcessTakes) {
  const auto now = values();
  ASSERT_EQ(now.size(), 5u);
  EXPECT_GT(now.at("process_cpu_seconds_total"), 0);
  EXPECT_GT(now.at("process_resident_memory_bytes"), 1e6);
  EXPECT_LE(now.at("process_open_fds"), now.at("process_max_fds"));
  const double wall = std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
  EXPECT_LE(now.at("process_start_time_seconds"), wall + 1);  // the boot's time is in whole seconds
  EXPECT_GT(now.at("process_start_time_seconds"), wall - 86400);
}

TEST(ProcessSamples, CountDescriptors) {
  const double before = values().at("process_open_fds");
  const UniqueFd one(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  EXPECT_EQ(values().at("process_open_fds"), before + 1);
}

}  // namespace
}  // namespace vs
