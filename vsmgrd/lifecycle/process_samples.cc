#include "vsmgrd/lifecycle/process_samples.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <system_error>

namespace vs {
namespace {

double seconds(const timeval& time) { return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6; }

// The fields of /proc/self/stat from the third on: the second, a name, may hold anything.
std::vector<std::string> stat_fields() {
  std::ifstream file("/proc/self/stat");
  std::string line;
  std::getline(file, line);
  std::istringstream rest(line.substr(std::min(line.size(), line.rfind(')') + 1)));
  return {std::istream_iterator<std::string>(rest), {}};
}

double boot_time() {
  std::ifstream file("/proc/stat");
  for (std::string line; std::getline(file, line);)
    if (line.starts_with("btime ")) return std::stod(line.substr(6));
  return 0;
}

}  // namespace

std::vector<Sample> process_samples() {
  std::vector<Sample> samples;
  const auto add = [&](const char* name, const char* help, Sample::Type type, double value) {
    samples.push_back({.name = name, .help = help, .type = type, .value = value});
  };
  using Type = Sample::Type;
  rusage used{};
  if (::getrusage(RUSAGE_SELF, &used) == 0)
    add("process_cpu_seconds_total", "Total user and system CPU time spent in seconds.", Type::counter,
        seconds(used.ru_utime) + seconds(used.ru_stime));
  if (const auto fields = stat_fields(); fields.size() > 21) {  // starttime and rss are fields 22 and 24 of proc(5)
    add("process_start_time_seconds", "Start time of the process since unix epoch in seconds.", Type::gauge,
        boot_time() + std::stod(fields[19]) / static_cast<double>(::sysconf(_SC_CLK_TCK)));
    add("process_resident_memory_bytes", "Resident memory size in bytes.", Type::gauge,
        std::stod(fields[21]) * static_cast<double>(::sysconf(_SC_PAGESIZE)));
  }
  std::error_code error;
  const std::filesystem::directory_iterator open("/proc/self/fd", error);
  if (!error)
    add("process_open_fds", "Number of open file descriptors.", Type::gauge,
        static_cast<double>(std::distance(begin(open), end(open))));
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0)
    add("process_max_fds", "Maximum number of open file descriptors.", Type::gauge, static_cast<double>(limit.rlim_cur));
  return samples;
}

}  // namespace vs
