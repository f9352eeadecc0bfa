// What is no filter, and what its author is told.
#include <string>

#include <gtest/gtest.h>

#include "dataplane/filter/syntax.h"
#include "market.h"

namespace vs::filter::test {
namespace {

std::string fault_of(const std::string& text, std::uint32_t cost_max = kCostMaxDefault) {
  Market market;
  const auto program = compile(text, market.schema, cost_max);
  return program ? "none" : program.error().message;
}

TEST(FilterCompiler, SaysTheColumnOfWhatDoesNotParse) {
  EXPECT_EQ(fault_of(""), "column 1: the expression is not complete");
  EXPECT_EQ(fault_of("sequence =  7"), "column 10: \"=\" means nothing; did you mean \"==\"?");
  EXPECT_EQ(fault_of("true & true"), "column 6: \"&\" means nothing; did you mean \"&&\"?");
  EXPECT_EQ(fault_of("sequence == "), "column 13: the expression is not complete");
  EXPECT_EQ(fault_of("(sequence == 7"), "column 15: \")\" belongs here");
  EXPECT_EQ(fault_of("sequence == 7)"), "column 14: the expression ends before this");
  EXPECT_EQ(fault_of("channel == 'market"), "column 12: a string that does not end");
  EXPECT_EQ(fault_of("channel == '\\q'"), "column 13: no such escape");
  EXPECT_EQ(fault_of("sequence == 7x"), "column 14: a number ends here, and no name may begin");
  EXPECT_EQ(fault_of("sequence == 9223372036854775808"), "column 13: an integer that is too large");
  EXPECT_EQ(fault_of("sequence == 99999999999999999999"), "column 13: a number that is too large, or none");
  EXPECT_EQ(fault_of("sequence == 1e"), "column 15: digits of the exponent are missing");
  EXPECT_EQ(fault_of("sequence in"), "column 12: the expression is not complete");
  EXPECT_EQ(fault_of("sequence == 7 == true"), "column 15: the expression ends before this");
  EXPECT_EQ(fault_of("in == 1"), "column 1: a value belongs before \"in\"");
  EXPECT_EQ(fault_of("a\x01"), "column 2: a byte that belongs to no word");
  EXPECT_EQ(fault_of("true ? false"), "column 13: \":\" belongs here");
}

TEST(FilterCompiler, SaysTheColumnOfWhatHasTheWrongType) {
  EXPECT_EQ(fault_of("sequence"), "column 1: a filter is a truth value, not int");
  EXPECT_EQ(fault_of("channel > 7"), "column 9: string and int cannot be compared");
  EXPECT_EQ(fault_of("7 < channel"), "column 3: string and int cannot be compared");
  EXPECT_EQ(fault_of("attributes.closed < true"), "column 19: truth values have no order");
  EXPECT_EQ(fault_of("channel + 'x' == 'y'"), "column 9: only numbers are calculated with, not string and string");
  EXPECT_EQ(fault_of("attributes.price % 2 == 0"), "column 18: \"%\" is for int, not double and int");
  EXPECT_EQ(fault_of("!sequence"), "column 2: what \"!\" stands before is a truth value, not int");
  EXPECT_EQ(fault_of("true && sequence"), "column 9: a side of \"&&\" is a truth value, not int");
  EXPECT_EQ(fault_of("-channel == 1"), "column 1: only numbers have a negative, not string");
  EXPECT_EQ(fault_of("sequence.startsWith('7')"), "column 10: startsWith is for strings, not int and string");
  EXPECT_EQ(fault_of("channel.contains(7)"), "column 9: contains is for strings, not string and int");
  EXPECT_EQ(fault_of("payload == 'x'"), "column 9: bytes and string cannot be compared");
  EXPECT_EQ(fault_of("sequence in ['7']"), "column 14: int and string cannot be compared");
  EXPECT_EQ(fault_of("sequence == 1 ? 1 : 'x'"), "column 15: either int or string: choose one type");
  EXPECT_EQ(fault_of("size(sequence) == 1"), "column 1: size is for strings and bytes, not int");
  EXPECT_EQ(fault_of("payload.matches('x')"), "column 9: matches is for string, not bytes");
}

TEST(FilterCompiler, SaysWhichNamesThereAre) {
  EXPECT_EQ(fault_of("atributes.price > 1"),
            "column 1: atributes.price: no such name; there are channel, payload, sequence, attributes.symbol, attributes.price, "
            "attributes.quantity, attributes.closed");
  EXPECT_EQ(fault_of("attributes == 1"), "column 1: attributes: a part of it is a value, it is none itself");
  EXPECT_EQ(fault_of("labels == 1"), "column 1: labels: a part of it is a value, it is none itself");
  EXPECT_EQ(fault_of("channel.beginsWith('x')"),
            "column 9: beginsWith: no such function; there are startsWith, endsWith, contains, matches, size, has, int, double");
  EXPECT_EQ(fault_of("startsWith(channel, 'x')"), "column 1: startsWith: not called like this");
  EXPECT_EQ(fault_of("has(1)"), "column 5: has asks for a name");
  EXPECT_EQ(fault_of("1.5.x == 1"), "column 5: only a name has parts");
}

TEST(FilterCompiler, RefusesWhatIsNotComputedWhenItIsInstalled) {
  EXPECT_EQ(fault_of("channel.matches(channel)"), "column 17: a regular expression is written here, not computed");
  EXPECT_EQ(fault_of("channel.matches('(')"), "column 17: regular expression: missing ): (");
  EXPECT_EQ(fault_of("channel.matches('(x{1000}){1000}')").substr(0, 30), "column 17: regular expression:");
  EXPECT_EQ(fault_of("sequence in [sequence]"), "column 14: an element of a list is a literal");
  EXPECT_EQ(fault_of("sequence in []"), "column 13: a list with nothing in it holds nothing");
  EXPECT_EQ(fault_of("sequence in channel"), "column 13: a list in brackets belongs behind \"in\"");
  EXPECT_EQ(fault_of("[1] == 1"), "column 1: a list belongs behind \"in\"");
}

TEST(FilterCompiler, KeepsItsLimits) {
  EXPECT_EQ(fault_of(std::string(kTextBytesMax + 1, ' ')), "column 4097: longer than 4096 bytes");
  EXPECT_EQ(fault_of(std::string(60, '(') + "true" + std::string(60, ')')), "column 49: nested deeper than 48");
  EXPECT_EQ(fault_of(std::string(60, '!') + "true").substr(0, 27), "column 48: nested deeper th");
  std::string many = "true";
  for (int n = 0; n < 300; ++n) many += "||true";
  EXPECT_NE(fault_of(many).find("more than 512 parts"), std::string::npos) << fault_of(many);
  std::string list = "sequence in [1";
  for (int n = 0; n < 256; ++n) list += ",1";
  EXPECT_EQ(fault_of(list + "]"), "column 13: more than 256 elements");
  EXPECT_EQ(fault_of("channel.contains('x') && channel.contains('y')", 2000),
            "column 1: may cost 2066 ns an event, limit 2000");
}

TEST(FilterCompiler, GivesSlotsToOpenNamesUpToALimit) {
  Market market;
  const std::size_t before = market.schema.slots();
  ASSERT_TRUE(compile("labels.a == 1 && labels.b == 2 && labels.a == 3", market.schema));
  EXPECT_EQ(market.schema.slots(), before + 2);
  Result<Program> last = fail(ErrorCode::internal, "");
  for (std::size_t n = 0; n < kSlotsMax; ++n) last = compile("labels.n" + std::to_string(n) + " == 1", market.schema);
  ASSERT_FALSE(last);
  EXPECT_EQ(last.error().message, "column 1: labels.n255: more than 256 names");
  EXPECT_EQ(market.schema.slots(), kSlotsMax);
}

}  // namespace
}  // namespace vs::filter::test
