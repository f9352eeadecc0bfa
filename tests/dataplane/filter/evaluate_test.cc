// What filters say about an event, expression by expression.
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "market.h"

namespace vs::filter::test {
namespace {

Verdict verdict_of(const std::string& text) {
  Market market;
  market.set("labels.room", Value(std::string_view("north")));
  market.set("labels.floor", Value(std::int64_t{3}));
  auto program = compile(text, market.schema);
  EXPECT_TRUE(program) << text << ": " << (program ? "" : program.error().message);
  return program ? program->evaluate(market.values) : Verdict::error;
}

void expect_all(Verdict verdict, std::initializer_list<const char*> texts) {
  for (const char* text : texts) EXPECT_EQ(verdict_of(text), verdict) << text;
}

TEST(Filter, ComparesNumbersWhateverTheirTypes) {
  expect_all(Verdict::yes, {"attributes.price > 100", "attributes.price >= 101.5", "attributes.price == 101.5",
                            "attributes.quantity == 10", "attributes.quantity == 10.0", "attributes.quantity < 10.5",
                            "100 < attributes.price", "10.0 == attributes.quantity", "sequence != 8", "-1 < sequence",
                            "9007199254740993 != 9007199254740992.0", "-9223372036854775808 < sequence", "0x0a == attributes.quantity"});
  expect_all(Verdict::no, {"attributes.price > 101.5", "attributes.quantity != 10", "attributes.quantity >= 10.5",
                           "sequence > 1e300", "sequence < -1e300"});
}

TEST(Filter, ComparesAndSearchesText) {
  expect_all(Verdict::yes,
             {"attributes.symbol == 'IBM'", "'IBM' == attributes.symbol", "attributes.symbol != \"ibm\"", "attributes.symbol < 'J'",
              "channel.startsWith('market.')", "channel.endsWith('stocks')", "channel.contains('ket.st')", "channel.contains('')",
              "channel.matches('^market\\\\.[a-z]+$')", "channel.matches(r'\\.st')", "attributes.symbol == '\\x49BM'",
              "size(channel) == 13", "channel.size() == 13", "size(payload) == 4", "attributes['symbol'] == 'IBM'"});
  expect_all(Verdict::no, {"channel.startsWith('stocks')", "channel.endsWith('market')", "channel.contains('bonds')",
                           "channel.matches('^stocks')", "attributes.symbol == 'IB'", "attributes.symbol == 'IBM '"});
}

TEST(Filter, LooksInLists) {
  expect_all(Verdict::yes, {"attributes.symbol in ['AAPL', 'IBM']", "attributes.quantity in [1, 10.0]", "sequence in [7]",
                            "attributes.quantity in [1,2,3,4,5,6,7,8,9,10,11,12]",
                            "attributes.symbol in ['a','b','c','d','e','f','g','h','i','IBM']"});
  expect_all(Verdict::no, {"attributes.symbol in ['AAPL']", "sequence in [1,2,3,4,5,6,8,9,10,11]"});
}

TEST(Filter, Calculates) {
  expect_all(Verdict::yes, {"attributes.price * 2 == 203.0", "attributes.quantity + 1 == 11", "attributes.quantity - 11 == -1",
                            "attributes.quantity / 3 == 3", "attributes.quantity % 3 == 1", "-attributes.quantity == -10",
                            "1 + 2 * 3 == 7", "(1 + 2) * 3 == 9", "7 - 2 - 1 == 4", "double(attributes.quantity) / 4 == 2.5",
                            "int(attributes.price) == 101", "attributes.price * double(attributes.quantity) > 1000.0"});
  expect_all(Verdict::error, {"attributes.quantity / 0 == 1", "attributes.quantity % 0 == 1",
                              "9223372036854775807 + attributes.quantity > 0", "int(1e300) == 1",
                              "-(-9223372036854775807 - attributes.quantity + 9) > 0"});
}

TEST(Filter, AnAttributeThatIsNotThereIsAnErrorUnlessItsPresenceIsAsked) {
  expect_all(Verdict::error, {"attributes.closed", "!attributes.closed", "labels.unknown == 1", "labels.unknown in [1]"});
  expect_all(Verdict::no, {"has(attributes.closed)", "has(labels.unknown)", "has(attributes.closed) && attributes.closed"});
  expect_all(Verdict::yes, {"has(attributes.price)", "!has(attributes.closed) || attributes.closed", "has(labels.room)"});
}

TEST(Filter, AnErrorOnOneSideDoesNotMatterWhereTheOtherDecides) {
  expect_all(Verdict::no, {"attributes.closed && false", "false && attributes.closed", "1/0 == 1 && sequence == 8"});
  expect_all(Verdict::yes, {"attributes.closed || true", "true || attributes.closed", "1/0 == 1 || sequence == 7"});
  expect_all(Verdict::error, {"attributes.closed && true", "true && attributes.closed", "attributes.closed || false"});
}

TEST(Filter, Chooses) {
  expect_all(Verdict::yes, {"sequence == 7 ? true : false", "(sequence == 8 ? 1 : 2) == 2",
                            "sequence == 8 ? false : attributes.price > 100 ? true : false", "(true ? 1 : 2.5) == 1"});
  expect_all(Verdict::error, {"attributes.closed ? true : true", "1/0 == 1 ? true : true"});
}

TEST(Filter, NamesWithoutADeclarationAreCheckedWhenAnEventIsThere) {
  expect_all(Verdict::yes, {"labels.room == 'north'", "labels.floor > 2", "labels.floor + 1 == 4", "labels.room.startsWith('no')",
                            "labels.floor in [1, 2, 3]", "labels.room != 'south'"});
  expect_all(Verdict::error, {"labels.room > 2", "labels.floor == 'north'", "labels.floor.startsWith('3')", "labels.room + 1 == 2",
                              "labels.room", "-labels.room == 1", "size(labels.floor) == 1"});
}

TEST(Filter, LogicBindsAsInCel) {
  expect_all(Verdict::yes, {"true || false && false", "!false && true", "!(true && false)", "1 < 2 && 2 < 3 || false",
                            "!!true", "1 + 1 == 2 && 'a' < 'b'"});
}

}  // namespace
}  // namespace vs::filter::test
