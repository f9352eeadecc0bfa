#include "vsmgrd/model/by_name.h"

#include <map>
#include <random>

#include <gtest/gtest.h>

namespace vs {
namespace {

void expect_equal(const ByName<int>& map, const std::map<std::string, int>& model) {
  ASSERT_EQ(map.size(), model.size());
  auto at = map.begin();
  for (const auto& [name, value] : model) {
    ASSERT_NE(at, map.end());
    ASSERT_EQ(at->first, name);
    ASSERT_EQ(at->second, value);
    ++at;
  }
  ASSERT_EQ(at, map.end());
}

TEST(ByName, IsAMapAndItsCopiesStayWhatTheyWere) {
  std::mt19937 random(7);
  ByName<int> map;
  std::map<std::string, int> model;
  std::vector<std::pair<ByName<int>, std::map<std::string, int>>> copies;
  for (int step = 0; step < 20'000; ++step) {
    const std::string name = "n" + std::to_string(random() % 900);
    switch (random() % 5) {
      case 0: ASSERT_EQ(map.erase(name), model.erase(name)); break;
      case 1: ASSERT_EQ(map.emplace(name, step), model.emplace(name, step).second); break;
      case 2: map.insert_or_assign(name, step), model.insert_or_assign(name, step); break;
      default: map[name] += step, model[name] += step;
    }
    ASSERT_EQ(map.contains(name), model.contains(name));
    if (step % 1000 == 0) copies.emplace_back(map, model);
  }
  expect_equal(map, model);
  for (const auto& [copy, then] : copies) expect_equal(copy, then);
}

TEST(ByName, BoundsAreThoseOfASortedMap) {
  ByName<int> map;
  std::map<std::string, int> model;
  for (int i = 0; i < 1000; i += 3) map["k" + std::to_string(i)] = model["k" + std::to_string(i)] = i;
  for (int i = 0; i < 1000; ++i) {
    const std::string name = "k" + std::to_string(i);
    const auto lower = map.lower_bound(name);
    const auto upper = map.upper_bound(name);
    ASSERT_EQ(lower == map.end(), model.lower_bound(name) == model.end());
    ASSERT_EQ(upper == map.end(), model.upper_bound(name) == model.end());
    if (lower != map.end()) ASSERT_EQ(lower->first, model.lower_bound(name)->first);
    if (upper != map.end()) ASSERT_EQ(upper->first, model.upper_bound(name)->first);
  }
  auto back = map.end();
  for (auto expected = model.rbegin(); expected != model.rend(); ++expected)
    ASSERT_EQ((--back)->first, expected->first);
}

TEST(ByName, WhatWasGivenOutIsNeverChanged) {
  ByName<int> map{{"a", 1}};
  const auto given = map.shared("a");
  map["a"] = 2;
  EXPECT_EQ(*given, 1);
  EXPECT_EQ(map.at("a"), 2);
  EXPECT_EQ(map.shared("b"), nullptr);
  ByName<int> copy = map;
  copy["a"] = 3;
  map["a"] = 4;
  EXPECT_EQ(copy.at("a"), 3);
  EXPECT_FALSE(copy.same_as(map));
  EXPECT_TRUE(ByName<int>(map).same_as(map));
}

}  // namespace
}  // namespace vs
