#include "vsmgrd/backends/homes.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <set>
#include <system_error>
#include <utility>
#include <vector>

#include "base/log.h"
#include "base/unique_fd.h"

namespace vs {
namespace {

inline constexpr const char* kMarks = ".nodes";  // no domain's name: those begin with a letter or a digit

// Whether nobody listens on it any more.
bool is_dead(const std::filesystem::path& path) {
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
  if (path.native().size() >= sizeof address.sun_path) return true;  // nobody could have bound it
  path.native().copy(address.sun_path, sizeof address.sun_path - 1);
  for (const int type : {SOCK_SEQPACKET, SOCK_STREAM}) {
    const UniqueFd fd(::socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!fd) return false;
    if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) return false;
    if (errno != EPROTOTYPE) return errno == ECONNREFUSED;
  }
  return false;
}

// Removes from `home` every socket but those named, and, while some are, those that a backend is just making (".NAME.NUMBER"); if it is
// `shared`, none that somebody listens on. Other files are nobody's: they stay, and are seen.
void remove_sockets(const std::filesystem::path& home, const std::set<std::string>& kept, bool shared) {
  std::error_code problem;
  std::vector<std::filesystem::path> gone;
  for (const auto& entry : std::filesystem::directory_iterator(home, problem)) {
    const std::string name = entry.path().filename().string();
    const bool being_made = !kept.empty() && name.starts_with('.');
    if (entry.is_socket(problem) && !kept.contains(name) && !being_made && !(shared && !is_dead(entry.path()))) gone.push_back(entry.path());
  }
  for (const auto& path : gone) ::unlink(path.c_str());
}

}  // namespace

Result<> make_directory(const std::filesystem::path& path, mode_t mode, const std::string& user) {
  if (::mkdir(path.c_str(), mode) != 0 && errno != EEXIST) return fail_errno(errno, "make " + path.string());
  unsigned uid = ::geteuid();
  unsigned gid = 0;
  if (uid == 0) std::sscanf(user.c_str(), "%u:%u", &uid, &gid);
  struct stat now {};
  if (::stat(path.c_str(), &now) != 0) return fail_errno(errno, path.string());
  if (now.st_uid == uid && now.st_gid == ::getegid() && (now.st_mode & 07777) == mode) return {};
  if (now.st_uid != ::geteuid() && ::chown(path.c_str(), ::geteuid(), ::getegid()) != 0)
    return fail_errno(errno, "take " + path.string());
  if (::chmod(path.c_str(), mode) != 0) return fail_errno(errno, "set mode of " + path.string());
  if (::chown(path.c_str(), uid, ::getegid()) != 0) return fail_errno(errno, "give " + path.string() + " to " + user);
  return {};
}

Homes::Homes(std::filesystem::path directory, std::string node, std::string user)
    : directory_(std::move(directory)), marks_(directory_ / kMarks / (node.empty() ? "local" : node)), user_(std::move(user)) {}

bool Homes::kept_by_another(const std::string& domain) const {
  std::error_code problem;
  for (const auto& node : std::filesystem::directory_iterator(marks_.parent_path(), problem))
    if (node.path() != marks_ && std::filesystem::exists(node.path() / domain, problem)) return true;
  return false;
}

// Those that we keep from now on; before a home is made, so that nobody takes it away.
void Homes::mark(const Backends::Devices& devices) {
  std::error_code problem;
  for (const auto& path : {marks_.parent_path(), marks_})
    if (auto made = make_directory(path, 0700, ""); !made) log::error("domain.not_marked", {{"error", made.error()}});
  for (const auto& [domain, names] : devices) std::filesystem::create_directory(marks_ / domain, problem);
  std::vector<std::filesystem::path> old;
  for (const auto& mark : std::filesystem::directory_iterator(marks_, problem))
    if (!devices.contains(mark.path().filename().string())) old.push_back(mark.path());
  for (const auto& path : old) ::rmdir(path.c_str());
}

void Homes::clear(const Backends::Devices& devices) {
  std::error_code problem;
  for (const auto& home : std::filesystem::directory_iterator(directory_, problem)) {
    const std::string domain = home.path().filename().string();
    if (domain == kMarks) continue;
    const auto kept = devices.find(domain);
    const bool shared = kept_by_another(domain);
    remove_sockets(home.path(), kept == devices.end() ? std::set<std::string>{} : kept->second, shared);
    if (kept != devices.end() || shared) continue;
    if (::rmdir(home.path().c_str()) != 0)
      log::warn("domain.directory_left", {{"path", home.path().string()}, {"why", std::generic_category().message(errno)}});
  }
}

std::map<std::string, std::string> Homes::keep(const Backends::Devices& devices) {
  const UniqueFd lock(::open(directory_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (lock) ::flock(lock.get(), LOCK_EX);  // another's look and ours do not mix; held for as long as some system calls take
  mark(devices);
  std::map<std::string, std::string> homes;
  for (const auto& [domain, names] : devices) {
    const auto home = directory_ / domain;
    if (auto made = make_directory(home, 0775, user_); made)
      homes[domain] = home.string();
    else
      log::error("domain.no_directory", {{"name", domain}, {"error", made.error()}});
  }
  clear(devices);
  return homes;
}

}  // namespace vs
