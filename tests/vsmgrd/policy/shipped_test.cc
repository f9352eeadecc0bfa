// The files in policies/: each loads, and decides what its comments promise.
#include <filesystem>
#include <fstream>
#include <sstream>

#include <gtest/gtest.h>

#include "vsmgrd/policy/loader.h"
#include "vsmgrd/policy/cases.h"
#include "vsmgrd/policy/engine.h"
#include "vsmgrd/policy/lint.h"
#include "vsmgrd/policy/policy_set.h"

namespace vs::test {
namespace {

const std::filesystem::path kPolicies = VS_SOURCE_DIR "/policies";

std::string text_of(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

std::vector<std::filesystem::path> shipped_files() {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(kPolicies))
    if (entry.path().extension() == ".yaml") files.push_back(entry.path());
  return files;
}

Desired load(const std::filesystem::path& path) {
  auto resources = load_policies({{path.filename().string(), text_of(path)}});
  Desired desired;
  EXPECT_TRUE(resources) << path;
  if (!resources) {
    for (const Problem& problem : resources.error().problems)
      ADD_FAILURE() << (problem.source ? to_string(*problem.source) : "") << ": "
                    << problem.message;
    return desired;
  }
  for (Resource& resource : *resources) {
    auto& map = desired.of(resource.kind());
    std::string name = resource.metadata.name;
    map.emplace(std::move(name), std::move(resource));
  }
  return desired;
}

// The line of `text` on which `words` first stand, from 1.
int line_of(const std::string& text, const std::string& words) {
  const auto end = text.begin() + static_cast<std::ptrdiff_t>(text.find(words));
  return 1 + static_cast<int>(std::count(text.begin(), end, '\n'));
}

TEST(ShippedPolicies, AllLoad) {
  const auto files = shipped_files();
  ASSERT_FALSE(files.empty());
  for (const auto& file : files) {
    const Desired desired = load(file);
    EXPECT_FALSE(desired.policies.empty()) << file;
  }
}

TEST(ShippedPolicies, AreListedInTheReadme) {
  const std::string readme = text_of(kPolicies / "README.md");
  for (const auto& file : shipped_files())
    EXPECT_NE(readme.find('`' + file.filename().string() + '`'), std::string::npos) << file;
}

TEST(DemoPolicy, AllowsWeb1AndDeniesWeb2) {
  const auto path = kPolicies / "demo.yaml";
  const std::string text = text_of(path);
  const Desired desired = load(path);
  const auto decisions = decide_bindings(desired);
  ASSERT_EQ(decisions.size(), 2u);

  const Decision& web1 = decisions.at("web1-dns");
  EXPECT_TRUE(web1.allowed);
  EXPECT_EQ(web1.policy, "demo-dns");
  EXPECT_EQ(web1.rule, "allow-web1");
  EXPECT_EQ(web1.source, (Source{"demo.yaml", line_of(text, "- id: allow-web1"), 7}));

  const Decision& web2 = decisions.at("web2-dns");
  EXPECT_FALSE(web2.allowed);
  EXPECT_EQ(web2.policy, "demo-dns");
  EXPECT_EQ(web2.rule, "deny-web2");
  EXPECT_EQ(web2.source, (Source{"demo.yaml", line_of(text, "- id: deny-web2"), 7}));
  EXPECT_NE(web2.message, "");
}

// Each file has a file of cases; each case passes, and the cases reach every rule.
TEST(ShippedPolicies, DecideWhatTheirCasesSay) {
  for (const auto& file : shipped_files()) {
    const auto path = kPolicies / "tests" / file.filename();
    const auto cases = load_cases({{path.filename().string(), text_of(path)}});
    ASSERT_TRUE(cases) << path << ": " << cases.error().error.message;
    const TestReport report = run_cases(load(file), {.name = "node1"}, *cases);
    for (const CaseResult& result : report.results)
      EXPECT_EQ(result.fault, "") << path << ": " << result.asked.name;
    EXPECT_TRUE(report.uncovered.empty()) << path << ": " << report.uncovered.front().rule.id;
    EXPECT_GT(report.rules, 0u);
  }
}

TEST(ShippedPolicies, HaveNothingThatLintFinds) {
  for (const auto& file : shipped_files()) {
    const Desired desired = load(file);
    for (const LintFinding& finding : lint(PolicySet(desired, {.name = "node1"}), desired))
      ADD_FAILURE() << to_string(finding.source.value()) << ": " << finding.code << ": "
                    << finding.message;
  }
}

TEST(DemoPolicy, BindsDeviceDnsToTheDemosNameserver) {
  const Desired desired = load(kPolicies / "demo.yaml");
  EXPECT_EQ(std::get<ServiceSpec>(desired.services.at("dns").spec).dns.nameservers,
            (std::vector<std::string>{"127.0.0.1:5300"}));
  for (const char* name : {"web1-dns", "web2-dns"})
    EXPECT_EQ(std::get<BindingSpec>(desired.bindings.at(name).spec).device, "dns");
}

TEST(TermsPolicy, SaysWhatItsCommentsSay) {
  const Desired desired = load(kPolicies / "terms.yaml");
  const auto& trader = std::get<BindingSpec>(desired.bindings.at("trader-dns").spec);
  EXPECT_EQ(trader.buffers.wait, "spin");
  EXPECT_EQ(trader.sla.priority, "deadline");
  EXPECT_EQ(trader.sla.rate, 0u);
  const auto& crawler = std::get<BindingSpec>(desired.bindings.at("crawler-dns").spec);
  EXPECT_EQ(crawler.buffers, (Buffers{"", "timer", 32, 500, 65536, 1048576}));
  EXPECT_EQ(crawler.sla, (Sla{"bulk", 500, 100}));
  EXPECT_EQ(std::get<DomainSpec>(desired.domains.at("crawler").spec).memory_mib, 16u);
  for (const auto& [name, decision] : decide_bindings(desired)) EXPECT_TRUE(decision.allowed) << name;
}

TEST(DemoPolicy, ExplainsTheRefusal) {
  const PolicySet policies(load(kPolicies / "demo.yaml"));
  const Explanation why = policies.explain("web2", "dns");
  EXPECT_FALSE(why.decision.allowed);
  ASSERT_EQ(why.matched.size(), 1u);
  EXPECT_EQ(why.matched[0].rule, "deny-web2");
  EXPECT_NE(why.fix.find("change or remove rule deny-web2 of policy demo-dns (demo.yaml:"),
            std::string::npos)
      << why.fix;
}

}  // namespace
}  // namespace vs::test
