#include "vsctl/commands/run.h"

#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <system_error>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "vsctl/client/fields.h"
#include "vsctl/sandbox/sandbox.h"

namespace vs::ctl {
namespace {

namespace fs = std::filesystem;

constexpr std::array kLibraries{"libnss_vservice.so.2", "libvservice.so.1"};

// Beside a program that was built and not installed; then where Debian and `make install` put
// libraries.
std::vector<fs::path> library_directories() {
  std::vector<fs::path> directories;
  std::error_code unknown;
  if (const fs::path own = fs::read_symlink("/proc/self/exe", unknown); !unknown)
    directories.push_back(own.parent_path().parent_path() / "lib");
  for (const char* directory : {"/usr/lib/" VS_LIBRARY_ARCHITECTURE, "/usr/lib", "/usr/local/lib"})
    directories.emplace_back(directory);
  return directories;
}

// Guests are other users than the one who built the library.
Result<> check_readable(const fs::path& library) {
  struct stat file {};
  if (::stat(library.c_str(), &file) != 0) return fail_errno(errno, library.native());
  if (::geteuid() == 0 && (file.st_mode & S_IROTH) == 0)
    return fail(ErrorCode::denied,
                fmt::format("{}: guests may not read it: chmod a+r is needed", library.native()));
  return {};
}

// The domain's directory of sockets, as the daemon tells it.
Outcome<fs::path> socket_directory(const nlohmann::json& domain, const std::string& name) {
  const nlohmann::json& status = field(domain, "status");
  const std::string directory = text(status, "socketDirectory");
  if (directory.empty()) {
    const std::string state = text(status, "state");
    return give_up(
        ExitCode::unavailable,
        fmt::format("domain {} has no sockets yet: it is {}{}{}; is it bound to a service?", name,
                    state.empty() ? "Pending" : state, text(status, "message").empty() ? "" : ": ",
                    text(status, "message")));
  }
  std::error_code problem;
  const fs::path real = fs::canonical(directory, problem);
  if (problem)
    return give_up(ExitCode::unavailable,
                   fmt::format("domain {}: {}: {}", name, directory, problem.message()));
  if (!fs::is_directory(real, problem))
    return give_up(ExitCode::internal,
                   fmt::format("domain {}: {} is no directory", name, directory));
  return real;
}

Outcome<> check_usage(const RunOptions& options) {
  if (options.domain.empty()) return give_up(ExitCode::invalid, "the domain's name is empty");
  if (options.command.empty())
    return give_up(ExitCode::invalid,
                   fmt::format("what to run? vsctl run {} -- COMMAND ...", options.domain));
  for (const std::string& entry : options.environment)
    if (const auto equals = entry.find('='); equals == std::string::npos || equals == 0)
      return give_up(ExitCode::invalid, fmt::format("--env \"{}\": KEY=VALUE", entry));
  return {};
}

// Whatever leads to the daemon, its state or another domain's sockets.
std::vector<fs::path> hidden_directories(const Session& session, const fs::path& sockets,
                                         const RunOptions& options) {
  std::error_code
      unknown;  // a socket that was reached has a path; if not, nothing is there to hide
  std::vector<fs::path> hidden = options.hidden;
  hidden.push_back(fs::canonical(session.endpoint.socket_path, unknown).parent_path());
  hidden.push_back(fs::absolute(session.endpoint.socket_path, unknown).parent_path());
  hidden.push_back(sockets.parent_path());
  hidden.emplace_back(kStateDirectory);
  std::erase(hidden, fs::path());
  return hidden;
}

}  // namespace

Result<std::vector<fs::path>> find_libraries(const std::vector<fs::path>& directories) {
  std::string searched;
  for (const fs::path& directory : directories) {
    std::vector<fs::path> found;
    for (const char* library : kLibraries)
      if (std::error_code unknown; fs::exists(directory / library, unknown))
        found.push_back(directory / library);
    if (found.size() < kLibraries.size()) {
      searched += (searched.empty() ? "" : ", ") + directory.native();
      continue;
    }
    for (const fs::path& library : found)
      if (auto readable = check_readable(library); !readable)
        return fail(std::move(readable.error()));
    return found;
  }
  return fail(ErrorCode::not_found,
              fmt::format("{} and {} are in none of {}", kLibraries[0], kLibraries[1], searched));
}

Outcome<ExitCode> run(Session& session, const RunOptions& options) {
  if (auto right = check_usage(options); !right) return give_up(right.error());
  const auto domain = session.daemon.get("domains", options.domain);
  if (!domain) return give_up(domain.error());
  session.daemon.hang_up();  // the command may run for days
  const auto sockets = socket_directory(*domain, options.domain);
  if (!sockets) return give_up(sockets.error());
  auto libraries = find_libraries(library_directories());
  if (!libraries) return give_up(ExitCode::internal, libraries.error().message);
  const auto status = run_sandboxed({.domain = options.domain,
                                     .socket_directory = *sockets,
                                     .libraries = std::move(*libraries),
                                     .hidden = hidden_directories(session, *sockets, options),
                                     .command = options.command,
                                     .environment = options.environment});
  if (!status) return give_up(status.error());
  return static_cast<ExitCode>(*status);
}

}  // namespace vs::ctl
