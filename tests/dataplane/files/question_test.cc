#include "dataplane/files/question.h"

#include <sys/socket.h>

#include <cerrno>

#include <gtest/gtest.h>

namespace vs::files {
namespace {

TEST(QuestionTest, IsANameOrAnAddress) {
  EXPECT_EQ(parse_question("www.lab.test\n")->name, "www.lab.test");
  EXPECT_EQ(parse_question("www.lab.test.\r\n")->name, "www.lab.test");
  EXPECT_EQ(parse_question("WWW")->name, "WWW");
  EXPECT_EQ(parse_question("10.1.0.7\n")->family, AF_INET);
  EXPECT_EQ(parse_question("10.1.0.7\n")->address[3], 7);
  EXPECT_EQ(parse_question("2001:db8::1")->family, AF_INET6);
  EXPECT_TRUE(parse_question("2001:db8::1")->name.empty());
  EXPECT_EQ(parse_question("10.1.0")->name, "10.1.0") << "no address: the service may know such a name";
}

TEST(QuestionTest, IsOneLineOfPrintableCharacters) {
  for (const std::string_view none : {"", "\n", ".", "two names", "one\ntwo\n", "tab\tbed", "\xc3\xa4.test"})
    EXPECT_EQ(parse_question(none).error(), EINVAL) << none;
  EXPECT_EQ(parse_question(std::string_view("a\0b", 3)).error(), EINVAL);
  EXPECT_TRUE(parse_question(std::string(253, 'a')));
  EXPECT_EQ(parse_question(std::string(254, 'a')).error(), ENAMETOOLONG);
}

}  // namespace
}  // namespace vs::files
