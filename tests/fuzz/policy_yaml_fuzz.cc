// Policy files of anybody: text becomes resources or problems with places, and never anything else.
//
// What loads is compiled, decided, explained and linted: an index that disagrees with its explanation
// is a finding, too.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "vsmgrd/model/codec.h"
#include "vsmgrd/policy/cases.h"
#include "vsmgrd/policy/lint.h"
#include "vsmgrd/policy/loader.h"
#include "vsmgrd/policy/policy_set.h"

namespace {

constexpr std::size_t kAskedMax = 4;  // of the domains and services of one input

void check_problems(const vs::Refusal& refusal, std::string_view text) {
  VS_CHECK(!refusal.error.message.empty());
  VS_CHECK(refusal.problems.size() <= vs::kProblemsMax + 1);
  int lines = 1;
  for (const char c : text) lines += c == '\n';
  for (const vs::Problem& problem : refusal.problems) {
    VS_CHECK(!problem.message.empty());
    if (!problem.source) continue;
    VS_CHECK(problem.source->line >= 1 && problem.source->line <= lines + 1);
    VS_CHECK(problem.source->column >= 1);
  }
}

void check_decisions(const vs::Desired& desired) {
  const vs::PolicySet policies(desired, {.name = "node1", .labels = {{"rack", "7"}}});
  std::size_t domains = 0;
  for (const auto& [domain, object] : desired.domains) {
    if (++domains > kAskedMax) break;
    std::size_t services = 0;
    for (const auto& [service, other] : desired.services) {
      if (++services > kAskedMax) break;
      const vs::Explanation why = policies.explain(domain, service);
      VS_CHECK(why.decision == policies.decide(domain, service));
      VS_CHECK(why.fix.empty() == why.decision.allowed);
    }
  }
  (void)vs::lint(policies, desired);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  auto loaded = vs::load_policies({{"f.yaml", text}});
  if (loaded) {
    vs::Desired desired;
    for (vs::Resource& resource : *loaded) {
      VS_CHECK(resource.metadata.sources.contains(""));
      std::string name = resource.metadata.name;
      desired.of(resource.kind()).insert_or_assign(std::move(name), std::move(resource));
    }
    check_decisions(desired);
  } else {
    check_problems(loaded.error(), text);
  }
  if (const auto cases = vs::load_cases({{"f.yaml", text}}); !cases)
    check_problems(cases.error(), text);
  return 0;
}
