#include "vsctl/output/table.h"

#include <gtest/gtest.h>

namespace vs::ctl {
namespace {

TEST(Table, AlignsColumnsAndEndsLinesWithoutBlanks) {
  Table table({"NAME", "STATE", "LABELS"});
  table.add({"web1", "Ready", "team=web"});
  table.add({"a-longer-name", "", ""});
  EXPECT_EQ(table.to_string(),
            "NAME           STATE  LABELS\n"
            "web1           Ready  team=web\n"
            "a-longer-name  -      -\n");
}

TEST(Table, CountsLettersAndNotBytes) {
  Table table;
  table.add({"Größe", "x"});
  table.add({"Laenge", "y"});
  EXPECT_EQ(table.to_string(), "Größe   x\nLaenge  y\n");
}

TEST(Table, IndentsEveryLine) {
  Table table({"A", "B"});
  table.add({"1", "2"});
  EXPECT_EQ(table.to_string(2), "  A  B\n  1  2\n");
}

TEST(Table, KeepsACellInItsLine) {
  Table table;
  table.add({"a\nb", "c"});
  table.add({"d", "e"});
  EXPECT_EQ(table.to_string(), "a\\x0ab  c\nd       e\n");
}

TEST(Table, IsNothingWithoutRowsAndHeadings) { EXPECT_EQ(Table().to_string(), ""); }

}  // namespace
}  // namespace vs::ctl
