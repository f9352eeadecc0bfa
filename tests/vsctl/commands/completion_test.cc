#include "tests/vsctl/cli_test.h"

namespace vs::ctl::test {
namespace {

// What bash offers when the cursor stands behind `words`, one a line. vsctl is found by its name,
// as users type it.
class CompletionTest : public CliTest {
 protected:
  Finished bash_offers(const std::vector<std::string>& words) const {
    std::string list;
    for (const std::string& word : words) list += " '" + word + "'";
    const std::string script =
        "source <(vsctl completion bash) || exit 9\n"
        "COMP_WORDS=(vsctl" +
        list + "); COMP_CWORD=" + std::to_string(words.size()) +
        "\n"
        "_vsctl\nprintf '%s\\n' \"${COMPREPLY[@]}\"\n";
    return run_process({"bash", "-c", script}, "", {path_, "VSCTL_SOCKET=" + daemon_.socket_path()},
                       directory_.path());
  }

  const std::string path_ =
      "PATH=" + std::filesystem::path(VS_VSCTL).parent_path().native() + ":" + std::getenv("PATH");
};

TEST_F(CompletionTest, BashCompletesVerbsKindsAndNames) {
  daemon_.answers("GET /v1/domains", list_of({domain("web1"), domain("web2")}));
  EXPECT_EQ(bash_offers({"ge"}).out, "get\n");
  EXPECT_EQ(bash_offers({"get", ""}).out, "bindings\nbuffers\ndomains\nmigrations\nnodes\noperations\npeers\nplacements\npolicies\nservices\nsharing-policies\nslas\ntokens\nwarnings\n");
  EXPECT_EQ(bash_offers({"get", "domains", "web"}).out, "web1\nweb2\n");
  EXPECT_EQ(bash_offers({"explain", "w"}).out, "web1\nweb2\n");
  EXPECT_EQ(bash_offers({"get", "domains", "--output", "=", "y"}).out, "yaml\n");
}

TEST_F(CompletionTest, BashCompletesFilesAndCommandsItself) {
  directory_.write("demo.yaml", "");
  EXPECT_EQ(bash_offers({"apply", "-f", "dem"}).out, "demo.yaml\n");
  EXPECT_NE(bash_offers({"run", "web1", "--", "vsct"}).out.find("vsctl\n"), std::string::npos);
}

TEST_F(CompletionTest, ADaemonThatHangsCostsNoMoreThanItsNames) {
  daemon_.keeps_silent_on("GET /v1/domains");
  const Finished run = bash_offers({"get", "domains", ""});
  EXPECT_EQ(run.exit, 0);
  EXPECT_EQ(run.out, "\n");
  EXPECT_EQ(run.err, "");
}

TEST_F(CompletionTest, TheSocketOfTheCommandLineIsAsked) {
  daemon_.answers("GET /v1/services", list_of({object("Service", "dns", {}, {})}));
  const Finished run =
      run_process({VS_VSCTL, "__complete", "--socket", daemon_.socket_path(), "get", "svc", ""}, "",
                  {"VSCTL_SOCKET=/nonexistent"});
  EXPECT_EQ(run.exit, 0);
  EXPECT_EQ(run.out, "dns\n");
}

TEST_F(CompletionTest, NoHalfTypedLineIsAnError) {
  for (const std::vector<std::string>& words : {std::vector<std::string>{},
                                                {""},
                                                {"-"},
                                                {"--"},
                                                {"get", "--", ""},
                                                {"get", "-o"},
                                                {"[", "]"},
                                                {"apply", "-f"}}) {
    std::vector<std::string> command{VS_VSCTL, "__complete"};
    command.insert(command.end(), words.begin(), words.end());
    const Finished run = run_process(command, "", {"VSCTL_SOCKET=/nonexistent"});
    EXPECT_EQ(run.exit, 0) << testing::PrintToString(words);
    EXPECT_EQ(run.err, "") << testing::PrintToString(words);
  }
}

// compdef, compadd and the like exist only inside zsh's completion system: these stand in for them
// and write down their calls.
TEST_F(CompletionTest, ZshCompletesTheSame) {
  ASSERT_EQ(run_process({"sh", "-c", "command -v zsh"}).exit, 0) << "packaging/packages.txt has it";
  daemon_.answers("GET /v1/domains", list_of({domain("web1"), domain("web2")}));
  const auto zsh_offers = [this](const std::string& words) {
    const std::string script =
        "compdef() { print -r -- \"compdef $*\" }\n"
        "compadd() { print -rl -- ${(P)2} }\n"
        "_files() { print files }\n_command_names() { print commands }\n"
        "source <(vsctl completion zsh)\nwords=(vsctl " +
        words + "); CURRENT=$#words; _vsctl\n";
    return run_process({"zsh", "-f", "-c", script}, "",
                       {path_, "VSCTL_SOCKET=" + daemon_.socket_path()})
        .out;
  };
  EXPECT_EQ(zsh_offers("get domains ''"), "compdef _vsctl vsctl\nweb1\nweb2\n");
  EXPECT_EQ(zsh_offers("apply -f ''"), "compdef _vsctl vsctl\nfiles\n");
  EXPECT_EQ(zsh_offers("run web1 -- ''"), "compdef _vsctl vsctl\ncommands\n");
}

TEST_F(CompletionTest, FishCompletesTheSame) {
  ASSERT_EQ(run_process({"sh", "-c", "command -v fish"}).exit, 0) << "packaging/packages.txt has it";
  daemon_.answers("GET /v1/domains", list_of({domain("web1"), domain("web2")}));
  directory_.write("demo.yaml", "");
  const auto fish_offers = [this](const std::string& line) {
    return run_process({"fish", "--no-config", "-c", "vsctl completion fish | source; complete -C'vsctl " + line + "'"}, "",
                       {path_, "VSCTL_SOCKET=" + daemon_.socket_path(), "HOME=" + directory_.path()},
                       directory_.path())
        .out;
  };
  EXPECT_EQ(fish_offers("get domains w"), "web1\nweb2\n");
  EXPECT_EQ(fish_offers("ge"), "get\n");
  EXPECT_EQ(fish_offers("apply -f dem"), "demo.yaml\n");
  EXPECT_NE(fish_offers("run web1 -- vsct").find("vsctl"), std::string::npos);
}

}  // namespace
}  // namespace vs::ctl::test
