#include "vsctl/output/progress.h"

#include <sstream>

#include <gtest/gtest.h>

namespace vs::ctl {
namespace {

TEST(Progress, ShowsThePartThatIsDone) {
  EXPECT_EQ(ProgressBar::line("copy", 0.5), "copy [###############---------------] 50%");
  EXPECT_EQ(ProgressBar::line("copy", 2), "copy [##############################] 100%");
  EXPECT_EQ(ProgressBar::line("drain\x1b[2J", -1), "drain\\x1b[2J ...");
}

TEST(Progress, SaysNothingWhereThereIsNoTerminal) {  // ctest gives none
  std::ostringstream err;
  ProgressBar bar(err, true);
  bar.show("copy", 0.5);
  bar.clear();
  EXPECT_EQ(err.str(), "");
}

}  // namespace
}  // namespace vs::ctl
