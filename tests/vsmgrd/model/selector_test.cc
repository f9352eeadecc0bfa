// Which labels a selector holds for, and which texts are none.

#include "vsmgrd/model/selector.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace vs {
namespace {

bool holds(const std::string& text, const Labels& labels) {
  const auto selector = LabelSelector::parse(text);
  EXPECT_TRUE(selector) << text << ": " << selector.error().message;
  return selector && selector->matches(labels);
}

const Labels kProd{{"env", "prod"}, {"team", "a"}, {"empty", ""}};

TEST(LabelSelector, HoldsForEverythingWhenEmpty) {
  EXPECT_TRUE(holds("", {}));
  EXPECT_TRUE(holds("  ", kProd));
  EXPECT_TRUE(LabelSelector::parse("")->everything());
  EXPECT_TRUE(LabelSelector().everything());
  EXPECT_FALSE(LabelSelector::parse("env")->everything());
}

TEST(LabelSelector, ComparesValues) {
  EXPECT_TRUE(holds("env=prod", kProd));
  EXPECT_TRUE(holds("env==prod", kProd));
  EXPECT_FALSE(holds("env=dev", kProd));
  EXPECT_FALSE(holds("env=prod", {}));
  EXPECT_TRUE(holds("env!=dev", kProd));
  EXPECT_FALSE(holds("env!=prod", kProd));
  EXPECT_TRUE(holds("env!=prod", {})) << "a label that is not there differs";
  EXPECT_TRUE(holds("empty=", kProd));
  EXPECT_FALSE(holds("empty!=", kProd));
}

TEST(LabelSelector, LooksIntoLists) {
  EXPECT_TRUE(holds("env in (dev, prod)", kProd));
  EXPECT_FALSE(holds("env in (dev,test)", kProd));
  EXPECT_TRUE(holds("env notin (dev,test)", kProd));
  EXPECT_TRUE(holds("env notin(dev)", {}));
  EXPECT_FALSE(holds("env in (dev)", {}));
}

TEST(LabelSelector, AsksForPresence) {
  EXPECT_TRUE(holds("env", kProd));
  EXPECT_FALSE(holds("zone", kProd));
  EXPECT_TRUE(holds("!zone", kProd));
  EXPECT_FALSE(holds("! env", kProd));
  EXPECT_TRUE(holds("in", {{"in", "x"}})) << "a key may be called as an operator is";
}

TEST(LabelSelector, WantsEveryRequirement) {
  EXPECT_TRUE(holds("env=prod,team=a", kProd));
  EXPECT_TRUE(holds(" env = prod , team in ( b , a ) , !zone ", kProd));
  EXPECT_FALSE(holds("env=prod,team=b", kProd));
}

TEST(LabelSelector, IsWrittenInOneForm) {
  for (const std::string text :
       {"", "env=prod", "env!=prod", "env in (a,b)", "env notin (a,b)", "!x,y"})
    EXPECT_EQ(LabelSelector::parse(text)->text(), text);
  EXPECT_EQ(LabelSelector::parse(" env == prod , a in ( x ) ")->text(), "env=prod,a=x");
  EXPECT_EQ(*LabelSelector::parse("env = prod"), *LabelSelector::parse("env=prod"));
}

TEST(LabelSelector, RefusesWhatIsNoneAndSaysWhere) {
  std::string many = "k";
  for (std::size_t i = 0; i < kSelectorRequirementsMax; ++i) many += ",k";
  std::string values = "k in (v";
  for (std::size_t i = 0; i < kSelectorValuesMax; ++i) values += ",v";
  for (const std::string& text : std::vector<std::string>{
           ",", "env=prod,", "=x", "env in", "env in prod", "env in (a", "env in (a,b", "env ? x",
           "a b", "!!a", "!a=b", "-a", "a=b=c", "a=(b)", "k\x01y", many, values + ")",
           std::string(kSelectorBytesMax + 1, 'a')}) {
    const auto selector = LabelSelector::parse(text);
    ASSERT_FALSE(selector) << text;
    EXPECT_EQ(selector.error().code, ErrorCode::invalid);
    EXPECT_TRUE(selector.error().message.starts_with("selector")) << selector.error().message;
  }
  EXPECT_EQ(LabelSelector::parse("env=prod tier").error().message,
            "selector, byte 10: a comma was expected");
}

}  // namespace
}  // namespace vs
