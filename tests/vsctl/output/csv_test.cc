#include "vsctl/output/csv.h"

#include <gtest/gtest.h>

namespace vs::ctl {
namespace {

TEST(Csv, QuotesWhatWouldEndACell) {
  EXPECT_EQ(csv_line({"a", "", "b,c", "d\"e", "f\ng"}), "a,,\"b,c\",\"d\"\"e\",\"f\ng\"\n");
  EXPECT_EQ(csv_line({}), "\n");
}

TEST(Csv, NeverHandsAFormulaToASpreadsheet) {
  EXPECT_EQ(csv_line({"=1+1", "@x", "-x", "-5", "+3.5"}), "'=1+1,'@x,'-x,-5,+3.5\n");
}

}  // namespace
}  // namespace vs::ctl
