#include "vsmgrd/model/filter.h"

#include <string>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace vs {
namespace {

const nlohmann::json kBinding = nlohmann::json::parse(R"({
  "metadata": {"name": "web1-dns", "generation": 3, "labels": {"env": "prod"}},
  "spec": {"domain": "web1", "sla": {"rate": 1.5}, "note": "it's"},
  "status": {"decision": {"allowed": true},
             "conditions": [{"type": "Allowed", "status": "True"}, {"type": "Ready", "status": "False"}]}})");

bool matches(const std::string& text) {
  const auto filter = Filter::parse(text);
  EXPECT_TRUE(filter) << filter.error().error.message;
  return filter && filter->matches(kBinding);
}

std::string fault_of(const std::string& text) {
  const auto filter = Filter::parse(text);
  EXPECT_FALSE(filter) << text;
  return filter ? "" : filter.error().error.message;
}

TEST(Filter, WithoutTextIsEverything) {
  EXPECT_TRUE(matches(""));
  EXPECT_TRUE(matches("  "));
}

TEST(Filter, ComparesText) {
  EXPECT_TRUE(matches("spec.domain eq 'web1'"));
  EXPECT_TRUE(matches("spec.domain eq \"web1\""));
  EXPECT_FALSE(matches("spec.domain eq 'web2'"));
  EXPECT_TRUE(matches("spec.domain ne 'web2'"));
  EXPECT_TRUE(matches("spec.domain lt 'web2'"));
  EXPECT_TRUE(matches("spec.domain le 'web1'"));
  EXPECT_FALSE(matches("spec.domain gt 'web1'"));
  EXPECT_TRUE(matches("spec.note eq 'it''s'"));
}

TEST(Filter, ComparesNumbersByValue) {
  EXPECT_TRUE(matches("metadata.generation gt 2"));
  EXPECT_TRUE(matches("metadata.generation eq 3.0"));
  EXPECT_TRUE(matches("metadata.generation lt 1e3"));
  EXPECT_TRUE(matches("spec.sla.rate ge 1.5"));
  EXPECT_FALSE(matches("spec.sla.rate lt -2"));
}

TEST(Filter, ComparesTruth) {
  EXPECT_TRUE(matches("status.decision.allowed eq true"));
  EXPECT_FALSE(matches("status.decision.allowed ne true"));
}

TEST(Filter, TakesWhatIsNotThereAsNull) {
  EXPECT_TRUE(matches("spec.nothing.below eq null"));
  EXPECT_TRUE(matches("spec.domain ne null"));
  EXPECT_FALSE(matches("spec.nothing eq 'x'"));
  EXPECT_TRUE(matches("spec.nothing ne 'x'"));
  EXPECT_FALSE(matches("spec.nothing lt 5"));
}

TEST(Filter, HoldsNothingOfAnotherTypeEqual) {
  EXPECT_FALSE(matches("metadata.generation eq '3'"));
  EXPECT_TRUE(matches("metadata.generation ne '3'"));
  EXPECT_FALSE(matches("spec.domain gt 0"));
  EXPECT_FALSE(matches("spec eq 'web1'"));
}

TEST(Filter, IsContentWithOneMemberOfAList) {
  EXPECT_TRUE(matches("status.conditions.type eq 'Ready'"));
  EXPECT_FALSE(matches("status.conditions.type eq 'Applied'"));
  EXPECT_TRUE(matches("status.conditions.1.status eq 'False'"));
  EXPECT_FALSE(matches("status.conditions.0.status eq 'False'"));
  EXPECT_TRUE(matches("status.conditions.7.status eq null"));
}

TEST(Filter, BindsNotBeforeAndBeforeOr) {
  EXPECT_TRUE(matches("spec.domain eq 'x' and spec.domain eq 'y' or spec.domain eq 'web1'"));
  EXPECT_FALSE(matches("spec.domain eq 'x' and (spec.domain eq 'y' or spec.domain eq 'web1')"));
  EXPECT_TRUE(matches("not spec.domain eq 'x' and spec.domain eq 'web1'"));
  EXPECT_FALSE(matches("not (spec.domain eq 'x' or spec.domain eq 'web1')"));
  EXPECT_TRUE(matches("not not spec.domain eq 'web1'"));
}

TEST(Filter, TellsMembersThatBeginLikeWordsFromWords) {
  EXPECT_FALSE(matches("notes.x eq 'y'"));
  EXPECT_TRUE(matches("order eq null and android ne 'x'"));
}

TEST(Filter, NamesTheColumnOfAFault) {
  EXPECT_EQ(fault_of("spec.domain = 'x'"), "filter: column 13: expected an operator, not \"=\"");
  EXPECT_EQ(fault_of("spec.domain equals 'x'"), "filter: column 13: expected an operator, not \"equals\"");
  EXPECT_EQ(fault_of("spec.domain eq web1"), "filter: column 16: expected a value, not \"web1\"");
  EXPECT_EQ(fault_of("spec.domain eq 'web1"), "filter: column 16: the quoted text that begins here does not end");
  EXPECT_EQ(fault_of("spec. eq 1"), "filter: column 6: expected a path such as spec.domain, not \" eq\"");
  EXPECT_EQ(fault_of("(a eq 1"), "filter: column 8: expected and, or, or ), not the end");
  EXPECT_EQ(fault_of("a eq 1)"), "filter: column 7: expected and, or, or the end, not \")\"");
  EXPECT_EQ(fault_of("a eq 1 and"), "filter: column 11: expected a path such as spec.domain, not the end");
  EXPECT_EQ(fault_of("a lt true"), "filter: column 6: true, false and null have no order: only eq and ne");
  EXPECT_EQ(fault_of("a eq 1e999"), "filter: column 6: expected a value, not \"1e999\"");
  const auto refused = Filter::parse("a eq");
  ASSERT_FALSE(refused);
  const Source place{"filter", 1, 5};
  EXPECT_EQ(refused.error().problems.at(0).source, place);
}

TEST(Filter, HasLimits) {
  EXPECT_NE(fault_of("a eq '" + std::string(kFilterBytesMax, 'x') + "'").find("longer than"), std::string::npos);
  const std::string open(kFilterDepthMax + 1, '(');
  EXPECT_NE(fault_of(open + "a eq 1").find("nested deeper than 32"), std::string::npos);
  std::string nots;
  for (int i = 0; i <= kFilterDepthMax; ++i) nots += "not ";
  EXPECT_NE(fault_of(nots + "a eq 1").find("nested deeper"), std::string::npos);
  std::string path = "a";
  for (std::size_t i = 0; i < kFilterPathMembersMax; ++i) path += ".a";
  EXPECT_NE(fault_of(path + " eq 1").find("more than 16 members"), std::string::npos);
}

}  // namespace
}  // namespace vs
