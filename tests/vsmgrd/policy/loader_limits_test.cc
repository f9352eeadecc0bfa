// Policy files that are too much, hostile or broken: refused, and never a crash.
#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/vsmgrd/model/random_resource.h"
#include "tests/vsmgrd/policy/policy_text.h"
#include "vsmgrd/policy/yaml_reader.h"

namespace vs::test {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

TEST(LoadPolicies, DepthHasALimit) {
  const auto nested = [](std::size_t depth) {
    return std::string(depth, '[') + "x" + std::string(depth, ']');
  };
  EXPECT_THAT(refusals(nested(kYamlDepthMax)),
              ElementsAre("f.yaml:1:1: a document must be a map, is a list"));
  EXPECT_THAT(refusals(nested(kYamlDepthMax + 1)),
              ElementsAre("f.yaml:1:33: nested deeper than 32 levels"));
}

TEST(LoadPolicies, HostileNestingIsRefused) {
  for (const std::string piece :
       {"[", "{a: ", "- ", "? ", "{", "[{", "a: [", "- - - ", "&a [*a, ", "!x "}) {
    std::string text;
    while (text.size() < 100'000) text += piece;
    const auto loaded = load_policies({{"f", text}});
    EXPECT_FALSE(loaded) << piece;
  }
}

TEST(LoadPolicies, AliasBombsAreRefused) {
  std::string text = "a0: &a0 [x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 30; ++i) {
    text += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [";
    for (int j = 0; j < 8; ++j) text += "*a" + std::to_string(i - 1) + (j < 7 ? ", " : "]\n");
  }
  EXPECT_THAT(refusals(text), ::testing::Contains(HasSubstr("an alias is not allowed")));
  EXPECT_THAT(refusals("a: &a [*a]\n"), ::testing::Contains(HasSubstr("an alias is not allowed")));
}

TEST(LoadPolicies, NodesHaveALimit) {
  std::string names = "x0";
  for (std::size_t i = 1; i < kYamlNodesMax; ++i) names += ", x" + std::to_string(i);
  EXPECT_THAT(refusals("a: [" + names + "]\n"),
              ElementsAre(AllOf(StartsWith("f.yaml:1:"),
                                HasSubstr("more than 10000 keys and values in one document"))));
}

TEST(LoadPolicies, ManySmallDocumentsMakeOneLargeFile) {
  constexpr int kBindings = 10'000;
  std::string text;
  for (int i = 0; i < kBindings; ++i) {
    const std::string n = std::to_string(i);
    text += "---\napiVersion: vservices/v1\nkind: Binding\nmetadata:\n  name: b" + n +
            "\nspec:\n  domain: web" + n + "\n  service: dns\n  device: dns\n";
  }
  ASSERT_GT(text.size(), kYamlDocumentBytesMax);
  const auto loaded = load_policies({{"large.yaml", text}});
  ASSERT_TRUE(loaded) << loaded.error().error.message;
  ASSERT_EQ(loaded->size(), kBindings);
  EXPECT_EQ(loaded->back().metadata.sources.at("/spec/domain"),
            (Source{"large.yaml", 9 * (kBindings - 1) + 7, 11}));
}

TEST(LoadPolicies, ADocumentHasALimitInBytes) {
  const std::string comment = "#" + std::string(kYamlDocumentBytesMax - 10, 'x') + "\n";
  EXPECT_TRUE(load_policies({{"f", kDomain + "---\n" + comment + "---\n" + comment}}));
  EXPECT_THAT(refusals(kDomain + "---\n" + comment + comment),
              ElementsAre("f.yaml:6:1: a document of more than 1048576 bytes"));
  const std::string list = "---\na: [" + std::string(kYamlDocumentBytesMax, ',') + "]\n";
  EXPECT_THAT(refusals(list), ElementsAre("f.yaml:1:1: a document of more than 1048576 bytes"));
}

TEST(LoadPolicies, DocumentsHaveALimitInNumber) {
  std::string text;
  for (std::size_t i = 0; i <= kYamlDocumentsMax; ++i) text += "---\n";
  EXPECT_THAT(refusals(text),
              ElementsAre("f.yaml:100001:1: more than 100000 documents in one file"));
}

TEST(LoadPolicies, NodesHaveALimitInOneFile) {
  std::string names = "a: [x0";
  for (std::size_t i = 1; i < kYamlNodesMax - 10; ++i) names += ", x" + std::to_string(i);
  std::string text;
  for (std::size_t i = 0; i <= kYamlNodesTotalMax / (kYamlNodesMax - 10); ++i)
    text += "---\n" + names + "]\n";
  if (text.size() > kYamlBytesMax) text.resize(kYamlBytesMax);
  const YamlFile read = read_yaml({"f", text});
  ASSERT_EQ(read.problems.size(), 1u);
  EXPECT_EQ(read.problems[0].message, "more than 1000000 keys and values in one file");
}

TEST(LoadPolicies, KeysHaveALimit) {
  EXPECT_THAT(refusals(domain("{" + std::string(kYamlKeyBytesMax, 'k') + ": 1}")),
              ElementsAre(HasSubstr("unknown key")));
  EXPECT_THAT(refusals(domain("{" + std::string(kYamlKeyBytesMax + 1, 'k') + ": 1}")),
              ElementsAre(HasSubstr("has 129 bytes, at most 128 are allowed")));
}

TEST(LoadPolicies, TheFilesHaveALimitTogether) {
  const std::string comment = "#" + std::string(kYamlDocumentBytesMax - 500, 'x') + "\n";
  std::vector<PolicyFile> files(kYamlBytesMax / kYamlDocumentBytesMax, {"a", comment});
  files.push_back({"b", kDomain});
  EXPECT_TRUE(load_policies(files));
  files.push_back({"c", comment});
  const auto loaded = load_policies(files);
  ASSERT_FALSE(loaded);
  EXPECT_THAT(loaded.error().error.message, HasSubstr("at most 8388608 are allowed"));
}

TEST(LoadPolicies, FilesHaveNamesAndANumber) {
  EXPECT_FALSE(load_policies({{"", kDomain}}));
  EXPECT_FALSE(load_policies({{"a\nb", kDomain}}));
  EXPECT_FALSE(load_policies({{std::string(kFileNameBytesMax + 1, 'x'), kDomain}}));
  EXPECT_FALSE(load_policies(std::vector<PolicyFile>(kPolicyFilesMax + 1, {"a", ""})));
}

TEST(LoadPolicies, ShowsTheFirstProblemsAndCountsTheRest) {
  std::string spec = "{";
  for (int i = 0; i < 300; ++i) spec += "u" + std::to_string(i) + ": 0, ";
  const auto loaded = load_policies({{"b", domain(spec + "}")}, {"a", domain("{typo: 1}")}});
  ASSERT_FALSE(loaded);
  EXPECT_THAT(loaded.error().error.message, "302 problems");  // and declared twice
  ASSERT_EQ(loaded.error().problems.size(), kProblemsMax + 1);
  EXPECT_EQ(loaded.error().problems.front().source->file, "a");
  EXPECT_EQ(loaded.error().problems.back().message, "and 202 more problems");
}

// Any bytes: resources, or problems with a place in the file. Nothing else, and never a crash.
TEST(LoadPolicies, SurvivesMutilatedFiles) {
  const std::string good = kDomain + "---\n" + domain("{type: container}") + R"(---
apiVersion: vservices/v1
kind: AccessPolicy
metadata: {name: p, labels: {"a/b": 'c'}}
spec:
  rules:
    - {id: r, effect: deny, message: "m\n", match: {domains: [a], domainLabels: {x: y}}}
    - id: s
      effect: allow
      message: |
        words
      match: {}
)";
  static const std::vector<std::string> kPieces{
      "&a ",   "*a ",        "!!x ", "- ",   "? ",   ": ", "{", "}", "[",
      "]",     "\n",         "  ",   "\"",   "'",    "|",  ">", "#", "---\n",
      "...\n", "%TAG ! x\n", "\t",   "\x04", "\xff", "<<", "~", ","};
  int loads = 0;
  for (std::uint32_t seed = 0; seed < 3000; ++seed) {
    Chance chance(seed);
    std::string text = good;
    for (std::size_t edits = 1 + chance.below(4); edits > 0; --edits) {
      const std::size_t at = chance.below(text.size());
      switch (chance.below(3)) {
        case 0: text.insert(at, chance.of(kPieces)); break;
        case 1: text.erase(at, 1 + chance.below(8)); break;
        default: text[at] = static_cast<char>(chance.below(256));
      }
    }
    const auto loaded = load_policies({{"f", text}});
    loads += loaded.has_value();
    if (loaded) continue;
    ASSERT_FALSE(loaded.error().problems.empty() &&
                 loaded.error().error.message.find("nothing to load") != 0)
        << text;
    const int lines = 1 + static_cast<int>(std::count(text.begin(), text.end(), '\n'));
    for (const Problem& problem : loaded.error().problems) {
      if (!problem.source) continue;
      ASSERT_GE(problem.source->line, 1) << problem.message;
      ASSERT_LE(problem.source->line, lines + 1) << problem.message << "\n" << text;
    }
  }
  EXPECT_GT(loads, 0);
  EXPECT_LT(loads, 3000);
}

}  // namespace
}  // namespace vs::test
