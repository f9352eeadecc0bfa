#include "tests/vsctl/cli_test.h"

namespace vs::ctl::test {
namespace {

using nlohmann::json;

class VersionTest : public CliTest {};

TEST_F(VersionTest, NamesBothSides) {
  daemon_.answers("GET /v1", json{{"name", "vsmgrd"}, {"version", "9.9.9"}});
  const Finished run = vsctl({"version"});
  EXPECT_EQ(run.exit, 0) << run.err;
  EXPECT_EQ(run.out, "vsctl " VS_VERSION "\nvsmgrd 9.9.9\n");
  EXPECT_EQ(json::parse(vsctl({"version", "-o", "json"}).out),
            (json{{"client", {{"version", VS_VERSION}}},
                  {"daemon", {{"name", "vsmgrd"}, {"version", "9.9.9"}}}}));
}

TEST_F(VersionTest, KnowsItsOwnWithoutADaemon) {
  const std::string nowhere = directory_.path() + "/none.sock";
  const Finished run = run_process({VS_VSCTL, "--socket", nowhere, "version"});
  EXPECT_EQ(run.exit, 6);
  EXPECT_EQ(run.out, "vsctl " VS_VERSION "\n");
  EXPECT_EQ(run.err, "vsctl: cannot reach vsmgrd at " + nowhere +
                         ": No such file or directory: is it running?\n");
}

TEST_F(VersionTest, SaysWhenItsAnswerIsLost) {
  daemon_.answers("GET /v1", json{{"version", "9.9.9"}});
  const Finished run = run_process(
      {"sh", "-c", R"("$0" --socket "$1" version > /dev/full)", VS_VSCTL, daemon_.socket_path()});
  EXPECT_EQ(run.exit, 70);
  EXPECT_EQ(run.err, "vsctl: cannot write to standard output\n");
}

}  // namespace
}  // namespace vs::ctl::test
