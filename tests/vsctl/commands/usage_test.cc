#include "tests/vsctl/cli_test.h"

namespace vs::ctl::test {
namespace {

using nlohmann::json;

class UsageTest : public CliTest {};

TEST_F(UsageTest, HelpShowsTheExitCodes) {
  const Finished run = run_process({VS_VSCTL, "--help"});
  EXPECT_EQ(run.exit, 0);
  for (const char* line :
       {"  2   wrong usage, or invalid input\n",
        "  6   the daemon cannot be reached, or cannot serve now\n",
        "  70  a fault of the daemon, of vsctl or of the node\n", "VSCTL_SOCKET"})
    EXPECT_NE(run.out.find(line), std::string::npos) << line;
}

TEST_F(UsageTest, EveryVerbSaysWhatItDoesWithAnExample) {
  for (const char* verb : {"apply", "get", "describe", "delete", "explain", "run", "metrics",
                           "version", "completion"}) {
    const Finished run = run_process({VS_VSCTL, verb, "--help"});
    EXPECT_EQ(run.exit, 0) << verb;
    EXPECT_EQ(run.err, "") << verb;
    EXPECT_TRUE(std::isupper(static_cast<unsigned char>(run.out[0])) != 0 &&
                run.out.find(".\n") < 100)
        << run.out;
    EXPECT_NE(run.out.find("Example:\n  "), std::string::npos) << run.out;
    EXPECT_NE(run.out.find(std::string("vsctl ") + verb), std::string::npos) << run.out;
  }
}

TEST_F(UsageTest, VersionNeedsNoDaemon) {
  const Finished run = run_process({VS_VSCTL, "--version"});
  EXPECT_EQ(run.exit, 0);
  EXPECT_EQ(run.out, "vsctl " VS_VERSION "\n");
}

TEST_F(UsageTest, WrongUsageIsExitTwoAndGoesToStandardError) {
  const std::vector<std::vector<std::string>> wrong{{},
                                                    {"frobnicate"},
                                                    {"get"},
                                                    {"get", "domains", "web1", "web2"},
                                                    {"get", "domains", "--nonsense"},
                                                    {"get", "domains", "-o", "xml"},
                                                    {"get", "domains", "--timeout", "soon"},
                                                    {"get", "domains", "--timeout", "0s"},
                                                    {"get", "domains", "--", "x"},
                                                    {"apply"},
                                                    {"apply", "-f"},
                                                    {"describe", "domain"},
                                                    {"delete", "domain"},
                                                    {"explain", "web1"},
                                                    {"run"},
                                                    {"run", "web1"},
                                                    {"run", "web1", "--"},
                                                    {"run", "web1", "id"},
                                                    {"run", "--", "id"},
                                                    {"run", "web1", "--env", "NOVALUE", "--", "id"},
                                                    {"completion", "fish"},
                                                    {"version", "x"}};
  for (const auto& arguments : wrong) {
    const Finished run = vsctl(arguments);
    const std::string shown = testing::PrintToString(arguments);
    EXPECT_EQ(run.exit, 2) << shown;
    EXPECT_EQ(run.out, "") << shown;
    EXPECT_TRUE(run.err.starts_with("vsctl: ")) << shown << run.err;
  }
}

TEST_F(UsageTest, GlobalOptionsMayStandAnywhere) {
  daemon_.answers("GET /v1/domains", list_of({}));
  EXPECT_EQ(vsctl({"-o", "json", "--timeout", "5s", "get", "domains"}).out,
            vsctl({"get", "domains", "-o", "JSON"}).out);
}

TEST_F(UsageTest, TheEnvironmentNamesTheSocketUnlessTheOptionDoes) {
  daemon_.answers("GET /v1", json{{"version", "9.9.9"}});
  EXPECT_EQ(run_process({VS_VSCTL, "version"}, "", {"VSCTL_SOCKET=" + daemon_.socket_path()}).exit,
            0);
  EXPECT_EQ(run_process({VS_VSCTL, "version", "--socket", daemon_.socket_path()}, "",
                        {"VSCTL_SOCKET=/nonexistent"})
                .exit,
            0);
  EXPECT_EQ(run_process({VS_VSCTL, "version"}, "", {"VSCTL_SOCKET=/nonexistent"}).exit, 6);
}

TEST_F(UsageTest, ASilentDaemonIsATimeout) {
  daemon_.keeps_silent_on("GET /v1/domains");
  const Finished run = vsctl({"get", "domains", "--timeout", "100ms"});
  EXPECT_EQ(run.exit, 7);
  EXPECT_EQ(run.err, "vsctl: no answer from " + daemon_.socket_path() + " within 100 ms\n");
}

TEST_F(UsageTest, IgnoresProxies) {
  daemon_.answers("GET /v1/domains", list_of({}));
  const Finished run =
      run_process({VS_VSCTL, "--socket", daemon_.socket_path(), "get", "domains"}, "",
                  {"http_proxy=http://127.0.0.1:1", "ALL_PROXY=http://127.0.0.1:1"});
  EXPECT_EQ(run.exit, 0) << run.err;
}

}  // namespace
}  // namespace vs::ctl::test
