#include "vsmgrd/model/problem.h"

#include <algorithm>
#include <tuple>

#include <fmt/format.h>

namespace vs {

std::string to_string(const Source& source) {
  return fmt::format("{}:{}:{}", source.file, source.line, source.column);
}

std::optional<Source> nearest_source(const Sources& sources, std::string_view pointer) {
  for (;;) {
    if (const auto found = sources.find(std::string(pointer)); found != sources.end())
      return found->second;
    if (pointer.empty()) return std::nullopt;
    const std::size_t parent = pointer.rfind('/');
    pointer = pointer.substr(0, parent == std::string_view::npos ? 0 : parent);
  }
}

void sort_problems(std::vector<Problem>& problems) {
  const auto place = [](const Problem& problem) {
    static const Source nowhere;
    const Source& source = problem.source ? *problem.source : nowhere;
    return std::tuple(!problem.source, std::string_view(source.file), source.line, source.column);
  };
  std::stable_sort(
      problems.begin(), problems.end(),
      [&](const Problem& left, const Problem& right) { return place(left) < place(right); });
}

void limit_problems(std::vector<Problem>& problems) {
  if (problems.size() <= kProblemsMax) return;
  const std::size_t more = problems.size() - kProblemsMax;
  problems.resize(kProblemsMax);
  problems.push_back({.pointer = "", .message = fmt::format("and {} more problems", more)});
}

std::string summary_of(const std::vector<Problem>& problems) {
  if (problems.size() == 1) return problems.front().message;
  return fmt::format("{} problems", problems.size());
}

}  // namespace vs
