#include "vsmgrd/lifecycle/check_config.h"

#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <system_error>

#include <fmt/format.h>

#include "vsmgrd/store/inspect.h"

namespace vs {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kSocketPathBytesMax = sizeof(sockaddr_un{}.sun_path) - 1;

std::string why(int saved_errno) { return std::generic_category().message(saved_errno); }

// A directory that is there must take files; one that is not must be makeable, in one step.
void check_directory(ConfigReport& report, const char* option, const fs::path& path) {
  std::error_code problem;
  const fs::file_status status = fs::status(path, problem);
  if (!fs::exists(status)) {
    fs::path parent = path.lexically_normal().parent_path();
    if (!path.has_filename()) parent = parent.parent_path();
    if (parent.empty()) parent = ".";
    if (::access(parent.c_str(), W_OK | X_OK) != 0)
      report.problems.push_back(fmt::format("{} {}: is not there and cannot be made in {}: {}", option,
                                            path.native(), parent.native(), why(errno)));
    else
      report.facts.push_back(fmt::format("{} {}: will be made", option, path.native()));
    return;
  }
  if (!fs::is_directory(status))
    report.problems.push_back(fmt::format("{} {}: is no directory", option, path.native()));
  else if (::access(path.c_str(), R_OK | X_OK) != 0)
    report.problems.push_back(fmt::format("{} {}: {}", option, path.native(), why(errno)));
  else if (::access(path.c_str(), W_OK) != 0 && errno != EROFS)  // read-only: vsmgrd serves reads
    report.problems.push_back(fmt::format("{} {}: {}", option, path.native(), why(errno)));
}

void check_socket(ConfigReport& report, const char* option, const fs::path& path) {
  if (path.native().size() > kSocketPathBytesMax)
    report.problems.push_back(fmt::format("{} {}: a socket's path has at most {} bytes", option,
                                          path.native(), kSocketPathBytesMax));
  std::error_code problem;
  const fs::file_status status = fs::symlink_status(path, problem);
  if (fs::exists(status) && !fs::is_socket(status))
    report.problems.push_back(
        fmt::format("{} {}: something that is no socket is in its place", option, path.native()));
}

void check_backend(ConfigReport& report, const Options& options) {
  const fs::path& program = options.backend_program;
  std::error_code problem;
  if (::access(program.c_str(), X_OK) != 0)
    report.problems.push_back(
        fmt::format("--backend-program {}: {}", program.native(), why(errno)));
  else if (!fs::is_regular_file(program, problem))
    report.problems.push_back(
        fmt::format("--backend-program {}: is no program", program.native()));
  const std::string& user = options.backend_user;
  const auto colon = user.find(':');
  const auto digits = [](std::string_view text) {
    return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
  };
  if (!user.empty() &&
      (colon == std::string::npos || !digits(std::string_view(user).substr(0, colon)) ||
       !digits(std::string_view(user).substr(colon + 1))))
    report.problems.push_back(
        fmt::format("--backend-user {}: two numbers are wanted, UID:GID", user));
}

void check_database(ConfigReport& report, const fs::path& file) {
  const auto facts = inspect_database(file);
  if (!facts) {
    report.problems.push_back(facts.error().message);
    return;
  }
  if (!facts->exists) {
    report.facts.push_back(fmt::format("database {}: will be made", file.native()));
    return;
  }
  std::string line = fmt::format("database {}: schema {}", file.native(), facts->schema);
  if (facts->schema < facts->schema_ours)
    line += fmt::format(", to be brought to {}", facts->schema_ours);
  if (facts->in_use) line += ", in use";
  report.facts.push_back(std::move(line));
}

}  // namespace

ConfigReport check_config(const Options& options) {
  ConfigReport report;
  check_directory(report, "--state-dir", options.state_directory);
  check_directory(report, "--run-dir", options.run_directory);
  check_socket(report, "--socket", options.socket);
  check_backend(report, options);
  check_database(report, options.state_directory / kDatabaseFile);
  return report;
}

}  // namespace vs
