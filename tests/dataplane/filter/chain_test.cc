// Chains of operators: what is one, and which events they fit.
#include "dataplane/filter/chain.h"

#include <gtest/gtest.h>

namespace vs::filter {
namespace {

using std::chrono::milliseconds;

std::string refusal_of(const std::string& text) {
  const auto chain = parse_chain(text);
  return chain ? "parsed" : chain.error().message;
}
std::string misfit_of(const std::string& text, const std::string& schema) {
  const auto chain = parse_chain(text);
  EXPECT_TRUE(chain) << chain.error().message;
  const auto judged = judge_chain(*chain, *EventSchema::parse(schema, ""));
  return judged ? "fits" : judged.error().message;
}

TEST(Chain, IsReadOperatorByOperator) {
  const auto chain = parse_chain("project attributes.price, key , payload|sample 10 all | throttle 5 | debounce 250ms | "
                                 "window avg(attributes.price), max ( attributes.price ) over 2m all | onchange payload");
  ASSERT_TRUE(chain) << chain.error().message;
  ASSERT_EQ(chain->size(), 6u);
  EXPECT_EQ((*chain)[0].fields[0].name, "price");
  EXPECT_EQ((*chain)[0].fields[2].of, Field::Of::payload);
  EXPECT_EQ((*chain)[1].count, 10u);
  EXPECT_TRUE((*chain)[1].all);
  EXPECT_FALSE((*chain)[2].all);
  EXPECT_EQ((*chain)[3].time, milliseconds(250));
  EXPECT_EQ((*chain)[4].time, milliseconds(120'000));
  EXPECT_EQ((*chain)[4].aggregates[1].result, "max_price");
  EXPECT_EQ((*chain)[5].kind, OperatorKind::on_change);
  EXPECT_TRUE(parse_chain("")->empty());
}

TEST(Chain, SaysTheColumnOfWhatIsWrong) {
  EXPECT_EQ(refusal_of("median 3"), "column 1: an operator belongs here: project, sample, throttle, debounce, window, onchange");
  EXPECT_EQ(refusal_of("sample 3 |"), "column 11: an operator belongs here: project, sample, throttle, debounce, window, onchange");
  EXPECT_EQ(refusal_of("sample 3 often"), "column 10: \"|\", or the end, belongs here");
  EXPECT_EQ(refusal_of("sample 0"), "column 8: 1 to 1000000");
  EXPECT_EQ(refusal_of("sample 5s"), "column 8: a number belongs here");
  EXPECT_EQ(refusal_of("debounce 5"), "column 10: a time (250ms, 10s, 5m) belongs here");
  EXPECT_EQ(refusal_of("debounce 61m"), "column 10: 1ms to 60m");
  EXPECT_EQ(refusal_of("debounce 99999999999999999999ms"), "column 10: a time (250ms, 10s, 5m) belongs here");
  EXPECT_EQ(refusal_of("debounce 18446744073709551615s"), "column 10: 1ms to 60m");
  EXPECT_EQ(refusal_of("project price"), "column 9: payload, key or attributes.NAME belongs here");
  EXPECT_EQ(refusal_of("project payload all"), "column 17: \"|\", or the end, belongs here");
  EXPECT_EQ(refusal_of("window sum(attributes.a) over 5"), "column 8: avg(...), min(...) or max(...) belongs here");
  EXPECT_EQ(refusal_of("window avg(payload) over 5"), "column 12: attributes.NAME belongs here");
  EXPECT_EQ(refusal_of("window avg(attributes.a"), "column 24: \")\" belongs here");
  EXPECT_EQ(refusal_of("window avg(attributes.a)"), "column 25: \"over\" and how many, or how long, belong here");
  EXPECT_EQ(refusal_of("window avg(attributes.a), avg(attributes.a) over 5"), "column 27: is there twice");
}

TEST(Chain, KeepsItsLimits) {
  std::string text = "sample 2";
  for (std::size_t n = 1; n < kOperatorsMax; ++n) text += " | sample 2";
  EXPECT_EQ(refusal_of(text), "parsed");
  EXPECT_NE(refusal_of(text + " | sample 2").find("more than 8 operators"), std::string::npos);
  std::string fields = "onchange key";
  for (std::size_t n = 1; n < kFieldsMax; ++n) fields += ", key";
  EXPECT_EQ(refusal_of(fields), "parsed");
  EXPECT_NE(refusal_of(fields + ", key").find("more than 16 fields"), std::string::npos);
  EXPECT_NE(refusal_of(std::string(kChainTextBytesMax + 1, ' ')).find("longer than"), std::string::npos);
}

TEST(Chain, FitsEventsThatHaveWhatItNames) {
  EXPECT_EQ(misfit_of("window avg(attributes.price) over 5", "price int"), "fits");
  EXPECT_EQ(misfit_of("window avg(attributes.price) over 5", "a int, ..."), "fits");
  EXPECT_EQ(misfit_of("window avg(attributes.name) over 5", "name string"), "column 12: a window is over numbers, not string");
  EXPECT_EQ(misfit_of("onchange attributes.prise", "price int"), "column 10: events have no attribute \"prise\" here");
  EXPECT_EQ(misfit_of("project attributes.price | onchange attributes.name", ""),
            "column 37: events have no attribute \"name\" here");
  EXPECT_EQ(misfit_of("window max(attributes.a) over 2 | window avg(attributes.max_a), min(attributes.count) over 2", "a double"), "fits");
  EXPECT_EQ(misfit_of("window max(attributes.a) over 2 | onchange attributes.a", ""),
            "column 44: events have no attribute \"a\" here");
}

}  // namespace
}  // namespace vs::filter
