#include "vsctl/commands/duration.h"

#include <gtest/gtest.h>

namespace vs::ctl {
namespace {

using std::chrono::milliseconds;

TEST(ParseTimeout, ReadsEveryUnit) {
  EXPECT_EQ(parse_timeout("250ms"), milliseconds{250});
  EXPECT_EQ(parse_timeout("2s"), milliseconds{2000});
  EXPECT_EQ(parse_timeout("1m"), milliseconds{60'000});
  EXPECT_EQ(parse_timeout("24h"), milliseconds{86'400'000});
}

TEST(ParseTimeout, RefusesAnythingElse) {
  for (const char* text : {"", "s", "10", "0s", "-1s", "1 s", "1.5s", "1sec", "ms", "1s ", " 1s",
                           "25h", "9999999999999999999s", "9223372036854775807h", "1S"})
    EXPECT_FALSE(parse_timeout(text)) << text;
}

}  // namespace
}  // namespace vs::ctl
