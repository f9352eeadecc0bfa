// `vsctl run` by a user who is not root: less of an identity, the same isolation.
#include <sys/stat.h>

#include <filesystem>

#include "tests/vsctl/sandbox/sandbox_test.h"

namespace vs::ctl::test {
namespace {

namespace fs = std::filesystem;

constexpr const char* kUser = "54321";  // nobody's number

class UnprivilegedTest : public SandboxTest {
 protected:
  void SetUp() override {
    ASSERT_EQ(::geteuid(), 0u) << "only root can become another user: run the tests as root";
    ASSERT_EQ(as_user({"unshare", "-Ur", "true"}).exit, 0)
        << "this kernel lets no user make a user namespace: vsctl run is for root alone here";
    // The build's own place may be closed to other users.
    fs::copy(VS_GUEST_TREE, tree_, fs::copy_options::recursive);
    ASSERT_EQ(::chmod(directory_.path().c_str(), 0755), 0);
  }

  static Finished as_user(const std::vector<std::string>& command) {
    std::vector<std::string> whole{"setpriv", "--reuid", kUser, "--regid", kUser, "--clear-groups"};
    whole.insert(whole.end(), command.begin(), command.end());
    return run_process(whole);
  }
  Finished shell_as_user(const std::string& script) const {
    return as_user({tree_ + "/bin/vsctl", "--socket", daemon_.socket_path(), "run", "web1", "--",
                    "sh", "-c", script});
  }

  const std::string tree_ = directory_.path() + "/tree";
};

TEST_F(UnprivilegedTest, IsRootInsideAndItselfOutside) {
  const Finished run =
      shell_as_user("id -u; cat /run/vservice/answer; echo; grep ^CapEff /proc/self/status");
  EXPECT_EQ(run.exit, 0) << run.err;
  EXPECT_EQ(run.out, "0\n192.0.2.7\nCapEff:\t0000000000000000\n");
}

TEST_F(UnprivilegedTest, HasTheSameIsolation) {
  EXPECT_EQ(shell_as_user("ls /run; ls -A /tmp /sys").out,
            "vservice\nvservice-etc\nvservice-lib\n/sys:\n\n/tmp:\n");
  EXPECT_EQ(
      shell_as_user("perl -MSocket -e 'socket(my $s, AF_INET, SOCK_DGRAM, 0);"
                    " connect($s, sockaddr_in(53, inet_aton(\"127.0.0.1\"))) or print \"$!\"'")
          .out,
      "Network is unreachable");
  EXPECT_EQ(shell_as_user("echo $$; cd /proc; echo [0-9]*").out, "2\n1 2\n");
  EXPECT_NE(shell_as_user("test -e " + daemon_.socket_path()).exit, 0);
  EXPECT_NE(shell_as_user("unshare -Ur true").exit, 0);
  EXPECT_EQ(shell_as_user("getent ahosts answer.test | head -n 1 | cut -d' ' -f1").out,
            "192.0.2.7\n");
}

// Inside it is the very user who owns the guest's own file systems and its first process:
// permissions alone protect neither.
TEST_F(UnprivilegedTest, CannotChangeWhatItOwns) {
  for (const char* place :
       {"/run", "/run/vservice", "/run/vservice-lib", "/run/vservice-etc", "/dev", "/sys"})
    EXPECT_NE(shell_as_user(std::string("touch ") + place + "/made").exit, 0) << place;
  EXPECT_NE(shell_as_user("echo x > /run/vservice-etc/nsswitch.conf").exit, 0);
  for (const char* file : {"environ", "maps", "mem"})
    EXPECT_NE(shell_as_user(std::string("cat /proc/1/") + file).exit, 0) << file;
  EXPECT_NE(shell_as_user("readlink /proc/1/exe").exit, 0);
}

TEST_F(UnprivilegedTest, CannotChangeFilesThatItOwnsOutside) {
  const std::string own = "/var/tmp/vsctl-unprivileged-" + std::to_string(::getpid());
  fs::create_directory(own);
  ASSERT_EQ(::chown(own.c_str(), 54321, 54321), 0);
  const Finished run =
      shell_as_user("test -e " + own + " && echo visible; touch /usr/made; exit 6");
  fs::remove_all(own);
  EXPECT_EQ(run.exit, 6);
  EXPECT_EQ(run.out, "");
}

}  // namespace
}  // namespace vs::ctl::test
