#include <sstream>

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
                                                    {"get", "domains", "--color", "red"},
                                                    {"get", "domains", "--host", "http://n1", "--token-file", "/dev/null"},
                                                    {"get", "domains", "--host", "https://n1", "--token-file", "/nowhere"},
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
                                                    {"completion", "tcsh"},
                                                    {"version", "x"}};
  for (const auto& arguments : wrong) {
    const Finished run = vsctl(arguments);
    const std::string shown = testing::PrintToString(arguments);
    EXPECT_EQ(run.exit, 2) << shown;
    EXPECT_EQ(run.out, "") << shown;
    EXPECT_TRUE(run.err.starts_with("vsctl: ")) << shown << run.err;
  }
}

// The names under "Subcommands:" in a help text.
std::vector<std::string> verbs_in(const std::string& help) {
  std::vector<std::string> verbs;
  const std::size_t at = help.find("\nSubcommands:\n");
  if (at == std::string::npos) return verbs;
  std::istringstream lines(help.substr(at + 14));
  for (std::string line; std::getline(lines, line) && line.starts_with("  ");)
    if (line[2] != ' ') verbs.push_back(line.substr(2, line.find(' ', 2) - 2));
  return verbs;
}

TEST_F(UsageTest, EveryVerbSaysWhatItDoesWithAnExampleAndWhereTheRestIs) {
  std::vector<std::vector<std::string>> left{{}};
  std::size_t seen = 0;
  while (!left.empty()) {
    std::vector<std::string> words = std::move(left.back());
    left.pop_back();
    std::vector<std::string> asked = words;
    asked.emplace_back("--help");
    const Finished run = vsctl(asked);
    const std::string shown = testing::PrintToString(words);
    EXPECT_EQ(run.exit, 0) << shown;
    EXPECT_EQ(run.err, "") << shown;
    if (!words.empty()) {
      ++seen;
      EXPECT_TRUE(std::isupper(static_cast<unsigned char>(run.out[0])) != 0 && run.out.find(".\n") < 100) << run.out;
      EXPECT_TRUE(run.out.find("\nExample:\n  ") != std::string::npos ||
                  run.out.find("\nExamples:\n  ") != std::string::npos)
          << shown << run.out;
      EXPECT_NE(run.out.find("all exit codes: vsctl --help\n"), std::string::npos) << shown;
    }
    for (const std::string& verb : verbs_in(run.out)) {
      left.push_back(words);
      left.back().push_back(verb);
    }
  }
  EXPECT_GT(seen, 35U);
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

TEST_F(UsageTest, AHostIsSpokenToOverTlsOnly) {
  const Finished run = run_process({VS_VSCTL, "--host", "http://127.0.0.1:1", "get", "domains"});
  EXPECT_EQ(run.exit, 2);
  EXPECT_EQ(run.err, "vsctl: host http://127.0.0.1:1: only https:// is spoken\n");
}

TEST_F(UsageTest, VerboseNamesEachRequestAndDebugShowsItAll) {
  daemon_.answers("GET /v1/domains", list_of({}));
  EXPECT_NE(vsctl({"get", "domains", "-v"}).err.find("vsctl: GET /v1/domains -> 200, "), std::string::npos);
  const Finished run = vsctl({"get", "domains", "--debug"});
  EXPECT_NE(run.err.find("> GET /v1/domains HTTP/1.1\n"), std::string::npos) << run.err;
  EXPECT_NE(run.err.find("< HTTP/1.1 200 Said\n"), std::string::npos) << run.err;
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
