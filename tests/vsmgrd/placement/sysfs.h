// Machines as sysfs shows them: files in a directory of a test's own.
#pragma once

#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "tests/temporary_directory.h"

namespace vs::test {

class Sysfs {
 public:
  [[nodiscard]] const std::filesystem::path& path() const { return directory_.path(); }

  void write(const std::filesystem::path& file, std::string_view text) const {
    const auto path = directory_.path() / file;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << text << '\n';
  }
  void write_cpu(unsigned cpu, std::string_view file, std::string_view text) const {
    write(fmt::format("system/cpu/cpu{}/{}", cpu, file), text);
  }
  void add_cpu(unsigned cpu) const { std::filesystem::create_directories(directory_.path() / fmt::format("system/cpu/cpu{}", cpu)); }

  // CPU n and n + cpus/2 are a core; each half of the cores is a node; `llc_cores` cores share a cache.
  void make_server(unsigned cpus, unsigned llc_cores) const {
    const unsigned cores = cpus / 2;
    write("system/cpu/online", fmt::format("0-{}", cpus - 1));
    write("system/cpu/offline", "");
    write("system/cpu/isolated", "");
    for (unsigned cpu = 0; cpu < cpus; ++cpu) {
      const unsigned core = cpu % cores;
      const unsigned first = core / llc_cores * llc_cores;
      write_cpu(cpu, "topology/thread_siblings_list", fmt::format("{},{}", core, core + cores));
      write_cpu(cpu, "topology/core_id", std::to_string(core));
      write_cpu(cpu, "cache/index0/level", "1");
      write_cpu(cpu, "cache/index0/type", "Data");
      write_cpu(cpu, "cache/index0/shared_cpu_list", fmt::format("{},{}", core, core + cores));
      write_cpu(cpu, "cache/index1/level", "1");
      write_cpu(cpu, "cache/index1/type", "Instruction");
      write_cpu(cpu, "cache/index1/shared_cpu_list", fmt::format("{},{}", core, core + cores));
      write_cpu(cpu, "cache/index2/level", "3");
      write_cpu(cpu, "cache/index2/type", "Unified");
      write_cpu(cpu, "cache/index2/shared_cpu_list",
                fmt::format("{}-{},{}-{}", first, first + llc_cores - 1, first + cores, first + cores + llc_cores - 1));
    }
    write("system/node/node0/cpulist", fmt::format("0-{},{}-{}", cores / 2 - 1, cores, cores + cores / 2 - 1));
    write("system/node/node1/cpulist", fmt::format("{}-{},{}-{}", cores / 2, cores - 1, cores + cores / 2, cpus - 1));
  }

 private:
  TemporaryDirectory directory_;
};

}  // namespace vs::test
