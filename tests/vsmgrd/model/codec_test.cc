#include "vsmgrd/model/codec.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/vsmgrd/model/documents.h"
#include "tests/vsmgrd/model/random_resource.h"

namespace vs::test {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

TEST(Decode, TakesValidDocuments) {
  for (const Valid& valid : kValid) {
    const auto resource = decode(json::parse(valid.text));
    ASSERT_TRUE(resource) << valid.title << ": " << resource.error().error.message;
  }
}

void expect_the_one_fault(const std::vector<Invalid>& documents) {
  for (const Invalid& invalid : documents) {
    SCOPED_TRACE(invalid.title);
    const auto resource = decode(json::parse(invalid.text));
    ASSERT_FALSE(resource);
    EXPECT_EQ(resource.error().error.code, ErrorCode::invalid);
    const auto& problems = resource.error().problems;
    ASSERT_EQ(problems.size(), 1u) << problems.at(1).message;
    EXPECT_EQ(problems[0].pointer, invalid.pointer);
    EXPECT_THAT(problems[0].message, HasSubstr(invalid.message));
    EXPECT_EQ(problems[0].hint, invalid.hint);
    EXPECT_EQ(problems[0].at_key, invalid.at_key);
    EXPECT_THAT(resource.error().error.message, HasSubstr(problems[0].message));
  }
}

TEST(Decode, NamesTheOneFaultOfADocument) { expect_the_one_fault(kInvalid); }

TEST(Decode, NamesTheOneFaultOfATextWithTheColumn) { expect_the_one_fault(kInvalidTexts); }

TEST(Decode, DeclaredChannelsAreEncodedAsTheyWereDecoded) {
  for (const Valid& valid : kValid) {
    if (valid.title != "DeclaredChannels") continue;
    const json given = json::parse(valid.text);
    const auto resource = decode(given);
    ASSERT_TRUE(resource);
    EXPECT_EQ(std::get<ServiceSpec>(resource->spec).pubsub.channels.at(1).source, "market.>");
    EXPECT_EQ(encode(View{.resource = *resource})["spec"]["parameters"], given["spec"]["parameters"]);
  }
}

TEST(Decode, ReadsEveryMember) {
  const auto domain = decode(json::parse(document(
      "Domain", R"({"type": "container", "description": "d"})", R"(, "labels": {"tier": "web"})")));
  ASSERT_TRUE(domain);
  EXPECT_EQ(domain->kind(), Kind::domain);
  EXPECT_EQ(domain->metadata.name, "a1");
  EXPECT_EQ(domain->metadata.labels, (Labels{{"tier", "web"}}));
  EXPECT_EQ(std::get<DomainSpec>(domain->spec), (DomainSpec{"container", "d"}));

  const auto service = decode(
      json::parse(dns(R"({"nameservers": ["127.0.0.1:5300"], "timeout": "250ms", "tries": 5})")));
  ASSERT_TRUE(service);
  EXPECT_EQ(std::get<ServiceSpec>(service->spec),
            (ServiceSpec{"dns", {{"127.0.0.1:5300"}, std::chrono::milliseconds{250}, 5}}));

  const auto policy = decode(json::parse(match(
      R"({"domains": ["a", "b"], "domainLabels": {"k": "v"},
          "services": ["s"], "kinds": ["dns"]})")));
  ASSERT_TRUE(policy);
  EXPECT_EQ(
      std::get<AccessPolicySpec>(policy->spec).rules,
      (std::vector<Rule>{{"r", Effect::deny, "m", {{"a", "b"}, {{"k", "v"}}, {"s"}, {"dns"}}}}));

  const auto binding =
      decode(json::parse(document("Binding", R"({"domain": "a", "service": "b", "device": "c"})")));
  ASSERT_TRUE(binding);
  EXPECT_EQ(std::get<BindingSpec>(binding->spec), (BindingSpec{"a", "b", "c"}));
}

TEST(Decode, ReadsABindingsTerms) {
  const auto binding = decode(json::parse(document("Binding", R"({"domain": "a", "service": "b",
      "buffers": {"wait": "timer", "batchMessages": 4, "batchMicroseconds": 9, "requestBytes": 4096,
                  "responseBytes": 67108864},
      "sla": {"priority": "bulk", "rate": 7, "burst": 8}})")));
  ASSERT_TRUE(binding);
  const auto& spec = std::get<BindingSpec>(binding->spec);
  EXPECT_EQ(spec.buffers, (Buffers{"", "timer", 4, 9, 4096, 67'108'864}));
  EXPECT_EQ(spec.sla, (Sla{"bulk", 7, 8}));
  const auto domain = decode(json::parse(document("Domain", R"({"memoryMiB": 5})")));
  ASSERT_TRUE(domain);
  EXPECT_EQ(std::get<DomainSpec>(domain->spec).memory_mib, 5u);
}

TEST(Decode, NamesEveryFaultOfABindingsTerms) {
  const auto binding = decode(json::parse(document("Binding", R"({"domain": "a", "service": "b",
      "buffers": {"wait": "nap", "batchMessages": 0, "batchMicroseconds": 1000001,
                  "requestBytes": 5000, "responseBytes": 2048, "size": 1},
      "sla": {"priority": 1, "rate": -1, "burst": 0}})")));
  ASSERT_FALSE(binding);
  std::vector<std::string> pointers;
  for (const Problem& problem : binding.error().problems) pointers.push_back(problem.pointer);
  EXPECT_THAT(pointers, ::testing::UnorderedElementsAre(
                            "/spec/buffers/wait", "/spec/buffers/batchMessages",
                            "/spec/buffers/batchMicroseconds", "/spec/buffers/requestBytes",
                            "/spec/buffers/responseBytes", "/spec/buffers/size",
                            "/spec/sla/priority", "/spec/sla/rate", "/spec/sla/burst"));
}

TEST(Decode, FillsDefaults) {
  const auto service = decode(json::parse(document("Service", R"({"kind": "dns"})")));
  ASSERT_TRUE(service);
  EXPECT_EQ(std::get<ServiceSpec>(service->spec),
            (ServiceSpec{"dns", {{}, std::chrono::seconds{2}, 3}}));
  const auto domain = decode(json::parse(document("Domain", "{}")));
  ASSERT_TRUE(domain);
  EXPECT_EQ(std::get<DomainSpec>(domain->spec).type, "sandbox");
}

TEST(Decode, IgnoresWhatTheServerOwns) {
  const auto domain = decode(json::parse(document(
      "Domain", "{}", R"(, "uid": "u", "generation": 9, "resourceVersion": 9, "createdAt": 3)")));
  ASSERT_TRUE(domain);
  EXPECT_EQ(domain->metadata.uid, "");
  EXPECT_EQ(domain->metadata.generation, 0);
  EXPECT_EQ(domain->metadata.resource_version, 0);
  EXPECT_EQ(domain->metadata.created_at, WallTime{});
}

TEST(Decode, NamesEveryFaultAtOnce) {
  const auto resource = decode(json::parse(R"({
    "apiVersion": "vservices/v2", "kind": "AccessPolicy", "extra": 0,
    "metadata": {"name": "Bad Name", "labels": {"n": 1}},
    "spec": {"rules": [
      {"id": "one", "effect": "allow", "message": "m", "match": {"domain": ["a"]}},
      {"id": "one", "effect": "never", "match": {"services": [], "kinds": "dns"}}
    ]}})"));
  ASSERT_FALSE(resource);
  std::vector<std::string> pointers;
  for (const Problem& problem : resource.error().problems) pointers.push_back(problem.pointer);
  EXPECT_THAT(pointers,
              ::testing::UnorderedElementsAre(
                  "/apiVersion", "/extra", "/metadata/name", "/metadata/labels/n",
                  "/spec/rules/0/match/domain", "/spec/rules/1/effect", "/spec/rules/1",
                  "/spec/rules/1/match/services", "/spec/rules/1/match/kinds", "/spec/rules/1/id"));
  EXPECT_EQ(resource.error().error.message, R"(AccessPolicy "Bad Name": 10 problems)");
}

TEST(Decode, RuleIdsAreUniqueWithinAPolicy) {
  const std::string rule = R"({"id": "same", "effect": "deny", "message": "m", "match": {}})";
  const auto resource = decode(json::parse(policy(rule + "," + rule)));
  ASSERT_FALSE(resource);
  ASSERT_EQ(resource.error().problems.size(), 1u);
  EXPECT_EQ(resource.error().problems[0].pointer, "/spec/rules/1/id");
  EXPECT_EQ(resource.error().problems[0].message,
            R"(rule id "same" stands twice; first at /spec/rules/0)");
}

TEST(Decode, TimeoutHasALimit) {
  for (const std::string timeout : {"0ms", "61s", "1h", "60001ms"}) {
    const auto resource = decode(json::parse(dns(R"({"timeout": ")" + timeout + "\"}")));
    ASSERT_FALSE(resource) << timeout;
    EXPECT_THAT(resource.error().problems.at(0).message,
                HasSubstr("\"timeout\" must be from 1ms to 1m"));
  }
}

TEST(Decode, CountsProblemsBeyondTheLimit) {
  const auto resource =
      decode(json::parse(document("Domain", "{" + many(250, "\"unknown", "\": 0") + "}")));
  ASSERT_FALSE(resource);
  EXPECT_EQ(resource.error().problems.size(), kProblemsMax + 1);
  EXPECT_EQ(resource.error().problems.back().message, "and 150 more problems");
  EXPECT_THAT(resource.error().error.message, HasSubstr("250 problems"));
}

TEST(Decode, AppendsToTheProblemsOfOtherDocuments) {
  std::vector<Problem> problems{{.message = "of another document"}};
  EXPECT_TRUE(decode(json::parse(document("Domain", "{}")), problems));
  EXPECT_EQ(problems.size(), 1u);
  EXPECT_FALSE(decode(json::parse("{}"), problems));
  EXPECT_EQ(problems.size(), 5u);
}

TEST(Decode, EscapesWhatItQuotes) {
  json bad = json::parse(document("Domain", "{}"));
  bad["spec"]["\x1b[2J\n" + std::string(200, 'x')] = 1;
  const auto resource = decode(bad);
  ASSERT_FALSE(resource);
  const std::string& message = resource.error().problems.at(0).message;
  EXPECT_THAT(message, HasSubstr(R"(\u001b[2J\nxxx)"));
  EXPECT_THAT(message, HasSubstr("...\""));
  EXPECT_LT(message.size(), 150u);
}

TEST(Encode, IsWhatDecodeReads) {
  for (std::uint32_t seed = 0; seed < 2000; ++seed) {
    Chance chance(seed);
    const Resource resource = random_resource(chance);
    const json document = json::parse(encode(View{.resource = resource}).dump());
    const auto again = decode(document);
    ASSERT_TRUE(again) << document.dump(2) << again.error().problems.at(0).message;
    ASSERT_EQ(again->metadata.name, resource.metadata.name);
    ASSERT_EQ(again->metadata.labels, resource.metadata.labels);
    ASSERT_EQ(again->spec, resource.spec) << document.dump(2);
    ASSERT_EQ(encode_spec(*again), document["spec"]);
  }
}

TEST(Encode, ShowsMetadataAndStatus) {
  const WallTime time = *parse_time("2026-11-22T16:00:00.250Z");
  View view;
  view.resource.metadata = {
      .name = "web1-dns",
      .labels = {{"tier", "web"}},
      .uid = "u-1",
      .generation = 3,
      .resource_version = 17,
      .created_at = time,
      .updated_at = time,
      .sources = {{"", {"a.yaml", 3, 1}}, {"/spec/domain", {"a.yaml", 7, 11}}}};
  view.resource.spec = BindingSpec{"web1", "dns", "names"};
  view.observed = Observed{.kind = Kind::binding,
                           .name = "web1-dns",
                           .observed_generation = 3,
                           .state = State::bound,
                           .reason = "BackendAcked",
                           .message = "served",
                           .since = time,
                           .refused_opens = 2};
  view.decision = Decision{true, "demo", "allow-web1", "web1 may", Source{"a.yaml", 12, 5}};
  EXPECT_EQ(encode(view), json::parse(R"({
    "apiVersion": "vservices/v1", "kind": "Binding",
    "metadata": {"name": "web1-dns", "labels": {"tier": "web"}, "uid": "u-1", "generation": 3,
                 "resourceVersion": 17, "createdAt": "2026-11-22T16:00:00.250Z",
                 "updatedAt": "2026-11-22T16:00:00.250Z",
                 "sources": {"": {"file": "a.yaml", "line": 3, "column": 1}}},
    "spec": {"domain": "web1", "service": "dns", "device": "names"},
    "status": {"observedGeneration": 3, "state": "Bound", "reason": "BackendAcked",
               "message": "served", "since": "2026-11-22T16:00:00.250Z", "refusedOpens": 2,
               "sharing": {"mode": "private"}, "decision": {"allowed": true, "policy": "demo", "rule": "allow-web1",
                            "message": "web1 may",
                            "source": {"file": "a.yaml", "line": 12, "column": 5}}}})"));
}

TEST(Encode, ShowsWhereEachRuleStands) {
  View view;
  view.resource.metadata = {.name = "p",
                            .sources = {{"", {"a", 1, 1}},
                                        {"/spec", {"a", 5, 1}},
                                        {"/spec/rules/0", {"a", 7, 5}},
                                        {"/spec/rules/0/id", {"a", 7, 9}}}};
  view.resource.spec = AccessPolicySpec{{{"r", Effect::deny, "m", {}}}};
  EXPECT_EQ(encode(view)["metadata"]["sources"],
            json::parse(R"({"": {"file": "a", "line": 1, "column": 1},
                            "/spec/rules/0": {"file": "a", "line": 7, "column": 5}})"));
}

TEST(Encode, ShowsTheSocketDirectoryOfADomain) {
  View view;
  view.resource.spec = DomainSpec{};
  view.observed = Observed{.state = State::ready, .socket_directory = "/run/vservices/web1"};
  const json status = encode(view)["status"];
  EXPECT_EQ(status["socketDirectory"], "/run/vservices/web1");
  EXPECT_EQ(status["state"], "Ready");
  EXPECT_FALSE(status.contains("refusedOpens"));
}

TEST(Encode, LeavesOutWhatAProblemLacks) {
  EXPECT_EQ(encode(Problem{.pointer = "/a", .message = "m"}),
            json::parse(R"({"pointer": "/a", "message": "m"})"));
  EXPECT_EQ(encode(Problem{"/a", "m", "h", Source{"f", 2, 3}}), json::parse(R"({
    "pointer": "/a", "message": "m", "hint": "h",
    "source": {"file": "f", "line": 2, "column": 3}})"));
  EXPECT_EQ(encode(Decision{.message = "no rule"}),
            json::parse(R"({"allowed": false, "policy": "", "rule": "", "message": "no rule"})"));
}

TEST(References, AreWhatABindingNeeds) {
  Resource binding{.metadata = {.name = "b"}, .spec = BindingSpec{"web1", "dns", ""}};
  const auto found = references(binding);
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0].kind, Kind::domain);
  EXPECT_EQ(found[0].name, "web1");
  EXPECT_EQ(found[0].pointer, "/spec/domain");
  EXPECT_EQ(found[1].kind, Kind::service);
  EXPECT_EQ(found[1].name, "dns");
  EXPECT_EQ(found[1].pointer, "/spec/service");
  EXPECT_TRUE(
      references(Resource{.spec = AccessPolicySpec{{{.match = {.domains = {"x"}}}}}}).empty());
}

}  // namespace
}  // namespace vs::test
