#include "vsmgrd/model/problem.h"

#include <gtest/gtest.h>

namespace vs::test {
namespace {

TEST(NearestSource, IsThePlaceItselfOrWhatIsAround) {
  const Sources sources{{"", {"f", 1, 1}}, {"/spec", {"f", 5, 3}}, {"/spec/rules/1", {"f", 9, 7}}};
  EXPECT_EQ(nearest_source(sources, "/spec/rules/1"), (Source{"f", 9, 7}));
  EXPECT_EQ(nearest_source(sources, "/spec/rules/1/match/domains"), (Source{"f", 9, 7}));
  EXPECT_EQ(nearest_source(sources, "/spec/rules/10"), (Source{"f", 5, 3}));
  EXPECT_EQ(nearest_source(sources, "/metadata"), (Source{"f", 1, 1}));
  EXPECT_EQ(nearest_source(sources, ""), (Source{"f", 1, 1}));
  EXPECT_EQ(nearest_source({}, "/spec"), std::nullopt);
}

TEST(SortProblems, GoesByFileLineAndColumn) {
  const auto at = [](std::string file, int line, int column) {
    Source source{std::move(file), line, column};
    return Problem{.pointer = "", .message = to_string(source), .source = source};
  };
  std::vector<Problem> problems{
      {.message = "nowhere"}, at("b", 1, 1), at("a", 10, 1), at("a", 9, 7), at("a", 9, 2)};
  sort_problems(problems);
  std::vector<std::string> messages;
  for (const Problem& problem : problems) messages.push_back(problem.message);
  EXPECT_EQ(messages, (std::vector<std::string>{"a:9:2", "a:9:7", "a:10:1", "b:1:1", "nowhere"}));
}

TEST(LimitProblems, SaysHowManyMoreThereAre) {
  std::vector<Problem> problems(kProblemsMax, Problem{.message = "m"});
  limit_problems(problems);
  EXPECT_EQ(problems.size(), kProblemsMax);
  problems.resize(kProblemsMax + 7);
  limit_problems(problems);
  ASSERT_EQ(problems.size(), kProblemsMax + 1);
  EXPECT_EQ(problems.back().message, "and 7 more problems");
}

TEST(SummaryOf, IsTheOnlyProblemOrTheirNumber) {
  EXPECT_EQ(summary_of({{.message = "bad name"}}), "bad name");
  EXPECT_EQ(summary_of({{.message = "bad name"}, {.message = "bad age"}}), "2 problems");
}

}  // namespace
}  // namespace vs::test
