#include "vsctl/output/report.h"

#include <gtest/gtest.h>

namespace vs::ctl {
namespace {

TEST(Report, PutsEachProblemInItsLineAndSumsUp) {
  const Failure failure{
      ExitCode::invalid,
      "3 problems in 1 file",
      {{"/spec/rules/0", "unknown key \"efect\"", "did you mean \"effect\"?", "a.yaml", 12, 3},
       {"/metadata/name", "is empty", "", "", 0, 0},
       {"", "not YAML", "", "b.yaml", 0, 0}}};
  EXPECT_EQ(report(failure),
            "a.yaml:12:3: unknown key \"efect\" (did you mean \"effect\"?)\n"
            "/metadata/name: is empty\n"
            "b.yaml: not YAML\n"
            "vsctl: 3 problems in 1 file\n");
}

TEST(Report, CannotBeMadeToFakeLines) {
  EXPECT_EQ(
      report({ExitCode::invalid, "bad\nvsctl: all is well", {{"", "x\x1b[1A", "", "f\n", 1, 2}}}),
      "f\\x0a:1:2: x\\x1b[1A\nvsctl: bad\\x0avsctl: all is well\n");
}

}  // namespace
}  // namespace vs::ctl
