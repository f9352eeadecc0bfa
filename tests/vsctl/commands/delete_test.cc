#include "tests/vsctl/cli_test.h"

namespace vs::ctl::test {
namespace {

using nlohmann::json;

class DeleteTest : public CliTest {
 protected:
  DeleteTest() { daemon_.answers("GET /v1/bindings/web1-dns", binding("web1", "Ready"), "\"41\""); }
};

const json kDeleted{
    {"changes", {{{"kind", "Binding"}, {"name", "web1-dns"}, {"action", "deleted"}}}},
    {"decisionsChanged", json::array()},
    {"resourceVersion", 42}};

TEST_F(DeleteTest, DeletesWhatItSaw) {
  daemon_.answers("DELETE /v1/bindings/web1-dns", kDeleted);
  const Finished run = vsctl({"delete", "binding", "web1-dns"});
  EXPECT_EQ(run.exit, 0) << run.err;
  EXPECT_EQ(run.out, "binding/web1-dns deleted\n");
  EXPECT_NE(daemon_.asked().back().headers.find("If-Match: \"41\"\r\n"), std::string::npos);
}

TEST_F(DeleteTest, UnderstandsAnAnswerWithoutABody) {
  daemon_.answers("DELETE /v1/bindings/web1-dns", Answer{.status = 204});
  EXPECT_EQ(vsctl({"delete", "bindings", "web1-dns"}).out, "binding/web1-dns deleted\n");
}

TEST_F(DeleteTest, ADryRunSaysSo) {
  daemon_.answers("DELETE /v1/bindings/web1-dns?dryRun=true", kDeleted);
  const Finished run = vsctl({"delete", "binding", "web1-dns", "--dry-run"});
  EXPECT_EQ(run.exit, 0) << run.err;
  EXPECT_EQ(run.out, "binding/web1-dns deleted (dry run)\n");
}

TEST_F(DeleteTest, SpeaksJsonAndYaml) {
  daemon_.answers("DELETE /v1/bindings/web1-dns", kDeleted);
  EXPECT_EQ(json::parse(vsctl({"delete", "binding", "web1-dns", "-o", "json"}).out), kDeleted);
  EXPECT_EQ(vsctl({"delete", "binding", "web1-dns", "-o", "yaml"}).out,
            "changes:\n  - action: deleted\n    kind: Binding\n    name: web1-dns\n"
            "decisionsChanged: []\nresourceVersion: 42\n");
}

TEST_F(DeleteTest, NoticesThatSomebodyWasFaster) {
  daemon_.refuses("DELETE /v1/bindings/web1-dns", 412,
                  {{"detail", "binding web1-dns is at version 43"}});
  const Finished run = vsctl({"delete", "binding", "web1-dns"});
  EXPECT_EQ(run.exit, 4);
  EXPECT_EQ(run.err, "vsctl: binding web1-dns is at version 43\n");
}

TEST_F(DeleteTest, NamesEveryoneWhoNeedsIt) {
  daemon_.answers("GET /v1/domains/web1", domain("web1"), "\"7\"");
  daemon_.refuses("DELETE /v1/domains/web1", 409,
                  {{"detail", "domain web1: 1 object refers to it"},
                   {"errors", {{{"pointer", ""}, {"message", "binding web1-dns refers to it"}}}}});
  const Finished run = vsctl({"delete", "domain", "web1"});
  EXPECT_EQ(run.exit, 4);
  EXPECT_EQ(run.err, "binding web1-dns refers to it\nvsctl: domain web1: 1 object refers to it\n");
}

TEST_F(DeleteTest, DoesNotAskForWhatIsNotThere) {
  EXPECT_EQ(vsctl({"delete", "domain", "web9"}).exit, 3);
  EXPECT_EQ(daemon_.lines(), std::vector<std::string>{"GET /v1/domains/web9"});
  EXPECT_EQ(vsctl({"delete", "domain", ""}).exit, 2);
}

}  // namespace
}  // namespace vs::ctl::test
