// From inside a sandbox: what a guest must not see, reach or change.
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <filesystem>
#include <iterator>
#include <set>
#include <sstream>

#include "tests/vsctl/sandbox/sandbox_test.h"
#include "vsctl/sandbox/mounts.h"

namespace vs::ctl::test {
namespace {

namespace fs = std::filesystem;

class IsolationTest : public SandboxTest {};

std::set<std::string> words(const std::string& text) {
  std::istringstream in(text);
  return {std::istream_iterator<std::string>(in), {}};
}

// Fallback tunnels come with the kernel's tunnel modules and cannot be had away; none is up, and no
// guest may raise one.
const std::set<std::string> kFallbackTunnels{"tunl0",    "gre0", "gretap0", "erspan0", "ip_vti0",
                                             "ip6_vti0", "sit0", "ip6tnl0", "ip6gre0"};

TEST_F(IsolationTest, TheNetworkIsALoopbackThatIsDown) {
  const Finished run = inside({"perl", "-MSocket", "-e", R"(
      open(my $devices, "<", "/proc/net/dev") or die;
      socket(my $socket, AF_INET, SOCK_DGRAM, 0) or die;
      for (<$devices>) {
        /^\s*([^\s:]+):/ or next;
        my $request = pack("Z16 s x22", $1, 0);
        ioctl($socket, 0x8913, $request) or die "flags of $1: $!";  # SIOCGIFFLAGS
        print "$1 ", (unpack("Z16 s", $request))[1] & 1, "\n";
      })"});
  ASSERT_EQ(run.exit, 0) << run.err;
  EXPECT_NE(run.out.find("lo 0\n"), std::string::npos) << run.out;
  std::istringstream lines(run.out);
  for (std::string name, up; lines >> name >> up;) {
    EXPECT_TRUE(name == "lo" || kFallbackTunnels.contains(name)) << name;
    EXPECT_EQ(up, "0") << name;
  }
}

// A build in a chroot is a usual way to try a program; the kernel makes no user namespace there.
TEST_F(IsolationTest, IsTheSameFromInsideAChroot) {
  ASSERT_EQ(::geteuid(), 0u) << "only root can make a chroot: run the tests as root";
  std::string command;
  for (const std::string& word : run_command({"sh", "-c", "cat /run/vservice/answer; ls -A / /run /sys"}))
    command += "'" + word + "' ";
  const std::string root = directory_.path() + "/root";
  const Finished run = run_process({"unshare", "--mount", "sh", "-ec",
                                    "mkdir " + root + "; mount -t tmpfs tmpfs " + root +
                                        "; for directory in /*; do test -d $directory || continue; mkdir -p " + root +
                                        "/inner$directory; mount --rbind $directory " + root +
                                        "/inner$directory; done; exec chroot " + root + "/inner " + command});
  const Finished outside = shell("cat /run/vservice/answer; ls -A / /run /sys");
  EXPECT_EQ(run.exit, 0) << run.err;
  EXPECT_EQ(outside.exit, 0) << outside.err;
  EXPECT_NE(run.out.find("192.0.2.7"), std::string::npos) << run.out;
  EXPECT_EQ(words(run.out).contains("inner"), false) << run.out;
}

TEST_F(IsolationTest, NothingCanBeReachedByAddress) {
  const Finished run = inside({"perl", "-MSocket", "-e", R"(
      for my $address ("127.0.0.1", "192.0.2.1", "192.0.0.9") {
        socket(my $socket, AF_INET, SOCK_DGRAM, 0) or die;
        print connect($socket, sockaddr_in(53, inet_aton($address))) ? "reached" : $!, "\n";
      })"});
  EXPECT_EQ(run.out, "Network is unreachable\nNetwork is unreachable\nNetwork is unreachable\n")
      << run.err;
}

TEST_F(IsolationTest, EveryNamespaceIsItsOwn) {
  for (const char* name : {"user", "mnt", "net", "pid", "ipc", "uts"}) {
    const std::string link = std::string("/proc/self/ns/") + name;
    const Finished run = inside({"readlink", link});
    EXPECT_TRUE(run.out.starts_with(std::string(name) + ":[")) << run.out << run.err;
    EXPECT_NE(run.out, fs::read_symlink(link).native() + "\n");
  }
}

TEST_F(IsolationTest, SeesNoProcessButItsOwn) {
  const Finished run = shell("echo $$; cd /proc; echo [0-9]*");
  EXPECT_EQ(run.out, "2\n1 2\n") << run.err;
}

TEST_F(IsolationTest, IsRootOfNothing) {
  EXPECT_EQ(shell("id -u; id -g; id -G").out, "0\n0\n0\n");
  EXPECT_EQ(words(shell("cat /proc/self/uid_map").out),
            words("0 " + std::to_string(::geteuid() == 0 ? expected_id() : 0) + " 1"));
  const Finished run = shell("grep -E '^(Cap|NoNewPrivs|Seccomp:)' /proc/self/status");
  EXPECT_EQ(run.out,
            "CapInh:\t0000000000000000\nCapPrm:\t0000000000000000\nCapEff:\t0000000000000000\n"
            "CapBnd:\t0000000000000000\nCapAmb:\t0000000000000000\nNoNewPrivs:\t1\nSeccomp:\t2\n");
}

// The node's own view of the guest: whom the kernel names to the backend behind a socket.
TEST_F(IsolationTest, ReachesItsDevicesAsAUserOfItsOwn) {
  sockaddr_un address{.sun_family = AF_UNIX};
  (sockets_ + "/dns").copy(address.sun_path, sizeof address.sun_path - 1);
  const UniqueFd listener(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
  ASSERT_EQ(::bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(::chmod(address.sun_path, 0666), 0);
  ASSERT_EQ(::listen(listener.get(), 1), 0);
  Process guest(run_command({"perl", "-MSocket", "-e", R"(
      socket(my $socket, AF_UNIX, SOCK_SEQPACKET, 0) or die;
      connect($socket, sockaddr_un("/run/vservice/dns")) or die "connect: $!";
      $| = 1; print "connected\n"; sysread(STDIN, my $wait, 1))"}));
  ASSERT_EQ(guest.read_line(), "connected\n") << guest.finish().err;
  const UniqueFd connection(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
  ucred peer{};
  socklen_t size = sizeof peer;
  ASSERT_EQ(::getsockopt(connection.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size), 0);
  EXPECT_EQ(peer.uid, expected_id());
  EXPECT_EQ(guest.finish().exit, 0);
}

TEST_F(IsolationTest, SeesItsDevicesAndNothingElseInRun) {
  EXPECT_EQ(words(shell("ls /run").out),
            (std::set<std::string>{"vservice", "vservice-etc", "vservice-lib"}));
  EXPECT_EQ(shell("ls /run/vservice; cat /run/vservice/answer").out, "answer\n192.0.2.7");
}

TEST_F(IsolationTest, CannotReachTheDaemonNorAnotherDomain) {
  for (const std::string& path :
       {daemon_.socket_path(), directory_.path() + "/domains/web2/secret", sockets_ + "/answer"}) {
    ASSERT_TRUE(fs::exists(path));
    EXPECT_EQ(inside({"test", "-e", path}).exit, 1) << path;
  }
  EXPECT_EQ(inside({"ls", "-A", "/var/lib/vservices"}).out, "");
}

// As above, but where nothing else hides them: neither in /run nor in /tmp.
TEST_F(IsolationTest, CannotReachThemWhereverTheyLie) {
  ASSERT_EQ(::geteuid(), 0u) << "mounting them elsewhere needs root: run the tests as root";
  nlohmann::json web1 = domain("web1");
  web1["status"]["socketDirectory"] = "/srv/web1";
  daemon_.answers("GET /v1/domains/moved", web1);
  const std::string script =
      R"(mount --bind "$1" /mnt && mount --bind "$1/domains" /srv || exit 9
      test -e /srv/web2/secret || exit 9
      exec "$0" --socket /mnt/vsmgrd.sock run moved -- sh -c 'ls -A /mnt /srv /run/vservice')";
  const Finished run =
      run_process({"unshare", "-m", "sh", "-c", script, vsctl_, directory_.path()});
  EXPECT_EQ(run.exit, 0) << run.err;
  EXPECT_EQ(run.out, "/mnt:\n\n/run/vservice:\nanswer\n\n/srv:\n");
}

TEST_F(IsolationTest, DoesNotSeeWhatIsToBeHidden) {
  const std::vector<std::string> look{"ls", "/usr/share"};
  ASSERT_NE(inside(look).out, "");
  const Finished run = run_process(run_command(look, {"--hide", "/usr/share"}));
  EXPECT_EQ(run.exit, 0) << run.err;
  EXPECT_EQ(run.out, "");
}

TEST_F(IsolationTest, ChangesNothingOnTheNode) {
  for (const char* place : {"/", "/etc", "/usr", "/run", "/run/vservice", "/run/vservice-lib",
                            "/dev", "/sys", "/etc/hosts"}) {
    const Finished run = shell(std::string("p=") + place +
                               "; test -d $p && p=$p/made-by-guest; echo x >> $p && echo changed");
    EXPECT_EQ(run.out, "") << place;
    EXPECT_NE(run.exit, 0) << place;
    EXPECT_FALSE(fs::exists(std::string(place) + "/made-by-guest"));
  }
}

TEST_F(IsolationTest, CannotUndoItsMountsOrMakeNewNamespaces) {
  EXPECT_NE(shell("mount -o remount,rw /").exit, 0);
  EXPECT_NE(shell("umount /run").exit, 0);
  EXPECT_NE(shell("umount /tmp").exit, 0);
  const Finished nested = shell("unshare -Urm true");
  EXPECT_NE(nested.exit, 0);
  EXPECT_NE(nested.err.find("No space left on device"), std::string::npos) << nested.err;
}

TEST_F(IsolationTest, HasScratchSpaceOfItsOwn) {
  for (const char* place : {"/tmp", "/var/tmp", "/dev/shm"}) {
    const Finished run = shell(std::string("cd ") + place +
                               " && ls -A && echo kept > probe-of-guest && cat probe-of-guest");
    EXPECT_EQ(run.out, "kept\n") << place << run.err;
    EXPECT_FALSE(fs::exists(std::string(place) + "/probe-of-guest"));
  }
}

TEST_F(IsolationTest, HasTheDevicesThatProgramsExpect) {
  EXPECT_EQ(shell("head -c 3 /dev/zero | tr '\\0' z; echo gone > /dev/null; head -c 8 /dev/urandom "
                  "| wc -c; test -c /dev/full")
                .out,
            "zzz8\n");
  EXPECT_NE(shell("echo x > /dev/full").exit, 0);
  EXPECT_EQ(words(shell("ls /dev").out),
            words("fd full null ptmx pts random shm stderr stdin stdout tty urandom zero"));
  EXPECT_EQ(shell("ls -A /sys").out, "");
}

TEST_F(IsolationTest, HasAHostNameOfItsOwn) { EXPECT_EQ(shell("hostname").out, "web1\n"); }

TEST_F(IsolationTest, ResolvesNamesThroughItsModuleAndWithoutNameservers) {
  EXPECT_EQ(shell("getent ahosts answer.test | head -n 1 | cut -d' ' -f1").out, "192.0.2.7\n");
  EXPECT_EQ(shell("getent ahosts unknown.test").exit, 2);
  EXPECT_EQ(shell("cat /etc/resolv.conf").out, "");
  EXPECT_NE(
      shell("grep hosts: /etc/nsswitch.conf").out.find("files vservice [!UNAVAIL=return] dns"),
      std::string::npos);
}

// With AI_ADDRCONFIG, which getent sets, glibc asks nobody for addresses of a family that the
// machine has none of.
TEST_F(IsolationTest, ResolvesNamesForOneFamilyToo) {
  EXPECT_EQ(shell("getent ahostsv4 answer.test | head -n 1 | cut -d' ' -f1").out, "192.0.2.7\n");
  const Finished run =
      shell("cat /proc/sys/net/ipv6/conf/lo/disable_ipv6 && wc -l < /proc/net/if_inet6");
  EXPECT_NE(run.out, "0\n0\n") << "the loopback interface has no address though IPv6 is on";
}

// A node with systemd-resolved: /etc/resolv.conf points into /run, which the guest does not see.
TEST_F(IsolationTest, CopesWithAResolvConfThatIsALinkIntoRun) {
  ASSERT_EQ(::geteuid(), 0u) << "changing /etc in a mount namespace needs root: run the tests as root";
  const std::string script =
      R"(mkdir "$0/etc" && cp -a /etc/nsswitch.conf /etc/passwd /etc/group "$0/etc" &&
      ln -s ../run/systemd/resolve/stub-resolv.conf "$0/etc/resolv.conf" &&
      mount --bind "$0/etc" /etc && exec "$@")";
  std::vector<std::string> command{"unshare", "-m", "sh", "-c", script, directory_.path()};
  for (const std::string& word : run_command(
           {"sh", "-c", "readlink /etc/resolv.conf; test -e /etc/resolv.conf || echo nothing"}))
    command.push_back(word);
  const Finished run = run_process(command);
  EXPECT_EQ(run.exit, 0) << run.err;
  EXPECT_EQ(run.out, "../run/systemd/resolve/stub-resolv.conf\nnothing\n");
}

TEST_F(IsolationTest, InheritsNoDescriptors) {
  std::vector<std::string> command{"sh", "-c", "exec 7</etc/passwd 9</etc; exec \"$@\"", "sh"};
  for (const std::string& word : run_command({"ls", "/proc/self/fd"})) command.push_back(word);
  EXPECT_EQ(words(run_process(command).out),
            (std::set<std::string>{"0", "1", "2", "3"}));  // 3: ls, looking
}

TEST_F(IsolationTest, StandardDescriptorsThatAreClosedDoNotBecomeOurs) {
  std::vector<std::string> command{"sh", "-c", "exec 0<&- 2>&-; exec \"$@\"", "sh"};
  for (const std::string& word :
       run_command({"sh", "-c", "readlink /proc/self/fd/0 /proc/self/fd/2"}))
    command.push_back(word);
  EXPECT_EQ(run_process(command).out, "/dev/null\n/dev/null\n");
}

// The first process is vsctl's own memory and file: neither may be read, traced or written from
// inside.
TEST_F(IsolationTest, ItsFirstProcessIsClosedToIt) {
  for (const char* file : {"environ", "mem", "maps", "exe", "fd/0", "root"})
    EXPECT_NE(
        shell(std::string("cat /proc/1/") + file + " | head -c 1 | grep -q . && echo read").out,
        "read\n")
        << file;
  EXPECT_NE(shell("readlink /proc/1/exe").exit, 0);
  EXPECT_EQ(shell("kill -KILL 1; kill -STOP 1; echo alive").out, "alive\n");
}

// By /proc/self/exe the file of vsctl could be had as it stands on the node, open to writing for
// its owner. By its name it is what the guest sees: here nothing, for it lies with the daemon.
TEST_F(IsolationTest, HasNoHoldOnTheNodesVsctl) {
  fs::copy(VS_GUEST_TREE, directory_.path() + "/tree", fs::copy_options::recursive);
  std::vector<std::string> command = run_command({"/proc/self/exe", "--version"});
  command.front() = directory_.path() + "/tree/bin/vsctl";
  const Finished run = run_process(command);
  EXPECT_EQ(run.exit, 127) << run.out << run.err;
}

TEST_F(IsolationTest, NoMountHonoursSetUidFiles) {
  const Finished run = shell("cut -d' ' -f5,6 /proc/self/mountinfo");
  ASSERT_EQ(run.exit, 0) << run.err;
  std::istringstream lines(run.out);
  for (std::string place, options; lines >> place >> options;)
    EXPECT_NE(options.find("nosuid"), std::string::npos) << place << " " << options;
  EXPECT_NE(run.out.find("/ ro,nosuid,nodev"), std::string::npos) << run.out;
}

}  // namespace
}  // namespace vs::ctl::test
