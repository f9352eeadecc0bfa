// `vsctl run` as a command among commands: words in, bytes through, status out.
#include <filesystem>

#include "tests/vsctl/sandbox/sandbox_test.h"

namespace vs::ctl::test {
namespace {

using nlohmann::json;

class RunTest : public SandboxTest {};

TEST_F(RunTest, PassesEveryWordOnUnharmed) {
  const std::vector<std::string> words{"[a,b]", "{}",  "",   "--",         "-o", "json",
                                       "run",   "a b", "%%", "--socket=x", "\"", "$HOME"};
  std::vector<std::string> command{"printf", "<%s>\\n"};
  std::string expected;
  for (const std::string& word : words) {
    command.push_back(word);
    expected += "<" + word + ">\n";
  }
  EXPECT_EQ(inside(command).out, expected);
}

TEST_F(RunTest, PassesStandardStreamsThrough) {
  const Finished run = inside({"sh", "-c", "cat; echo oops >&2"}, "one\ntwo\n");
  EXPECT_EQ(run.out, "one\ntwo\n");
  EXPECT_EQ(run.err, "oops\n");
}

TEST_F(RunTest, StandardStreamsCanBeOpenedByTheirNames) {
  const Finished run =
      inside({"sh", "-c", "cat /dev/stdin > /dev/stdout; echo oops > /dev/stderr"}, "one\n");
  EXPECT_EQ(run.out, "one\n") << run.err;
  EXPECT_EQ(run.err, "oops\n");
}

TEST_F(RunTest, EndsAsTheCommandDoes) {
  EXPECT_EQ(shell("exit 0").exit, 0);
  EXPECT_EQ(shell("exit 42").exit, 42);
  EXPECT_EQ(shell("exit 255").exit, 255);
  EXPECT_EQ(shell("kill -TERM $$").exit, 128 + SIGTERM);
  EXPECT_EQ(shell("kill -KILL $$").exit, 128 + SIGKILL);
}

TEST_F(RunTest, ACommandThatCannotRunIsToldAsShellsDo) {
  const Finished missing = inside({"no-such-command"});
  EXPECT_EQ(missing.exit, 127);
  EXPECT_EQ(missing.err, "vsctl: no-such-command: command not found\n");
  EXPECT_EQ(inside({"/no/such/path"}).exit, 127);
  EXPECT_EQ(inside({"/etc/passwd"}).exit, 126);
  EXPECT_EQ(inside({"/etc"}).exit, 126);
}

TEST_F(RunTest, FindsCommandsInTheGuestsPath) {
  EXPECT_EQ(run_process(run_command({"true"}, {"--env", "PATH=/nonexistent"})).exit, 127);
  EXPECT_EQ(run_process(run_command({"true"}, {"--env", "PATH=/nonexistent:/usr/bin"})).exit, 0);
}

TEST_F(RunTest, GivesTheCommandItsEnvironment) {
  const Finished run = run_process(
      run_command({"sh", "-c", "echo $HOME $LD_LIBRARY_PATH $A $B ${VSERVICE_DIRECTORY-unset}"},
                  {"--env", "A=[x]", "--env", "B=c=d"}),
      "", {"VSERVICE_DIRECTORY=/elsewhere", "LD_LIBRARY_PATH=/mine"});
  EXPECT_EQ(run.out, "/tmp /run/vservice-lib:/mine [x] c=d unset\n") << run.err;
}

TEST_F(RunTest, StaysInADirectoryThatTheGuestSees) {
  EXPECT_EQ(run_process(run_command({"pwd"}), "", {}, "/usr/bin").out, "/usr/bin\n");
  EXPECT_EQ(run_process(run_command({"pwd"}), "", {}, directory_.path()).out,
            "/\n");  // the daemon's: hidden
  EXPECT_EQ(run_process(run_command({"pwd"}), "", {}, "/run").out,
            "/\n");  // the guest's own is another
}

TEST_F(RunTest, FindsItsLibrariesWhereNoGuestCouldGo) {
  EXPECT_EQ(shell("cd /run/vservice-lib && ls && test -r libnss_vservice.so.2 && ! : > "
                  "libnss_vservice.so.2")
                .out,
            "libnss_vservice.so.2\nlibvservice.so.1\n");
}

TEST_F(RunTest, KnowsDomainsByTheDaemon) {
  const Finished run =
      run_process({vsctl_, "--socket", daemon_.socket_path(), "run", "web9", "--", "true"});
  EXPECT_EQ(run.exit, 3);
  EXPECT_EQ(run.err, "vsctl: GET /v1/domains/web9: nothing there\n");
}

TEST_F(RunTest, SaysWhenADomainHasNoSocketsYet) {
  json idle = domain("idle");
  idle["status"] = {{"state", "Pending"}, {"message", "not bound"}};
  daemon_.answers("GET /v1/domains/idle", idle);
  const Finished run =
      run_process({vsctl_, "--socket", daemon_.socket_path(), "run", "idle", "--", "true"});
  EXPECT_EQ(run.exit, 6);
  EXPECT_EQ(run.err,
            "vsctl: domain idle has no sockets yet: it is Pending: not bound; is it bound to a "
            "service?\n");

  idle["status"] = {{"socketDirectory", directory_.path() + "/none"}};
  daemon_.answers("GET /v1/domains/lost", idle);
  EXPECT_EQ(
      run_process({vsctl_, "--socket", daemon_.socket_path(), "run", "lost", "--", "true"}).exit,
      6);
}

TEST_F(RunTest, RunsNothingWhenItCannotIsolate) {
  const Finished run = run_process(run_command({"echo", "ran"}, {"--hide", "/usr"}));
  EXPECT_EQ(run.exit, 2);
  EXPECT_EQ(run.out, "");
  EXPECT_EQ(run.err,
            "vsctl: guests must not see /usr, but need /usr: what is to be hidden needs a "
            "directory of its own\n");
}

// A kernel that gives no more namespaces is one of many reasons; this one can be had without harm.
TEST_F(RunTest, SaysWhatTheKernelRefuses) {
  ASSERT_EQ(::geteuid(), 0u) << "limiting a user namespace's namespaces needs one: run the tests as root";
  const std::string script = "echo 0 > /proc/sys/user/max_net_namespaces && exec \"$@\"";
  std::vector<std::string> command{"unshare", "-Ur", "sh", "-c", script, "sh"};
  for (const std::string& word : run_command({"echo", "ran"})) command.push_back(word);
  const Finished run = run_process(command);
  EXPECT_EQ(run.exit, 70);
  EXPECT_EQ(run.out, "");
  EXPECT_EQ(
      run.err,
      "vsctl: sandbox: make mount, network, ipc and uts namespaces: No space left on device\n");
}

TEST_F(RunTest, ManyGuestsRunAtOnce) {
  std::vector<std::unique_ptr<Process>> guests;
  for (int i = 0; i < 8; ++i)
    guests.push_back(std::make_unique<Process>(
        run_command({"sh", "-c", "hostname > /tmp/mine; cat; cat /tmp/mine"})));
  for (auto& guest : guests) {
    guest->write("x\n");
    const Finished run = guest->finish();
    EXPECT_EQ(run.exit, 0) << run.err;
    EXPECT_EQ(run.out, "x\nweb1\n");
  }
}

}  // namespace
}  // namespace vs::ctl::test
