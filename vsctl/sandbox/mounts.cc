#include "vsctl/sandbox/mounts.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "vsctl/sandbox/root.h"
#include "vsctl/sandbox/trees.h"

namespace vs::ctl {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kSealed = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;
constexpr unsigned long kQuiet = MS_NOSUID | MS_NODEV;
constexpr const char* kEtcDirectory = "/run/vservice-etc";  // the guest's versions of files in /etc

// Programs ask files, then the VService; `dns` is reached only when there is no such device, and
// finds no nameserver.
constexpr std::string_view kNsswitch =
    "passwd:    files\ngroup:     files\nshadow:    files\ngshadow:   files\n"
    "hosts:     files vservice [!UNAVAIL=return] dns\n"
    "networks:  files\nprotocols: files\nservices:  files\nethers:    files\nrpc:       "
    "files\nnetgroup:  files\n";

constexpr std::array kDevices{"null", "zero", "full", "random", "urandom", "tty"};
constexpr std::array kNeeded{"/usr", "/etc", "/bin", "/sbin", "/lib", "/lib64"};

// What is taken from the node before it is out of sight.
struct Trees {
  UniqueFd devices;  // the domain's sockets
  std::vector<std::pair<std::string, UniqueFd>> libraries;
  std::vector<std::pair<std::string, UniqueFd>> nodes;  // of /dev
};

bool holds(const fs::path& directory, const fs::path& inner) {
  return std::mismatch(directory.begin(), directory.end(), inner.begin(), inner.end()).first ==
         directory.end();
}

// Whether covering `directory` would take away what programs cannot do without, or the place of a
// mount of ours.
std::optional<std::string> needed_within(const fs::path& directory) {
  std::error_code ignored;
  for (const char* needed : kNeeded)
    if (holds(directory, needed) || holds(directory, fs::canonical(needed, ignored))) return needed;
  if (directory == "/var") return "/var/tmp";
  return std::nullopt;
}

Result<> make_directory(const fs::path& path, mode_t mode) {
  if (::mkdir(path.c_str(), mode) != 0 ||
      ::chmod(path.c_str(), mode) != 0)  // chmod: the umask is the caller's
    return fail_errno(errno, fmt::format("make {}", path.native()));
  return {};
}

Result<> make_file(const fs::path& path, std::string_view text) {
  const UniqueFd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0444));
  if (!file || ::fchmod(file.get(), 0444) != 0 ||
      ::write(file.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()))
    return fail_errno(errno, fmt::format("make {}", path.native()));
  return {};
}

Result<> make_link(const char* target, const fs::path& path) {
  if (::symlink(target, path.c_str()) != 0)
    return fail_errno(errno, fmt::format("make {}", path.native()));
  return {};
}

Result<Trees> take_trees(const GuestView& view) {
  Trees trees;
  auto devices = take_tree(view.socket_directory);
  if (!devices) return fail(std::move(devices.error()));
  if (auto done = restrict_tree(*devices, kSealed | MOUNT_ATTR_NOEXEC); !done)
    return fail(done.error());
  trees.devices = std::move(*devices);
  for (const fs::path& library : view.libraries) {
    auto tree = take_tree(library);
    if (!tree) return fail(std::move(tree.error()));
    if (auto done = restrict_tree(*tree, kSealed); !done) return fail(done.error());
    trees.libraries.emplace_back(library.filename().native(), std::move(*tree));
  }
  for (const char* name : kDevices) {
    auto tree = take_tree(fs::path("/dev") / name);
    if (!tree) return fail(std::move(tree.error()));
    if (auto done = restrict_tree(*tree, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC); !done)
      return fail(done.error());
    trees.nodes.emplace_back(name, std::move(*tree));
  }
  return trees;
}

// The node as it is, but nothing in it can be changed, opened as a device or used to gain a user's
// rights.
Result<> seal_node() {
  if (auto done = separate_root(); !done) return done;
  return restrict_mount("/", kSealed, true);
}

Result<> cover(const fs::path& directory) {
  return mount_new("tmpfs", directory, kQuiet | MS_NOEXEC | MS_RDONLY, "size=4k,mode=0555");
}

Result<> make_run(const Trees& trees) {
  if (auto done = mount_new("tmpfs", "/run", kQuiet, "size=1m,mode=0755"); !done) return done;
  for (const char* directory : {kDeviceDirectory, kLibraryDirectory, kEtcDirectory})
    if (auto done = make_directory(directory, 0755); !done) return done;
  if (auto done = attach_tree(trees.devices, kDeviceDirectory); !done) return done;
  for (const auto& [name, tree] : trees.libraries) {
    const fs::path place = fs::path(kLibraryDirectory) / name;
    if (auto done = make_file(place, ""); !done) return done;
    if (auto done = attach_tree(tree, place); !done) return done;
  }
  if (auto done = make_file(fs::path(kEtcDirectory) / "nsswitch.conf", kNsswitch); !done)
    return done;
  if (auto done = make_file(fs::path(kEtcDirectory) / "resolv.conf", ""); !done) return done;
  return restrict_mount("/run", MOUNT_ATTR_RDONLY);
}

Result<> replace_in_etc(const std::string& name) {
  auto tree = take_tree(fs::path(kEtcDirectory) / name);
  if (!tree) return fail(std::move(tree.error()));
  return attach_tree(*tree, fs::path("/etc") / name);
}

Result<> make_etc() {
  if (auto done = replace_in_etc("nsswitch.conf"); !done) return done;
  // A resolv.conf that is not there, or is a link into the node's /run, names no nameserver either.
  if (::access("/etc/resolv.conf", F_OK) != 0 && errno == ENOENT) return {};
  return replace_in_etc("resolv.conf");
}

Result<> make_scratch() {
  for (const char* place : {"/tmp", "/var/tmp"}) {
    if (::access(place, F_OK) != 0 && errno == ENOENT)
      continue;  // nothing there to hide, and no place for ours
    if (auto done = mount_new("tmpfs", place, kQuiet, fmt::format("mode=1777,{}", kScratchLimits));
        !done)
      return done;
  }
  return {};
}

Result<> make_dev(const Trees& trees) {
  if (auto done = mount_new("tmpfs", "/dev", MS_NOSUID | MS_NOEXEC, "size=64k,mode=0755"); !done)
    return done;
  for (const auto& [name, tree] : trees.nodes) {
    const fs::path place = fs::path("/dev") / name;
    if (auto done = make_file(place, ""); !done) return done;
    if (auto done = attach_tree(tree, place); !done) return done;
  }
  constexpr std::array<std::pair<const char*, const char*>, 5> links{
      {{"/proc/self/fd", "/dev/fd"},
       {"/proc/self/fd/0", "/dev/stdin"},
       {"/proc/self/fd/1", "/dev/stdout"},
       {"/proc/self/fd/2", "/dev/stderr"},
       {"pts/ptmx", "/dev/ptmx"}}};
  for (const auto& [target, path] : links)
    if (auto done = make_link(target, path); !done) return done;
  if (auto done = make_directory("/dev/pts", 0755); !done) return done;
  if (auto done = make_directory("/dev/shm", 0755); !done) return done;
  if (auto done = restrict_mount("/dev", MOUNT_ATTR_RDONLY); !done) return done;
  if (auto done = mount_new("devpts", "/dev/pts", MS_NOSUID | MS_NOEXEC,
                            "newinstance,ptmxmode=0666,mode=0620");
      !done)
    return done;
  return mount_new("tmpfs", "/dev/shm", kQuiet, fmt::format("mode=1777,{}", kScratchLimits));
}

}  // namespace

Result<std::vector<fs::path>> plan_hidden(const std::vector<fs::path>& directories) {
  std::vector<fs::path> plan;
  for (const fs::path& directory : directories) {
    std::error_code problem;
    const fs::path real = fs::canonical(directory, problem);
    if (problem == std::errc::no_such_file_or_directory) continue;
    if (problem) return fail_errno(problem.value(), fmt::format("look at {}", directory.native()));
    if (const auto needed = needed_within(real))
      return fail(ErrorCode::invalid,
                  fmt::format("guests must not see {}, but need {}: what is to be hidden needs a "
                              "directory of its own",
                              real.native(), *needed));
    if (std::find(plan.begin(), plan.end(), real) == plan.end()) plan.push_back(real);
  }
  // A directory before those within it, which are out of sight by then.
  std::sort(plan.begin(), plan.end());
  return plan;
}

Result<> make_guest_view(const GuestView& view) {
  auto trees = take_trees(view);
  if (!trees) return fail(std::move(trees.error()));
  if (auto done = seal_node(); !done) return done;
  if (::chdir("/") != 0) return fail_errno(errno, "leave the working directory");
  for (const fs::path& directory : view.hidden) {
    if (::access(directory.c_str(), F_OK) != 0 && errno == ENOENT)
      continue;  // covered with one above it
    if (auto done = cover(directory); !done) return done;
  }
  if (auto done = make_run(*trees); !done) return done;
  if (auto done = make_scratch(); !done) return done;
  if (auto done = make_dev(*trees); !done) return done;
  if (auto done = cover("/sys"); !done) return done;
  if (auto done = mount_new("proc", "/proc", kQuiet | MS_NOEXEC, ""); !done) return done;
  return make_etc();
}

}  // namespace vs::ctl
