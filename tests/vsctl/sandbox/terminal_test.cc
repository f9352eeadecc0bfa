// A person's terminal in front of a sandbox: keys, job control, and that nothing types into it.
#include <pty.h>
#include <sys/wait.h>
#include <termios.h>

#include <csignal>

#include "tests/vsctl/sandbox/sandbox_test.h"

namespace vs::ctl::test {
namespace {

// A program that leads a session of its own on a new terminal.
class OnTerminal {
 public:
  explicit OnTerminal(const std::vector<std::string>& command) {
    std::vector<char*> arguments;
    arguments.reserve(command.size() + 1);
    for (const std::string& argument : command)
      arguments.push_back(const_cast<char*>(argument.c_str()));
    arguments.push_back(nullptr);
    int master = -1;
    pid_ = ::forkpty(&master, nullptr, nullptr, nullptr);
    VS_CHECK(pid_ >= 0);
    if (pid_ == 0) {
      termios modes{};
      ::tcgetattr(0, &modes);
      modes.c_lflag &= ~static_cast<tcflag_t>(ECHO);
      modes.c_oflag &= ~static_cast<tcflag_t>(ONLCR);
      ::tcsetattr(0, TCSANOW, &modes);
      ::execvp(arguments[0], arguments.data());
      ::_exit(125);
    }
    master_.reset(master);
  }
  ~OnTerminal() {
    if (pid_ < 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  OnTerminal(const OnTerminal&) = delete;
  OnTerminal& operator=(const OnTerminal&) = delete;

  [[nodiscard]] pid_t pid() const { return pid_; }
  void type(const std::string& keys) const {
    VS_CHECK(::write(master_.get(), keys.data(), keys.size()) == static_cast<ssize_t>(keys.size()));
  }
  std::string read_line() const {
    std::string line;
    char c = 0;
    while (::read(master_.get(), &c, 1) == 1) {
      line += c;
      if (c == '\n') break;
    }
    return line;
  }
  int wait() {
    int status = 0;
    VS_CHECK(::waitpid(std::exchange(pid_, -1), &status, 0) > 0);
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  }

 private:
  pid_t pid_ = -1;
  UniqueFd master_;
};

class TerminalTest : public SandboxTest {
 protected:
  // A shell that runs `script`, in which "$@" is a guest's command.
  [[nodiscard]] std::vector<std::string> in_shell(const std::string& script,
                                                  const std::vector<std::string>& command) const {
    std::vector<std::string> whole{"sh", "-c", script, "sh"};
    for (const std::string& word : run_command(command)) whole.push_back(word);
    return whole;
  }
};

TEST_F(TerminalTest, IsTheCommandsToo) {
  OnTerminal run(run_command(
      {"sh", "-c", "test -t 0 && test -t 1 && echo ready; read x; echo \"read $x\" > /dev/tty"}));
  EXPECT_EQ(run.read_line(), "ready\n");
  run.type("hello\n");
  EXPECT_EQ(run.read_line(), "read hello\n");
  EXPECT_EQ(run.wait(), 0);
}

// The terminal tells all three of vsctl, the guest's first process and the command. Were it passed
// on as well, the command would hear it up to three times; USR1 comes behind whatever was passed on
// before it.
TEST_F(TerminalTest, TheInterruptKeyReachesTheCommandOnce) {
  constexpr int kKeys = 20;
  OnTerminal run(
      run_command({"perl", "-e", R"($| = 1; $n = 0; $SIG{INT} = sub { $n++; print "key\n" };
      $SIG{USR1} = sub { print "$n\n"; exit 7 }; print "ready\n"; select(undef, undef, undef, 0.05) while 1)"}));
  ASSERT_EQ(run.read_line(), "ready\n");
  for (int i = 0; i < kKeys; ++i) {
    run.type("\x03");
    ASSERT_EQ(run.read_line(), "key\n");
  }
  ASSERT_EQ(::kill(run.pid(), SIGUSR1), 0);
  EXPECT_EQ(run.read_line(), std::to_string(kKeys) + "\n");
  EXPECT_EQ(run.wait(), 7);
}

TEST_F(TerminalTest, TheInterruptKeyReachesACommandThatLeftTheForeground) {
  OnTerminal run(
      run_command({"perl", "-MPOSIX", "-e",
                   R"($| = 1; setpgid(0, 0) or die; $SIG{INT} = sub { print "key\n"; exit 7 };
      print "ready\n"; select(undef, undef, undef, 0.05) while 1)"}));
  ASSERT_EQ(run.read_line(), "ready\n");
  run.type("\x03");
  EXPECT_EQ(run.read_line(), "key\n");
  EXPECT_EQ(run.wait(), 7);
}

TEST_F(TerminalTest, TheInterruptKeyEndsWhatDoesNotListen) {
  OnTerminal run(run_command({"sh", "-c", "echo ready; exec sleep 1000"}));
  ASSERT_EQ(run.read_line(), "ready\n");
  run.type("\x03");
  EXPECT_EQ(run.wait(), 128 + SIGINT);
}

// TIOCSTI, TIOCLINUX, and TIOCSTI with rubbish in the upper half, where the kernel does not look;
// then TIOCGWINSZ.
TEST_F(TerminalTest, NothingInsideCanTypeIntoIt) {
  OnTerminal run(run_command({"perl", "-e", R"(
      for my $request (0x5412, 0x541c, 0xdeadbeef00005412) {
        my $key = "x"; print ioctl(STDIN, $request, $key) ? "typed" : "$!", "\n";
      }
      my $size = "\0" x 8; print ioctl(STDIN, 0x5413, $size) ? "sized" : "$!", "\n")"}));
  for (int i = 0; i < 3; ++i) EXPECT_EQ(run.read_line(), "Operation not permitted\n");
  EXPECT_EQ(run.read_line(), "sized\n");
  EXPECT_EQ(run.wait(), 0);
}

TEST_F(TerminalTest, IsGivenBackWhenAShellInsideTookIt) {
  OnTerminal run(in_shell("\"$@\"; read x && echo \"read $x\"", {"perl", "-MPOSIX", "-e", R"(
      $SIG{TTOU} = 'IGNORE'; setpgid(0, 0); tcsetpgrp(0, $$) or die "tcsetpgrp: $!";
      $| = 1; print "taken\n")"}));
  EXPECT_EQ(run.read_line(), "taken\n");
  run.type("hello\n");
  EXPECT_EQ(run.read_line(), "read hello\n");
  EXPECT_EQ(run.wait(), 0);
}

TEST_F(TerminalTest, AnInteractiveShellHasJobControl) {
  OnTerminal run(run_command({"bash", "--norc", "--noprofile", "-i"},
                             {"--env", "PS1=", "--env", "HISTFILE="}));
  run.type("set -m; sleep 1000 & kill %1 && wait %1; echo status $?; exit 5\n");
  std::string line;
  do line = run.read_line();  // what was typed comes back first
  while (!line.empty() && line.find("status 1") == std::string::npos);
  EXPECT_NE(line.find("status 143"), std::string::npos) << line;
  EXPECT_EQ(run.wait(), 5);
}

TEST_F(TerminalTest, NewTerminalsCanBeOpenedInside) {
  OnTerminal run(run_command({"perl", "-e", R"(
      open(my $master, "+<", "/dev/ptmx") or die "ptmx: $!";
      my $number = pack("i", 0); ioctl($master, 0x80045430, $number) or die;  # TIOCGPTN
      $| = 1; print -c "/dev/pts/" . unpack("i", $number) ? "there\n" : "none\n")"}));
  EXPECT_EQ(run.read_line(), "there\n");
}

}  // namespace
}  // namespace vs::ctl::test
