#include "vsmgrd/policy/loader.h"

#include <chrono>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/vsmgrd/policy/policy_text.h"

namespace vs::test {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

TEST(LoadPolicies, YieldsTheResourcesOfAllFilesInOrder) {
  const auto loaded =
      load_policies({{"one.yaml", kDomain + "---\n" + domain("{type: container}")}, {"two.yaml", R"(
apiVersion: vservices/v1
kind: Service
metadata: {name: dns, labels: {where: "here"}}
spec: {kind: dns, parameters: {timeout: 250ms, tries: 5}}
)"}});
  ASSERT_TRUE(loaded) << lines_of(loaded.error())[0];
  ASSERT_EQ(loaded->size(), 3u);
  EXPECT_EQ((*loaded)[0].metadata.name, "web1");
  EXPECT_EQ(std::get<DomainSpec>((*loaded)[1].spec).type, "container");
  EXPECT_EQ((*loaded)[2].metadata.labels, (Labels{{"where", "here"}}));
  const auto& service = std::get<ServiceSpec>((*loaded)[2].spec);
  EXPECT_EQ(service.dns.timeout, std::chrono::milliseconds{250});
  EXPECT_EQ(service.dns.tries, 5u);
}

TEST(LoadPolicies, RemembersWhereEachPartOfASpecStands) {
  const auto loaded = load_policies({{"p.yaml", R"(# a comment first
apiVersion: vservices/v1
kind: AccessPolicy
metadata:
  name: p
spec:
  rules:
    - id: one
      effect: allow
      message: m
      match: {}
    - {id: two, effect: deny, message: m, match: {domains: [a, b]}}
)"}});
  ASSERT_TRUE(loaded) << lines_of(loaded.error())[0];
  const Sources& sources = (*loaded)[0].metadata.sources;
  EXPECT_EQ(sources.at(""), (Source{"p.yaml", 2, 1}));
  EXPECT_EQ(sources.at("/spec"), (Source{"p.yaml", 7, 3}));
  EXPECT_EQ(sources.at("/spec/rules/0"), (Source{"p.yaml", 8, 7}));
  EXPECT_EQ(sources.at("/spec/rules/0/effect"), (Source{"p.yaml", 9, 15}));
  EXPECT_EQ(sources.at("/spec/rules/1"), (Source{"p.yaml", 12, 7}));
  EXPECT_EQ(sources.at("/spec/rules/1/match/domains/1"), (Source{"p.yaml", 12, 64}));
  EXPECT_FALSE(sources.contains("/metadata/name"));
}

TEST(LoadPolicies, IgnoresEmptyDocuments) {
  const auto loaded = load_policies(
      {{"a", "---\n---\n# nothing\n---\n" + kDomain + "---\n"}, {"b", "# nothing\n"}});
  ASSERT_TRUE(loaded);
  EXPECT_EQ(loaded->size(), 1u);
}

TEST(LoadPolicies, WantsAtLeastOneDocument) {
  for (const auto& files : std::vector<std::vector<PolicyFile>>{
           {}, {{"a", ""}}, {{"a", "# nothing\n"}, {"b", "---\n~\n"}}}) {
    const auto loaded = load_policies(files);
    ASSERT_FALSE(loaded);
    EXPECT_EQ(loaded.error().error.code, ErrorCode::invalid);
    EXPECT_THAT(loaded.error().error.message, StartsWith("nothing to load"));
  }
}

TEST(LoadPolicies, TakesWindowsLineEndsAndAByteOrderMark) {
  std::string text = "\xEF\xBB\xBF" + domain("{typo: 1}");
  std::string crlf;
  for (const char c : text) crlf += c == '\n' ? std::string("\r\n") : std::string(1, c);
  EXPECT_THAT(refusals(crlf),
              ElementsAre(R"(f.yaml:4:8: unknown key "typo" (did you mean "type"?))"));
}

// Which scalar becomes what; the description takes text alone and says what it got instead.
TEST(LoadPolicies, ReadsScalarsWithoutSurprises) {
  for (const char* text : {"yes",        "no",
                           "on",         "off",
                           "y",          "True",
                           "FALSE",      "017",
                           "0x1f",       "1e3",
                           "1.5",        "+1",
                           "-",          "1_000",
                           "12:30:45",   ".inf",
                           "2026-11-22", "\"true\"",
                           "'12'",       "\"\"",
                           "! 12",       "99999999999999999999"})
    EXPECT_THAT(refusals(domain("{description: " + std::string(text) + "}")), IsEmpty()) << text;
  const auto refusal_of = [](const std::string& scalar) {
    const auto lines = refusals(domain("{description: " + scalar + "}"));
    return lines.empty() ? "taken" : lines[0].substr(lines[0].find(": ") + 2);
  };
  EXPECT_EQ(refusal_of("true"),
            R"("description" must be text, is true (put it in quotes: "true"))");
  EXPECT_EQ(refusal_of("false"),
            R"("description" must be text, is false (put it in quotes: "false"))");
  EXPECT_EQ(refusal_of("0"),
            R"("description" must be text, is the number 0 (put it in quotes: "0"))");
  EXPECT_EQ(refusal_of("-12"),
            R"("description" must be text, is the number -12 (put it in quotes: "-12"))");
  EXPECT_EQ(refusal_of("~"), R"("description" must be text, is nothing)");
  EXPECT_EQ(refusal_of("null"), R"("description" must be text, is nothing)");
  EXPECT_EQ(refusal_of(""), R"("description" must be text, is nothing)");
}

TEST(LoadPolicies, ReadsBlockScalars) {
  const auto loaded = load_policies({{"f", domain("\n  description: |\n    one\n    two\n")}});
  ASSERT_TRUE(loaded);
  EXPECT_EQ(std::get<DomainSpec>((*loaded)[0].spec).description, "one\ntwo\n");
}

TEST(LoadPolicies, NamesEveryFaultOfEveryFileByPlace) {
  const std::vector<PolicyFile> files{{"b.yaml", R"(apiVersion: vservices/v1
kind: AccessPolicy
metadata:
  name: p
  owner: me
spec:
  rules:
    - id: one
      efect: allow
      message: m
      match:
        domains: web1
    - id: one
      effect: maybe
      message: 12
      match: {kinds: [dns], kinds: [ldap]}
---
apiVersion: vservices/v1
kind: Binding
metadata:
  name: Web_1
spec:
  domain: &d web1
  service: *d
  device:
)"},
                                      {"a.yaml", R"(kind: Service
metadata:
  name: dns
spec:
  kind: dns
  parameters:
    tries: many
    timeout: 5
)"}};
  const auto loaded = load_policies(files);
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().error.code, ErrorCode::invalid);
  EXPECT_EQ(loaded.error().error.message, "14 problems");
  EXPECT_THAT(
      lines_of(loaded.error()),
      ElementsAre(
          "a.yaml:1:1: \"apiVersion\" is missing",
          "a.yaml:7:12: \"tries\" must be a whole number from 1 to 10, is text \"many\"",
          "a.yaml:8:14: \"timeout\" must be a duration, is the number 5 (give it a unit: \"5ms\")",
          "b.yaml:5:3: unknown key \"owner\"",
          "b.yaml:9:7: unknown key \"efect\" (did you mean \"effect\"?)",
          "b.yaml:12:18: \"domains\" must be a list, is text \"web1\" (write [\"web1\"])",
          "b.yaml:13:11: rule id \"one\" stands twice; first at /spec/rules/0",
          "b.yaml:14:15: \"effect\" must be one of allow, deny, is \"maybe\"",
          "b.yaml:15:16: \"message\" must be text, is the number 12 (put it in quotes: \"12\")",
          "b.yaml:16:29: key \"kinds\" stands twice in one map; first at b.yaml:16:15",
          AllOf(StartsWith("b.yaml:21:9: \"name\": \"Web_1\" is not a name")),
          "b.yaml:23:11: anchor \"&d\" is not allowed (leave it out)",
          "b.yaml:24:12: an alias is not allowed (write the value out)",
          "b.yaml:25:3: \"device\" must be text, is nothing"));
}

TEST(LoadPolicies, RefusesTags) {
  EXPECT_THAT(refusals(domain("{description: !!str 12}")),
              ElementsAre(AllOf(StartsWith("f.yaml:4:21: tag "), HasSubstr("is not allowed"))));
  EXPECT_THAT(refusals(domain("!mine {}")), ElementsAre(HasSubstr("tag \"!mine\" is not allowed")));
  EXPECT_THAT(refusals(domain("!!map {}")), ElementsAre(HasSubstr("f.yaml:4:7: tag ")));
  EXPECT_THAT(refusals("!!python/object:os.system [x]"),
              ElementsAre(StartsWith("f.yaml:1:1: tag ")));
}

TEST(LoadPolicies, RefusesMergeKeys) {
  EXPECT_THAT(refusals(domain("{<<: {type: container}}")),
              ElementsAre("f.yaml:4:8: unknown key \"<<\""));
}

TEST(LoadPolicies, RefusesKeysThatAreNotText) {
  EXPECT_THAT(refusals(domain("{[a, b]: c, type: sandbox}")),
              ElementsAre("f.yaml:4:8: a key must be text, is a list"));
  EXPECT_THAT(refusals(domain("{{a: b}: c}")),
              ElementsAre("f.yaml:4:8: a key must be text, is a map"));
  EXPECT_THAT(refusals(domain("{~: c}")),
              ElementsAre("f.yaml:4:8: a key must be text, is nothing"));
  EXPECT_THAT(refusals("? {deep: {deeper: [x]}}\n: y\n"),
              ::testing::Contains("f.yaml:1:3: a key must be text, is a map"));
}

TEST(LoadPolicies, SecondOfTwoKeysDoesNotCount) {
  EXPECT_THAT(
      refusals(domain("{type: sandbox, type: nonsense}")),
      ElementsAre("f.yaml:4:23: key \"type\" stands twice in one map; first at f.yaml:4:8"));
  EXPECT_THAT(refusals(kDomain + "spec: {type: [1]}\n"),
              ElementsAre("f.yaml:6:1: key \"spec\" stands twice in one map; first at f.yaml:5:1"));
}

TEST(LoadPolicies, AnObjectDeclaredTwiceNamesBothPlaces) {
  EXPECT_THAT(refusals({{"a.yaml", kDomain}, {"b.yaml", domain("{}") + "---\n" + kDomain}}),
              ElementsAre("b.yaml:9:9: Domain \"web1\" is declared twice; first at a.yaml:4:9"));
  // One name for two kinds is no conflict.
  EXPECT_TRUE(load_policies({{"a", kDomain + R"(---
apiVersion: vservices/v1
kind: Service
metadata: {name: web1}
spec: {kind: dns}
)"}}));
}

TEST(LoadPolicies, ADoubleIsFoundInFaultyDocumentsToo) {
  EXPECT_THAT(refusals({{"a", kDomain + "more: 1\n"}, {"b", kDomain}}),
              ElementsAre("a:6:1: unknown key \"more\"",
                          "b:4:9: Domain \"web1\" is declared twice; first at a:4:9"));
}

TEST(LoadPolicies, SyntaxErrorsHaveAPlace) {
  const auto lines = refusals(domain("{typo: 1}") + "---\nkind: [a, b\nmetadata: {}\n");
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_EQ(lines[0], "f.yaml:4:8: unknown key \"typo\" (did you mean \"type\"?)");
  EXPECT_THAT(lines[1], AllOf(StartsWith("f.yaml:7:"), HasSubstr("not YAML: ")));
  for (const char* text : {"a: b: c\n", "\"open", "{a: b", "a:\n\t- b\n", "a: *nobody\n",
                           "%YAML 3.0\n---\na: b\n", "a: \"\\q\"\n", "a: \"\\uD800\"\n", "@x: y\n"})
    EXPECT_THAT(refusals(text), ::testing::Contains(HasSubstr("not YAML: "))) << text;
}

TEST(LoadPolicies, RefusesControlCharactersAndOtherEncodings) {
  // For yaml-cpp a byte 4 ends the file: what follows would vanish without a word.
  EXPECT_THAT(refusals(kDomain + "\x04\n---\n" + kDomain),
              ElementsAre("f.yaml:6:1: control character 0x04"));
  EXPECT_THAT(refusals(std::string("a\0b", 3)), ElementsAre("f.yaml:1:2: control character 0x00"));
  EXPECT_THAT(refusals("\xFF\xFE"
                       "a"),
              ElementsAre("f.yaml:1:1: byte 0xff is not UTF-8"));
  EXPECT_THAT(refusals(domain("{description: \"\\x1b[2J\"}")),
              ElementsAre(HasSubstr("\"description\" has a control character")));
}

TEST(LoadPolicies, DocumentsThatAreNotMapsAreRefused) {
  EXPECT_THAT(refusals("- a\n"), ElementsAre("f.yaml:1:1: a document must be a map, is a list"));
  EXPECT_THAT(refusals("just words\n"),
              ElementsAre("f.yaml:1:1: a document must be a map, is text \"just words\""));
}

// yaml-cpp begins a new document wherever the last one cannot go on; then a line that is indented
// wrongly would be a matter of missing keys, and half a file.
TEST(LoadPolicies, ADocumentBeginsWithThreeHyphens) {
  for (const char* text : {"- a\nb: c\n", "  a: b\nc: d\n", "a: b\n...\nc: d\n", "{} trailing\n"})
    EXPECT_THAT(refusals(text),
                ::testing::Contains(
                    HasSubstr(": this belongs to no document (indent it, or write --- above it)")))
        << text;
  EXPECT_THAT(refusals("---\n" + kDomain + "...\n---\n" + domain("{}") + "...\n"), IsEmpty());
}

}  // namespace
}  // namespace vs::test
