#include "vsmgrd/policy/plain_text.h"

#include <gtest/gtest.h>

namespace vs::test {
namespace {

using std::string_literals::operator""s;

TEST(FindBadByte, AcceptsUtf8) {
  for (const std::string& text : {""s, "plain\ttext\r\n"s, "é"s, "日本"s, "\U0001F600"s,
                                  "\xEF\xBB\xBFkind: x"s, "\xF4\x8F\xBF\xBF"s})
    EXPECT_FALSE(find_bad_byte(text)) << text;
}

TEST(FindBadByte, RefusesWhatIsNotUtf8) {
  for (const std::string& text :
       {"\x80"s, "\xC3"s, "\xC3("s, "\xC0\xAF"s, "\xE0\x9F\xBF"s, "\xED\xA0\x80"s, "\xE2\x82"s,
        "\xF0\x8F\xBF\xBF"s, "\xF4\x90\x80\x80"s, "\xF5\x80\x80\x80"s, "\xFF\xFE"s})
    EXPECT_TRUE(find_bad_byte(text));
}

TEST(FindBadByte, RefusesControlCharacters) {
  for (const char c : {'\0', '\x01', '\x04', '\x07', '\x1b', '\x7f'})
    EXPECT_TRUE(find_bad_byte(std::string(1, c)));
}

TEST(FindBadByte, TellsLineAndColumn) {
  const auto bad = find_bad_byte("a: é\nb: c\x04 d\n");
  ASSERT_TRUE(bad);
  EXPECT_EQ(bad->line, 2);
  EXPECT_EQ(bad->column, 5);
  EXPECT_EQ(bad->message, "control character 0x04");
  EXPECT_EQ(find_bad_byte("ok\n\xFF")->message, "byte 0xff is not UTF-8");
}

TEST(IsPlainLine, HasNoControlCharacterAtAll) {
  EXPECT_TRUE(is_plain_line("policies/d\xC3\xA9mo.yaml"));
  for (const char* text : {"a\tb", "a\nb", "a\rb", "a\x1b", "\xff"})
    EXPECT_FALSE(is_plain_line(text));
}

}  // namespace
}  // namespace vs::test
