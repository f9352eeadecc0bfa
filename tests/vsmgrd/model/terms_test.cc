// What contradicts itself is refused: where, and with what would fit.
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/vsmgrd/model/documents.h"
#include "vsmgrd/model/codec.h"

namespace vs::test {
namespace {

struct Contradiction {
  const char* kind;
  const char* spec;
  const char* pointer;
  const char* message;  // a part of it
  const char* hint;     // a part of it
};

const std::vector<Contradiction> kContradictions{
    {"Buffers", R"({"requestBytes": 5000})", "/spec/requestBytes", "must be a power of two, is 5000", "the next one is 8192"},
    {"Sla", R"({"objectives": {"latencyP50": "2ms", "latencyP99": "900us"}})", "/spec/objectives/latencyP99",
     R"("latencyP99" is 900us, less than "latencyP50" (2ms))", "at least 2ms fits"},
    {"Sla", R"({"objectives": {"latencyP50": "2ms", "latencyP999": "1ms"}})", "/spec/objectives/latencyP999",
     "less than \"latencyP50\"", "at least 2ms"},
    {"Sla", R"({"rate": 100, "objectives": {"rate": 101}})", "/spec/objectives/rate", "only 100 are let through", "at most 100 fits"},
    {"Sla", R"({"class": "bestEffort", "objectives": {"rate": 1}})", "/spec/class", "promises nothing", "burstable"},
    {"Sla", R"({"class": "guaranteed"})", "/spec/class", "needs objectives", "burstable fits"},
    {"Sla", R"({"class": "guaranteed", "priority": "bulk", "objectives": {"rate": 1}})", "/spec/priority", "served last", "normal"},
    {"Sla", R"({"objectives": {"window": "1h"}})", "/spec/objectives", "promise nothing", "name one of latencyP50"},
    {"Sla", R"({"objectives": {"availability": "101%"}})", "/spec/objectives/availability", "is not a percentage", ""},
    {"Sla", R"({"objectives": {"availability": "0%"}})", "/spec/objectives/availability", "promises nothing", "leave it out"},
    {"Sla", R"({"objectives": {"loss": 0.1}})", "/spec/objectives/loss", "must be a percentage", "write \"0.1%\""},
    {"Sla", R"({"objectives": {"latencyP99": "61s"}})", "/spec/objectives/latencyP99", "must be from 1us to 1m", ""},
    {"Sla", R"({"clas": "guaranteed"})", "/spec/clas", "unknown key", "did you mean \"class\"?"},
    {"Sla", R"({"contentClasses": [{"name": "a", "when": "x"}, {"name": "a", "when": "y"}]})", "/spec/contentClasses/1/name", "stands twice", ""},
    {"Domain", R"({"type": "xen", "vcpus": {}})", "/spec/vcpus", "says nothing of where", "name one of cpus, count, cpupool"},
    {"Domain", R"({"type": "sandbox", "vcpus": {"count": 1}})", "/spec/vcpus", "has none: it is of type sandbox", "type: xen"},
    {"Domain", R"({"type": "xen", "vcpus": {"count": 1, "mode": "exclusive", "affinity": "soft"}})", "/spec/vcpus/affinity", "run elsewhere, too", "affinity: hard"},
    {"Domain", R"({"type": "xen", "vcpus": {"cpupool": "a/b"}})", "/spec/vcpus/cpupool", "without a slash", "xl cpupool-list"},
    {"Domain", R"({"type": "xen", "vcpus": {"count": 1, "options": ["sameCoreAsGuest"]}})", "/spec/vcpus/options/0", "sameCoreAsGuest", ""},
    {"Domain", R"({"type": "xen", "vcpus": {"count": 1, "cpus": "2"}})", "/spec/vcpus/count", "both say which CPUs", "leave one of them out"},
    {"Placement", R"({"cpus": ""})", "/spec/cpus", "an empty set", "write it like"},
    {"Placement", R"({"cpus": "1, 2"})", "/spec/cpus", "has no CPU number at position 3", ""},
    {"Placement", R"({"cpus": "5-3"})", "/spec/cpus", "counts backwards (5-3)", ""},
    {"Placement", R"({"cpus": "1-3,2"})", "/spec/cpus", "has CPU 2 twice", ""},
    {"Placement", R"({"cpus": "4096"})", "/spec/cpus", "the highest is 4095", ""},
    {"Placement", R"({"cpus": "1", "count": 2})", "/spec/count", "both say which", "leave one"},
    {"Placement", R"({"count": 2, "options": ["spread", "sameLlc"]})", "/spec/options", "cannot both be met", ""},
    {"Placement", R"({"cpus": "1", "options": ["spread"]})", "/spec/options", "chooses among CPUs", "\"count\" instead"},
    {"Placement", R"({"count": 1, "options": ["sameCoreAsGuest", "apartFromGuest"]})", "/spec/options", "cannot both", ""},
    {"Placement", R"({"mode": "auto", "cpus": "1"})", "/spec/cpus", "mode auto chooses", "leave one"},
    {"Placement", R"({"mode": "auto", "options": ["apartFromGuest"]})", "/spec/options", "mode auto chooses", "leave the option"},
    {"Placement", R"({"mode": "exclusive"})", "/spec/mode", "which CPUs, or how many", "add \"count\""},
    {"Placement", R"({"count": 1, "options": ["fullcores"]})", "/spec/options/0", "is none of", "did you mean \"fullCores\"?"},
    {"SharingPolicy", R"({"match": {}, "mode": "group"})", "/spec", "needs a \"group\"", ""},
    {"SharingPolicy", R"({"match": {}, "mode": "open", "group": "a"})", "/spec/group", "mode open has no group", "mode: group"},
    {"SharingPolicy", R"({"match": {}, "mode": "private", "names": ["a.b"]})", "/spec/names", "mode private has no names", "mode: open"},
    {"SharingPolicy", R"({"match": {"kinds": ["dns", "crypto"]}, "mode": "open"})", "/spec/match/kinds/1",
     "services of kind \"crypto\" cannot share in mode open", "they can in private"},
    {"SharingPolicy", R"({"match": {}, "mode": "open", "names": ["A.b"]})", "/spec/names/0", "in lower case", ""},
    {"SharingPolicy", R"({"match": {}, "mode": "open", "travels": "no"})", "/spec/travels", "must be true or false", ""},
    {"Binding", R"({"domain": "a", "service": "b", "sla": "Gold"})", "/spec/sla", "is not a name", ""},
    {"Binding", R"({"domain": "a", "service": "b", "placement": {"cpus": "1-"}})", "/spec/placement/cpus", "at position 3", ""},
};

TEST(Terms, ThatContradictThemselvesAreRefusedWithWhatFits) {
  for (const Contradiction& wrong : kContradictions) {
    const auto decoded = decode(nlohmann::json::parse(document(wrong.kind, wrong.spec)));
    ASSERT_FALSE(decoded) << wrong.spec;
    ASSERT_EQ(decoded.error().problems.size(), 1u) << wrong.spec << ": " << decoded.error().error.message;
    const Problem& problem = decoded.error().problems.front();
    EXPECT_EQ(problem.pointer, wrong.pointer) << wrong.spec;
    EXPECT_NE(problem.message.find(wrong.message), std::string::npos) << problem.message;
    EXPECT_NE(problem.hint.find(wrong.hint), std::string::npos) << problem.hint;
    EXPECT_FALSE(problem.code.empty()) << wrong.spec;
  }
}

TEST(Terms, PercentagesAndCpusAreReadAsTheyAreWritten) {
  EXPECT_EQ(parse_percent("99.95%"), 999'500u);
  EXPECT_EQ(parse_percent("0.0001%"), 1u);
  EXPECT_EQ(parse_percent("100%"), 1'000'000u);
  for (const std::uint32_t ppm : {0u, 1u, 999'500u, 120'000u, 1'000'000u})
    EXPECT_EQ(parse_percent(format_percent(ppm)), ppm);
  for (const char* wrong : {"", "%", "5", "-1%", "1.%", "1.00001%", "100.0001%", "1e2%", "1 %"})
    EXPECT_FALSE(parse_percent(wrong)) << wrong;
  EXPECT_EQ(parse_cpus("2-3,6,0"), (std::vector<std::uint32_t>{0, 2, 3, 6}));
}

TEST(Terms, ABindingRefersToWhatItNames) {
  const auto binding = decode(nlohmann::json::parse(document(
      "Binding", R"({"domain": "a", "service": "b", "sla": "gold", "placement": "p", "buffers": {"wait": "spin"}})")));
  ASSERT_TRUE(binding);
  std::vector<std::string> found;
  for (const Reference& reference : references(*binding))
    found.push_back(std::string(name_of(reference.kind)) + ' ' + reference.name + ' ' + reference.pointer);
  EXPECT_EQ(found, (std::vector<std::string>{"Domain a /spec/domain", "Service b /spec/service",
                                             "Sla gold /spec/sla", "Placement p /spec/placement"}));
  Desired desired;
  const auto& spec = std::get<BindingSpec>(binding->spec);
  EXPECT_EQ(sla_of(spec, desired), Sla{});
  desired.slas["gold"].spec = Sla{.priority = "control"};
  EXPECT_EQ(sla_of(spec, desired).priority, "control");
  EXPECT_EQ(buffers_of(spec, desired).wait, "spin");
}

}  // namespace
}  // namespace vs::test
