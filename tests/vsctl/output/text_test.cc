#include "vsctl/output/text.h"

#include <gtest/gtest.h>

namespace vs::ctl {
namespace {

TEST(Printable, LeavesTextAlone) {
  EXPECT_EQ(printable("web1: Größe 名前 \xf0\x9f\x98\x80 \\ \"x\""),
            "web1: Größe 名前 \xf0\x9f\x98\x80 \\ \"x\"");
}

TEST(Printable, ShowsWhatATerminalWouldObey) {
  EXPECT_EQ(printable("a\x1b[2Jb\nc\rd\te\x7f"), "a\\x1b[2Jb\\x0ac\\x0dd\\x09e\\x7f");
  EXPECT_EQ(printable("\xc2\x9b"), "\\u{009b}");      // C1: one-byte escape sequence introducer
  EXPECT_EQ(printable("\xe2\x80\xae"), "\\u{202e}");  // right-to-left override
  EXPECT_EQ(printable(std::string_view("\0", 1)), "\\x00");
}

TEST(Printable, ShowsBytesThatAreNoUtf8) {
  EXPECT_EQ(printable("\xff"), "\\xff");
  EXPECT_EQ(printable("\xc0\xaf"), "\\xc0\\xaf");                    // overlong
  EXPECT_EQ(printable("\xed\xa0\x80"), "\\xed\\xa0\\x80");           // surrogate
  EXPECT_EQ(printable("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80");  // past U+10FFFF
  EXPECT_EQ(printable("a\xe2\x82"), "a\\xe2\\x82");                  // cut off
}

TEST(FirstByteNotUtf8, IsWhereItBegins) {
  EXPECT_EQ(first_byte_not_utf8(""), std::nullopt);
  EXPECT_EQ(first_byte_not_utf8("Größe"), std::nullopt);
  EXPECT_EQ(first_byte_not_utf8("Gr\xf6\xdf"
                                "e"),
            2U);
  EXPECT_EQ(first_byte_not_utf8("ab\xc3"), 2U);
}

TEST(ColumnsOf, CountsCodePoints) {
  EXPECT_EQ(columns_of(""), 0U);
  EXPECT_EQ(columns_of("Größe"), 5U);
}

}  // namespace
}  // namespace vs::ctl
