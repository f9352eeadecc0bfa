// What a channel may say of its events, and what does not fit it.
#include "dataplane/filter/event_schema.h"

#include <gtest/gtest.h>

namespace vs::filter {
namespace {

EventSchema schema(const std::string& text, const std::string& content_type = "") {
  auto parsed = EventSchema::parse(text, content_type);
  EXPECT_TRUE(parsed) << (parsed ? "" : parsed.error().message);
  return parsed ? *parsed : EventSchema();
}
std::string why(const Result<>& judged) { return judged ? "fits" : judged.error().message; }
std::string refusal_of(const std::string& text, const std::string& content_type = "") {
  const auto parsed = EventSchema::parse(text, content_type);
  return parsed ? "parsed" : parsed.error().message;
}

TEST(EventSchema, IsReadAsItIsWritten) {
  const std::string text = "price double required, symbol string, raw bytes, day int, open bool required, ...";
  EXPECT_EQ(schema(text).text(), text);
  EXPECT_EQ(schema(schema(text).text()), schema(text));
  EXPECT_EQ(schema("  price\tdouble ,n int").text(), "price double, n int");
  EXPECT_TRUE(schema("").empty());
  EXPECT_FALSE(schema("", "text/plain; charset=utf-8").empty());
}

TEST(EventSchema, SaysTheColumnOfWhatIsWrong) {
  EXPECT_EQ(refusal_of("price"), "column 6: \"price\" is of type bool, int, double, string or bytes");
  EXPECT_EQ(refusal_of("price float"), "column 7: \"price\" is of type bool, int, double, string or bytes");
  EXPECT_EQ(refusal_of("a int, a int"), "column 8: \"a\" is declared twice");
  EXPECT_EQ(refusal_of("a int,"), "column 7: an attribute's name belongs here");
  EXPECT_EQ(refusal_of("a/b int"), "column 1: an attribute's name belongs here");
  EXPECT_EQ(refusal_of("a int optional"), "column 7: a comma, or the end, belongs here");
  EXPECT_EQ(refusal_of("..., a int"), "column 4: a comma, or the end, belongs here");
  EXPECT_EQ(refusal_of("", "a\nb"), "content type: at most 127 printable characters");
}

TEST(EventSchema, KeepsItsLimits) {
  std::string text;
  for (std::size_t n = 0; n < kSchemaAttributesMax; ++n) text += (n == 0 ? "a" : ", a") + std::to_string(n) + " int";
  EXPECT_EQ(refusal_of(text), "parsed");
  EXPECT_NE(refusal_of(text + ", more int").find("more than 64 attributes"), std::string::npos);
  EXPECT_NE(refusal_of(std::string(kSchemaTextBytesMax + 1, ' ')).find("longer than"), std::string::npos);
  EXPECT_EQ(refusal_of("", std::string(128, 'x')), "content type: at most 127 printable characters");
}

TEST(EventSchema, JudgesEvents) {
  const EventSchema closed = schema("price double required, symbol string", "application/json");
  using Attributes = std::vector<EventSchema::Attribute>;
  const auto judge = [&](const Attributes& attributes, std::string_view type = "application/json") {
    return why(closed.judge(attributes, type));
  };
  EXPECT_EQ(judge({{"price", Value(1.5)}}), "fits");
  EXPECT_EQ(judge({{"symbol", Value(std::string_view("IBM"))}, {"price", Value(1.5)}}), "fits");
  EXPECT_EQ(judge({{"symbol", Value(std::string_view("IBM"))}}), "attribute \"price\" is required, and is not there");
  EXPECT_EQ(judge({{"price", Value(1.5)}, {"price", Value(2.5)}}), "fits") << "given twice";
  EXPECT_EQ(why(schema("a int required, b int required, ...", "").judge(Attributes{{"a", Value(std::int64_t{1})}, {"a", Value(std::int64_t{1})}}, "")),
            "attribute \"b\" is required, and is not there");
  EXPECT_EQ(judge({{"price", Value(std::int64_t{1})}}), "attribute \"price\" is int, the schema has double");
  EXPECT_EQ(judge({{"price", Value(1.5)}, {"volume", Value(std::int64_t{1})}}), "attribute \"volume\" is not of the schema");
  EXPECT_EQ(judge({{"price", Value(1.5)}}, "text/plain"), "its content type is \"text/plain\", not \"application/json\"");
  const EventSchema open = schema("price double, ...");
  EXPECT_EQ(why(open.judge(Attributes{{"volume", Value(std::int64_t{1})}}, "")), "fits");
  EXPECT_EQ(why(open.judge(Attributes{{"price", Value(true)}}, "")), "attribute \"price\" is bool, the schema has double");
}

TEST(EventSchema, JudgesFilters) {
  const EventSchema closed = schema("price double, symbol string");
  EXPECT_EQ(why(closed.judge_filter("attributes.price > 1 && attributes.symbol == 'IBM' && size(payload) < 10")), "fits");
  EXPECT_EQ(why(closed.judge_filter("")), "fits");
  EXPECT_EQ(why(closed.judge_filter("key == 'a' && attributes.price == 'IBM'")),
            "column 32: double and string cannot be compared");
  EXPECT_EQ(why(closed.judge_filter("attributes.volume > 1")).find("column 1: attributes.volume: no such name"), 0u);
  EXPECT_EQ(why(schema("price double, ...").judge_filter("attributes.volume > 1")), "fits");
  EXPECT_EQ(why(schema("price double, ...").judge_filter("attributes.price.startsWith('a')")),
            "column 18: startsWith is for strings, not double and string");
}

}  // namespace
}  // namespace vs::filter
