#include <yaml-cpp/yaml.h>

#include "tests/vsctl/cli_test.h"

namespace vs::ctl::test {
namespace {

using nlohmann::json;

class GetTest : public CliTest {
 protected:
  GetTest() {
    daemon_.answers("GET /v1/domains", list_of({domain("web1"), domain("web2", "other")}));
    daemon_.answers("GET /v1/domains/web1?live=true", domain("web1"), "\"7\"");
    daemon_.answers("GET /v1/bindings",
                    list_of({binding("web1", "Ready"), binding("web2", "Denied")}));
    daemon_.answers(
        "GET /v1/services",
        list_of({object(
            "Service", "dns",
            {{"kind", "dns"},
             {"parameters", {{"nameservers", {"127.0.0.1:5300", "[::1]:53"}}, {"tries", 3}}}},
            {{"state", "Ready"}})}));
    json undecided =
        object("AccessPolicy", "demo-dns", {{"rules", {json::object(), json::object()}}}, nullptr);
    undecided.erase("status");
    daemon_.answers("GET /v1/policies", list_of({undecided}));
  }
};

TEST_F(GetTest, ListsDomains) {
  const Finished run = vsctl({"get", "domains"});
  EXPECT_EQ(run.exit, 0) << run.err;
  EXPECT_EQ(run.out,
            "NAME  TYPE     STATE  LABELS      DESCRIPTION\n"
            "web1  sandbox  Ready  team=web    Front end\n"
            "web2  sandbox  Ready  team=other  Front end\n");
}

TEST_F(GetTest, ListsBindingsWithWhatDecided) {
  EXPECT_EQ(
      vsctl({"get", "bindings"}).out,
      "NAME      DOMAIN  SERVICE  DEVICE  STATE   RULE                 REFUSED  MESSAGE\n"
      "web1-dns  web1    dns      dns     Ready   demo-dns/allow-web1  0        -\n"
      "web2-dns  web2    dns      dns     Denied  demo-dns/deny-web2   3        policy says no\n");
}

TEST_F(GetTest, ListsServicesAndPolicies) {
  EXPECT_EQ(vsctl({"get", "svc"}).out,
            "NAME  KIND  STATE  NAMESERVERS              LABELS\n"
            "dns   dns   Ready  127.0.0.1:5300,[::1]:53  -\n");
  EXPECT_EQ(vsctl({"get", "policies"}).out,
            "NAME      RULES  STATE  LABELS\n"
            "demo-dns  2      -      -\n");
}

TEST_F(GetTest, KnowsKindsByManyNames) {
  const std::string domains = vsctl({"get", "domains", "--no-headers"}).out;
  for (const char* word : {"domain", "Domain", "dom", "DOMAINS"})
    EXPECT_EQ(vsctl({"get", word, "--no-headers"}).out, domains) << word;
  for (const char* word : {"policy", "pol", "AccessPolicy"})
    EXPECT_EQ(vsctl({"get", word}).exit, 0) << word;
  EXPECT_EQ(vsctl({"get", "bind"}).exit, 0);
  const Finished unknown = vsctl({"get", "gadgets"});
  EXPECT_EQ(unknown.exit, 2);
  EXPECT_EQ(unknown.err,
            "vsctl: there is no kind \"gadgets\"; the kinds are domain (dom), service (svc), policy (pol), "
            "sharing-policy (share), sla, placement (place), buffers (buf), binding (bind), node, "
            "operation (op), warning (warn), token, migration (mig) or peer; also in the plural\n");
}

TEST_F(GetTest, ShowsOne) {
  EXPECT_EQ(vsctl({"get", "domain", "web1", "--no-headers"}).out,
            "web1  sandbox  Ready  team=web  Front end\n");
  EXPECT_EQ(json::parse(vsctl({"get", "domain", "web1", "-o", "json"}).out), domain("web1"));
}

TEST_F(GetTest, ShowsTheWholeListInJson) {
  EXPECT_EQ(json::parse(vsctl({"get", "domains", "-o", "json"}).out),
            list_of({domain("web1"), domain("web2", "other")}));
}

TEST_F(GetTest, ShowsAListInYamlThatCanBeAppliedAgain) {
  const Finished run = vsctl({"-o", "yaml", "get", "domains"});
  EXPECT_EQ(run.exit, 0) << run.err;
  const std::vector<YAML::Node> documents = YAML::LoadAll(run.out);
  ASSERT_EQ(documents.size(), 2U);
  EXPECT_EQ(documents[1]["kind"].as<std::string>(), "Domain");
  EXPECT_EQ(documents[1]["metadata"]["name"].as<std::string>(), "web2");
  EXPECT_EQ(documents[1]["metadata"]["createdAt"].Tag(), "!") << "a date must stand in quotes";

  daemon_.answers("POST /v1/apply", json{{"changes", json::array()}});
  EXPECT_EQ(vsctl({"apply", "-f", "-"}, run.out).exit, 0);
  EXPECT_EQ(json::parse(daemon_.asked().back().body)["files"][0]["text"], run.out);
}

TEST_F(GetTest, ShowsOneInYaml) {
  EXPECT_EQ(vsctl({"get", "domain", "web1", "-o", "yaml"}).out, R"(apiVersion: vservices/v1
kind: Domain
metadata:
  createdAt: "2026-01-02T03:04:05.678Z"
  generation: 2
  labels:
    team: web
  name: web1
  resourceVersion: 7
  sources:
    "":
      column: 1
      file: demo.yaml
      line: 4
  uid: "6f2a2c5e-0000-4000-8000-000000000001"
  updatedAt: "2026-01-02T03:04:06.000Z"
spec:
  description: Front end
  type: sandbox
status:
  observedGeneration: 2
  socketDirectory: /run/vservices/domains/web1
  state: Ready
)");
}

TEST_F(GetTest, LeavesChoosingToTheDaemon) {
  daemon_.answers("GET /v1/domains?labelSelector=team%3Dother%2C%21old&filter=spec.type%20eq%20%27sandbox%27",
                  list_of({domain("web2", "other")}));
  EXPECT_EQ(vsctl({"get", "domains", "-l", "team=other", "-l", "!old", "--filter", "spec.type eq 'sandbox'", "--no-headers"}).out,
            "web2  sandbox  Ready  team=other  Front end\n");
  EXPECT_EQ(vsctl({"get", "domains", "web1", "-l", "team=web"}).exit, 2);
}

TEST_F(GetTest, FollowsAListToItsLastPage) {
  json first = list_of({domain("a1"), domain("a2")});
  first["metadata"]["continue"] = "next/1";
  json second = list_of({domain("a3")});
  second["metadata"]["continue"] = "next/2";
  daemon_.answers("GET /v1/domains?labelSelector=big", first);
  for (const std::string view : {"", "&view=summary"}) {  // names need no more
    daemon_.answers("GET /v1/domains?labelSelector=big&limit=1000&continue=next%2F1" + view, second);
    daemon_.answers("GET /v1/domains?labelSelector=big&limit=1000&continue=next%2F2" + view, list_of({domain("a4")}));
  }
  EXPECT_EQ(vsctl({"get", "domains", "-l", "big", "-o", "name"}).out, "domain/a1\ndomain/a2\ndomain/a3\ndomain/a4\n");
  const json all = json::parse(vsctl({"get", "domains", "-l", "big", "-o", "json"}).out);
  EXPECT_EQ(all["items"].size(), 4U);
  EXPECT_FALSE(all["metadata"].contains("continue"));
}

TEST_F(GetTest, SaysWhatIsNotThere) {
  daemon_.refuses("GET /v1/domains/web9?live=true", 404,
                  {{"title", "Not Found"}, {"detail", "domain web9: not declared"}});
  const Finished run = vsctl({"get", "domain", "web9", "-o", "json"});
  EXPECT_EQ(run.exit, 3);
  EXPECT_EQ(run.out, "");
  EXPECT_EQ(run.err, "vsctl: domain web9: not declared\n");
}

TEST_F(GetTest, ANameStaysInItsPlaceOfThePath) {
  EXPECT_EQ(vsctl({"get", "domain", "../services/dns?x=1"}).exit, 3);
  EXPECT_EQ(daemon_.lines().back(), "GET /v1/domains/..%2Fservices%2Fdns%3Fx%3D1?live=true");
}

TEST_F(GetTest, EveryNameIsAName) {
  daemon_.answers("GET /v1/domains/run?live=true", domain("run"));  // also a verb's
  EXPECT_EQ(vsctl({"get", "domain", "run", "--no-headers"}).out,
            "run  sandbox  Ready  team=web  Front end\n");
}

struct Refused {
  int status;
  int exit;
};

class RefusedTest : public CliTest, public testing::WithParamInterface<Refused> {};

TEST_P(RefusedTest, HasAnExitCodeOfItsKind) {
  daemon_.refuses("GET /v1/domains", GetParam().status, {{"detail", "no"}});
  const Finished run = vsctl({"get", "domains"});
  EXPECT_EQ(run.exit, GetParam().exit);
  EXPECT_EQ(run.err, "vsctl: no\n");
}

INSTANTIATE_TEST_SUITE_P(Statuses, RefusedTest,
                         testing::Values(Refused{400, 2}, Refused{403, 5}, Refused{404, 3},
                                         Refused{409, 4}, Refused{412, 4}, Refused{413, 2},
                                         Refused{422, 2}, Refused{428, 2}, Refused{500, 70},
                                         Refused{503, 6}, Refused{507, 70}),
                         [](const auto& row) { return std::to_string(row.param.status); });

}  // namespace
}  // namespace vs::ctl::test
