#include "vsctl/output/report.h"

#include <fmt/format.h>

#include "vsctl/output/text.h"

namespace vs::ctl {
namespace {

// The place in a file when there is one: that is what editors jump to.
std::string place_of(const Problem& problem) {
  if (problem.line > 0)
    return fmt::format("{}:{}:{}: ", problem.file, problem.line, problem.column);
  if (!problem.file.empty()) return problem.file + ": ";
  return problem.pointer.empty() ? "" : problem.pointer + ": ";
}

}  // namespace

std::string report(const Failure& failure) {
  std::string lines;
  for (const Problem& problem : failure.problems) {
    std::string line = place_of(problem) + problem.message;
    if (!problem.hint.empty()) line += fmt::format(" ({})", problem.hint);
    lines += printable(line) + "\n";
  }
  return lines + "vsctl: " + printable(failure.message) + "\n";
}

}  // namespace vs::ctl
