#include <sys/stat.h>

#include <filesystem>

#include "tests/vsctl/cli_test.h"

namespace vs::ctl::test {
namespace {

using nlohmann::json;

const json kAnswer{{"changes",
                    {{{"kind", "Domain"}, {"name", "web1"}, {"action", "created"}},
                     {{"kind", "AccessPolicy"}, {"name", "demo-dns"}, {"action", "unchanged"}},
                     {{"kind", "Binding"}, {"name", "web1-dns"}, {"action", "created"}}}},
                   {"decisionsChanged",
                    {{{"binding", "web1-dns"}, {"decision", decision(true)}},
                     {{"binding", "web2-dns"}, {"decision", decision(false)}}}},
                   {"resourceVersion", 12}};

class ApplyTest : public CliTest {
 protected:
  void daemon_applies() {
    daemon_.answers("POST /v1/apply", kAnswer);
    daemon_.answers("GET /v1/bindings/web1-dns", binding("web1", "Pending"));
    daemon_.answers("GET /v1/bindings/web1-dns", binding("web1", "Pending"));
    daemon_.answers("GET /v1/bindings/web1-dns", binding("web1", "Ready"));
    daemon_.answers("GET /v1/bindings/web2-dns", binding("web2", "Denied"));
  }

  const std::string file_ = directory_.write("demo.yaml", "kind: Domain\n");
};

TEST_F(ApplyTest, SaysWhatChangedAndWaitsUntilItIsSo) {
  daemon_applies();
  const Finished run = vsctl({"apply", "-f", file_});
  EXPECT_EQ(run.exit, 0) << run.err;
  EXPECT_EQ(run.out, R"(domain/web1 created
policy/demo-dns unchanged
binding/web1-dns created
binding/web1-dns allowed by demo-dns/allow-web1 (demo.yaml:30:7): web1 resolves names
binding/web2-dns denied by demo-dns/deny-web2 (demo.yaml:36:7): web2 resolves nothing
binding/web1-dns is Ready
binding/web2-dns is Denied: policy says no
)");
  EXPECT_EQ(run.err, "");
  // The one that is settled is not looked at again.
  EXPECT_EQ(daemon_.lines(),
            (std::vector<std::string>{"POST /v1/apply", "GET /v1/bindings/web1-dns",
                                      "GET /v1/bindings/web2-dns", "GET /v1/bindings/web1-dns",
                                      "GET /v1/bindings/web1-dns"}));
}

TEST_F(ApplyTest, SendsFilesUnderTheirNames) {
  daemon_.answers("POST /v1/apply", json{{"changes", json::array()}});
  const std::string other = directory_.write("more.yml", "näher: \"\\t\"\n");
  EXPECT_EQ(vsctl({"apply", "-f", other, "-f", file_}).exit, 0);
  EXPECT_EQ(json::parse(daemon_.asked()[0].body),
            (json{{"files",
                   {{{"name", other}, {"text", "näher: \"\\t\"\n"}},
                    {{"name", file_}, {"text", "kind: Domain\n"}}}}}));
}

TEST_F(ApplyTest, TakesTheFilesOfADirectoryInOrder) {
  daemon_.answers("POST /v1/apply", json{{"changes", json::array()}});
  for (const char* name :
       {"d/b.yml", "d/a.yaml", "d/.hidden.yaml", "d/notes.txt", "d/below/c.yaml", "d/dir.yaml/x"})
    directory_.write(name, name);
  EXPECT_EQ(vsctl({"apply", "-f", directory_.path() + "/d"}).exit, 0);
  const json sent = json::parse(daemon_.asked()[0].body);
  std::vector<std::string> texts;
  for (const json& file : sent["files"]) texts.push_back(file["text"]);
  EXPECT_EQ(texts, (std::vector<std::string>{"d/a.yaml", "d/b.yml"}));
}

TEST_F(ApplyTest, ReadsStandardInput) {
  daemon_.answers("POST /v1/apply", json{{"changes", json::array()}});
  EXPECT_EQ(vsctl({"apply", "-f", "-"}, "kind: Service\n").exit, 0);
  EXPECT_EQ(json::parse(daemon_.asked()[0].body),
            (json{{"files", {{{"name", "stdin"}, {"text", "kind: Service\n"}}}}}));
}

TEST_F(ApplyTest, ADryRunChangesNothingAndWaitsForNothing) {
  daemon_.answers("POST /v1/apply?dryRun=true", kAnswer);
  const Finished run = vsctl({"apply", "--dry-run", "-f", file_});
  EXPECT_EQ(run.exit, 0) << run.err;
  EXPECT_EQ(run.out, R"(domain/web1 created (dry run)
policy/demo-dns unchanged (dry run)
binding/web1-dns created (dry run)
binding/web1-dns allowed by demo-dns/allow-web1 (demo.yaml:30:7): web1 resolves names (dry run)
binding/web2-dns denied by demo-dns/deny-web2 (demo.yaml:36:7): web2 resolves nothing (dry run)
)");
  EXPECT_EQ(daemon_.lines(), std::vector<std::string>{"POST /v1/apply?dryRun=true"});
}

TEST_F(ApplyTest, DoesNotWaitWhenToldSo) {
  daemon_applies();
  EXPECT_EQ(vsctl({"apply", "--no-wait", "-f", file_}).exit, 0);
  EXPECT_EQ(daemon_.lines(), std::vector<std::string>{"POST /v1/apply"});
}

TEST_F(ApplyTest, SaysEveryThingInJson) {
  daemon_applies();
  const Finished run = vsctl({"apply", "-f", file_, "-o", "json"});
  EXPECT_EQ(run.exit, 0) << run.err;
  json expected = kAnswer;
  expected["bindings"] = {
      {{"name", "web1-dns"}, {"state", "Ready"}, {"reason", "BackendAcked"}, {"message", ""}},
      {{"name", "web2-dns"},
       {"state", "Denied"},
       {"reason", "BackendAcked"},
       {"message", "policy says no"}}};
  EXPECT_EQ(json::parse(run.out), expected);
}

TEST_F(ApplyTest, SaysWhatItWaitsForWhenTimeIsUp) {
  daemon_.answers("POST /v1/apply", kAnswer);
  json waiting = binding("web1", "Pending");
  waiting["status"]["message"] = "backend dns is starting";
  daemon_.answers("GET /v1/bindings/web1-dns", waiting);
  daemon_.answers("GET /v1/bindings/web2-dns", binding("web2", "Denied"));
  const Finished run = vsctl({"apply", "-f", file_, "--timeout", "300ms"});
  EXPECT_EQ(run.exit, 65);
  EXPECT_EQ(run.err,
            "vsctl: committed, but not in force yet: binding/web1-dns is Pending after 300 ms: backend dns is starting\n");
  EXPECT_NE(run.out.find("domain/web1 created\n"), std::string::npos);
  EXPECT_NE(run.out.find("binding/web2-dns is Denied: policy says no\n"), std::string::npos);
}

TEST_F(ApplyTest, ABindingThatFailedIsANegativeAnswer) {
  daemon_.answers("POST /v1/apply", kAnswer);
  json failed = binding("web1", "Failed");
  failed["status"]["message"] = "no backend for dns";
  daemon_.answers("GET /v1/bindings/web1-dns", failed);
  daemon_.answers("GET /v1/bindings/web2-dns", binding("web2", "Denied"));
  const Finished run = vsctl({"apply", "-f", file_});
  EXPECT_EQ(run.exit, 1);
  EXPECT_EQ(run.err, "vsctl: binding/web1-dns failed: no backend for dns\n");
}

TEST_F(ApplyTest, DoesNotWaitForABindingThatIsGone) {
  daemon_.answers("POST /v1/apply", kAnswer);
  daemon_.answers("GET /v1/bindings/web2-dns", binding("web2", "Denied"));  // web1-dns: 404
  const Finished run = vsctl({"apply", "-f", file_});
  EXPECT_EQ(run.exit, 0) << run.err;
  EXPECT_NE(run.out.find("binding/web1-dns is Gone\n"), std::string::npos) << run.out;
}

TEST_F(ApplyTest, ListsEveryProblem) {
  daemon_.refuses("POST /v1/apply", 400,
                  {{"title", "Bad Request"},
                   {"detail", "2 problems"},
                   {"errors",
                    {{{"pointer", "/spec"},
                      {"message", "unknown key \"tpye\""},
                      {"hint", "did you mean \"type\"?"},
                      {"source", {{"file", "demo.yaml"}, {"line", 3}, {"column", 5}}}},
                     {{"pointer", "/metadata/name"}, {"message", "is missing"}}}}});
  const Finished run = vsctl({"apply", "-f", file_});
  EXPECT_EQ(run.exit, 2);
  EXPECT_EQ(run.out, "");
  EXPECT_EQ(run.err,
            "demo.yaml:3:5: unknown key \"tpye\" (did you mean \"type\"?)\n"
            "/metadata/name: is missing\n"
            "vsctl: 2 problems\n");
}

TEST_F(ApplyTest, RefusesInputThatCannotBeApplied) {
  std::filesystem::create_directory(directory_.path() + "/empty");
  const std::string latin = directory_.write("latin.yaml", "a: \xe4\n");
  const std::string large = directory_.write("large.yaml", std::string((8 << 20) + 1, '#'));
  const std::string half = directory_.write("half.yaml", std::string(5'000'000, '#'));
  struct Case {
    std::vector<std::string> paths;
    std::string message;
  };
  const std::string missing = directory_.path() + "/none.yaml";
  const std::string empty = directory_.path() + "/empty";
  for (const auto& [paths, message] :
       {Case{{missing}, missing + ": No such file or directory"},
        Case{{empty}, empty + ": no *.yaml or *.yml in this directory"},
        Case{{latin}, latin + ": byte 3 is no UTF-8"},
        Case{{large}, large + ": more than 8388608 bytes in all"},
        Case{{half, half}, half + ": more than 8388608 bytes in all"},
        Case{{"/dev/zero"}, "/dev/zero: more than 8388608 bytes in all"}}) {
    std::vector<std::string> arguments{"apply"};
    for (const std::string& path : paths) arguments.insert(arguments.end(), {"-f", path});
    const Finished run = vsctl(arguments);
    EXPECT_EQ(run.exit, 2) << message;
    EXPECT_EQ(run.err, "vsctl: " + message + "\n");
  }
  EXPECT_TRUE(daemon_.lines().empty());
}

TEST_F(ApplyTest, ReadsPipesThatAreNamedLikeFiles) {
  daemon_.answers("POST /v1/apply", json{{"changes", json::array()}});
  const Finished run =
      run_process({"bash", "-c", R"("$0" --socket "$1" apply -f <(echo 'kind: Domain'))", VS_VSCTL,
                   daemon_.socket_path()});
  EXPECT_EQ(run.exit, 0) << run.err;
  EXPECT_EQ(json::parse(daemon_.asked()[0].body)["files"][0]["text"], "kind: Domain\n");
}

}  // namespace
}  // namespace vs::ctl::test
