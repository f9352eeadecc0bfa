#include "vsmgrd/config/options.h"

#include <unistd.h>

#include <array>
#include <climits>
#include <cmath>

#include <CLI/CLI.hpp>

namespace vs {
namespace {

std::filesystem::path beside_us(const char* name) {
  std::array<char, PATH_MAX> path{};
  const ssize_t bytes = ::readlink("/proc/self/exe", path.data(), path.size() - 1);
  return bytes > 0 ? std::filesystem::path(path.data()).parent_path() / name : std::filesystem::path(name);
}

constexpr const char* kFooter = R"(Signals:
  SIGTERM  end; the backends serve on, and the next vsmgrd takes them over
  SIGINT   end, and end the backends too

Exit status: 0 ended by a signal, 1 failed, 2 wrong usage, 78 a database of a newer
version, or one that another vsmgrd uses.

Example:
  vsmgrd --state-dir /var/lib/vservices --run-dir /run/vservices)";

}  // namespace

std::variant<Options, int> parse_options(int argc, char** argv) {
  Options options;
  options.backend_program = beside_us("vsbackend");
  CLI::App app("vsmgrd: decides by policy which guest may use which service, and drives the backends that serve them.",
               "vsmgrd");
  app.set_version_flag("--version", std::string("vsmgrd ") + VS_VERSION);
  app.set_config("--config", "", "Read options from FILE (option = value, a line each)")->check(CLI::ExistingFile);
  app.add_option("--state-dir", options.state_directory, "Where the database is kept")->capture_default_str();
  app.add_option("--run-dir", options.run_directory, "Where sockets are made")->capture_default_str();
  app.add_option("--socket", options.socket, "Unix socket of the API (default: RUN-DIR/vsmgrd.sock)");
  app.add_option("--backend-program", options.backend_program, "The vsbackend to start")->capture_default_str();
  app.add_option("--backend-user", options.backend_user, "UID:GID that backends become when started as root")
      ->capture_default_str();
  double patience_s = 10;
  app.add_option("--backend-loops", options.backend_loops, "Threads of a backend that serve guests; 0: one for each core")
      ->check(CLI::Range(0, 64))
      ->capture_default_str();
  app.add_option("--backend-patience", patience_s, "Seconds after which a backend that says nothing is killed")
      ->check(CLI::Range(0.1, 3600.0))
      ->capture_default_str();
  app.add_option("--log-level", options.log_level_name, "debug, info, warn or error")
      ->check(CLI::IsMember({"debug", "info", "warn", "error"}))
      ->capture_default_str();
  app.add_flag("--check", options.check_only, "Open the database, bring it to this version, and end");
  app.footer(kFooter);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& problem) {
    return app.exit(problem) == 0 ? 0 : 2;
  }
  options.backend_patience = std::chrono::milliseconds(std::lround(patience_s * 1000));
  options.log_level = *log::parse_level(options.log_level_name);
  if (options.socket.empty()) options.socket = options.run_directory / "vsmgrd.sock";
  return options;
}

}  // namespace vs
