// Who lives as long as whom: vsctl, the guest's first process, the command, and what it leaves
// behind.
#include <csignal>

#include "tests/vsctl/sandbox/sandbox_test.h"

namespace vs::ctl::test {
namespace {

class LifetimeTest : public SandboxTest {
 protected:
  // Prints a line when it gets `signal`, and ends with 42.
  static std::vector<std::string> waiter(const char* signal) {
    return {"perl", "-e",
            std::string("$| = 1; $SIG{") + signal + "} = sub { print \"got " + signal +
                "\\n\"; exit 42 }; print \"ready\\n\"; select(undef, undef, undef, 0.05) while 1"};
  }
};

// Standard output ends when the last process that holds it does.
TEST_F(LifetimeTest, TheGuestDiesWithVsctl) {
  Process run(run_command({"sh", "-c", "sleep 1000 & echo ready; exec sleep 1000"}));
  ASSERT_EQ(run.read_line(), "ready\n");
  ASSERT_EQ(::kill(run.pid(), SIGKILL), 0);
  EXPECT_EQ(run.read_to_end(), "");
  EXPECT_EQ(run.finish().exit, 128 + SIGKILL);
}

TEST_F(LifetimeTest, WhatTheCommandLeavesBehindEndsWithIt) {
  Process run(run_command({"sh", "-c", "setsid sleep 1000 & echo done; exit 3"}));
  EXPECT_EQ(run.read_to_end(), "done\n");
  EXPECT_EQ(run.finish().exit, 3);
}

TEST_F(LifetimeTest, OrphansAreReaped) {
  // The shell's child leaves a child behind, which ends: it becomes the first process', and must
  // not stay as a zombie.
  const Finished run = inside({"perl", "-e", R"(
      pipe(my $read, my $write);
      if (!fork) { if (!fork) { close $read; exit 0 } exit 0 }
      wait; close $write; sysread($read, my $end, 1);
      1 while grep { m{/([0-9]+)/} && $1 > 2 } glob("/proc/[0-9]*/");
      print "reaped")"});
  EXPECT_EQ(run.out, "reaped") << run.err;
}

class PassedSignalTest : public LifetimeTest,
                         public testing::WithParamInterface<std::pair<const char*, int>> {};

TEST_P(PassedSignalTest, ReachesTheCommand) {
  const auto& [name, signal] = GetParam();
  Process run(run_command(waiter(name)));
  ASSERT_EQ(run.read_line(), "ready\n");
  ASSERT_EQ(::kill(run.pid(), signal), 0);
  const Finished finished = run.finish();
  EXPECT_EQ(finished.exit, 42);
  EXPECT_EQ(finished.out, std::string("got ") + name + "\n");
}

INSTANTIATE_TEST_SUITE_P(Signals, PassedSignalTest,
                         testing::Values(std::pair("HUP", SIGHUP), std::pair("INT", SIGINT),
                                         std::pair("QUIT", SIGQUIT), std::pair("TERM", SIGTERM),
                                         std::pair("USR1", SIGUSR1), std::pair("USR2", SIGUSR2)),
                         [](const auto& row) { return row.param.first; });

TEST_F(LifetimeTest, AnUnheardSignalEndsTheCommand) {
  Process run(run_command({"sh", "-c", "echo ready; exec sleep 1000"}));
  ASSERT_EQ(run.read_line(), "ready\n");
  ASSERT_EQ(::kill(run.pid(), SIGTERM), 0);
  EXPECT_EQ(run.finish().exit, 128 + SIGTERM);
}

TEST_F(LifetimeTest, ACallerThatIgnoresItsChildrenStillGetsTheStatus) {
  std::vector<std::string> command{"perl", "-e", "$SIG{CHLD} = 'IGNORE'; exec @ARGV"};
  for (const std::string& word : run_command({"sh", "-c", "exit 42"})) command.push_back(word);
  EXPECT_EQ(run_process(command).exit, 42);
}

TEST_F(LifetimeTest, TheCommandsSignalsAreAsTheCallersWere) {
  const Finished run = shell("grep -E '^Sig(Blk|Ign)' /proc/self/status");
  const Finished outside = run_process({"sh", "-c", "grep -E '^Sig(Blk|Ign)' /proc/self/status"});
  EXPECT_EQ(run.out, outside.out);
}

}  // namespace
}  // namespace vs::ctl::test
