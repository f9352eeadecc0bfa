#include "vsmgrd/config/options.h"

#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <climits>
#include <cmath>
#include <iostream>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <CLI/CLI.hpp>

#include "vsmgrd/config/options_parts.h"

namespace vs {
namespace {

constexpr std::size_t kNodeNameBytesMax = 63;

// Beside a program that was built and not installed; then where `cmake --install` puts it.
std::filesystem::path find_backend() {
  std::array<char, PATH_MAX> path{};
  const ssize_t bytes = ::readlink("/proc/self/exe", path.data(), path.size() - 1);
  const std::filesystem::path own = std::filesystem::path(bytes > 0 ? path.data() : "").parent_path();
  for (const auto& program : {own / "vsbackend", own.parent_path() / "libexec/vservices/vsbackend"})
    if (::access(program.c_str(), X_OK) == 0) return program;
  return own / "vsbackend";
}

// "UID:GID", as backends are told; the name of a user becomes it. nullopt: there is no such user.
std::optional<std::string> user_ids(const std::string& user) {
  if (user.empty() || user.find(':') != std::string::npos) return user;
  const passwd* entry = ::getpwnam(user.c_str());
  if (entry == nullptr) return std::nullopt;
  return std::to_string(entry->pw_uid) + ":" + std::to_string(entry->pw_gid);
}

// As policies can name it: the host's name up to its first dot, in small letters; what a name may
// not have becomes a hyphen.
std::string host_name() {
  std::array<char, 256> text{};
  if (::gethostname(text.data(), text.size() - 1) != 0) return "node";
  const std::string_view host(text.data());
  std::string name;
  for (const char c : host.substr(0, std::min(host.find('.'), kNodeNameBytesMax))) {
    const char small = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    const bool plain = (small >= 'a' && small <= 'z') || (small >= '0' && small <= '9');
    name += plain ? small : '-';
  }
  name.erase(0, name.find_first_not_of('-'));
  while (name.ends_with('-')) name.pop_back();
  return name.empty() ? "node" : name;
}

// Empty when it is a name as objects have it.
std::string check_node_name(const std::string& name) {
  const bool sound =
      !name.empty() && name.size() <= kNodeNameBytesMax && name.front() != '-' &&
      name.back() != '-' && std::all_of(name.begin(), name.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
      });
  return sound ? "" : "must be lower case letters, digits and hyphens, at most 63";
}

std::string check_node_label(const std::string& label) {
  const auto equals = label.find('=');
  return equals == 0 || equals == std::string::npos ? "must be KEY=VALUE" : "";
}

constexpr const char* kFooter = R"(Signals:
  SIGTERM  end; the backends serve on, and the next vsmgrd takes them over
  SIGINT   end, and end the backends too
  SIGHUP   read the --config file again: the log level, and what --help marks with "reloaded"

Under systemd (Type=notify) it says when it serves, reloads and ends, and keeps the watchdog
fed only while the API answers and the reconciler gets on.

Exit status: 0 ended by a signal, or --check-config found nothing, 1 failed, 2 wrong usage,
78 what a new start would not mend: a wrong option or file (--check-config), a database of a
newer version, or one that another vsmgrd uses.

Example:
  vsmgrd --state-dir /var/lib/vservices --run-dir /run/vservices)";

}  // namespace

std::variant<Options, int> parse_options(int argc, char** argv) {
  Options options;
  options.backend_program = find_backend();
  CLI::App app("vsmgrd: decides by policy which guest may use which service, and drives the backends that serve them.",
               "vsmgrd");
  app.set_version_flag("--version", std::string("vsmgrd ") + VS_VERSION);
  app.set_config("--config", "", "Read options from FILE (option = value, a line each)")->check(CLI::ExistingFile);
  app.allow_config_extras(CLI::config_extras_mode::error);  // a word with a typing error would be no option at all
  app.add_option("--state-dir", options.state_directory, "Where the database is kept")->capture_default_str();
  app.add_option("--run-dir", options.run_directory, "Where sockets are made")->capture_default_str();
  app.add_option("--domains-dir", options.domains_directory,
                 "Where the directories are that guests see as /run/vservice; default: domains in --run-dir. The vsmgrd of one machine may "
                 "share it: a domain that moves from one to the other then finds its devices where they were");
  app.add_option("--socket", options.socket, "Unix socket of the API (default: RUN-DIR/vsmgrd.sock)");
  add_access_options(app, options.access);
  app.add_option("--backend-program", options.backend_program, "The vsbackend to start")->capture_default_str();
  app.add_option("--backend-user", options.backend_user, "Whom backends become when started as root: a name, or UID:GID")
      ->capture_default_str();
  double patience_s = 10;
  app.add_option("--backend-loops", options.backend_loops, "Threads of a backend that serve guests; 0: one for each core")
      ->check(CLI::Range(0, 64))
      ->capture_default_str();
  app.add_option("--reserved-cpus", options.reserved_cpus, "CPUs that serve no binding, as 0-1,8; one at least always does")
      ->type_name("CPUS");
  app.add_option("--topology", options.topology, "Where the machine's CPUs are described")->type_name("DIR")->capture_default_str();
  app.add_option("--backend-patience", patience_s, "Seconds after which a backend that says nothing is killed")
      ->check(CLI::Range(0.1, 3600.0))
      ->capture_default_str();
  app.add_option("--log-level", options.log_level_name, "debug, info, warn or error (reloaded)")
      ->check(CLI::IsMember({"debug", "info", "warn", "error"}))
      ->capture_default_str();
  app.add_option("--node-name", options.node_name, "What policies call this node (default: the host's name)")
      ->check(CLI::Validator(check_node_name, "NAME"));
  std::vector<std::string> node_labels;
  app.add_option("--node-label", node_labels, "A label of this node that policies may ask for; may be repeated")
      ->check(CLI::Validator(check_node_label, "KEY=VALUE"))
      ->allow_extra_args(false);
  std::vector<std::string> engines;
  add_engine_options(app, engines);
  app.add_option("--restore", options.restore, "Put this backup in the database's place, and end; only while no vsmgrd uses it")
      ->type_name("FILE");
  app.add_flag("--check-config", options.check_config,
               "Say whether vsmgrd could start with these options, and end; changes nothing");
  app.footer(kFooter);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& problem) {
    if (app.exit(problem) == 0) return 0;
    const bool checking = std::any_of(argv, argv + argc, [](const char* word) { return word == std::string_view("--check-config"); });
    return checking ? kExitBadConfig : 2;
  }
  const auto user = user_ids(options.backend_user);
  if (!user) {
    std::cerr << "--backend-user: there is no user \"" << options.backend_user << "\"\n";
    return options.check_config ? kExitBadConfig : 2;
  }
  if (const std::string fault = fault_of(options.access); !fault.empty()) {
    std::cerr << fault << "\n";
    return options.check_config ? kExitBadConfig : 2;
  }
  if (const std::string fault = parse_engines(engines, options.engines); !fault.empty()) {
    std::cerr << fault << "\n";
    return options.check_config ? kExitBadConfig : 2;
  }
  options.backend_user = *user;
  options.backend_patience = std::chrono::milliseconds(std::lround(patience_s * 1000));
  options.log_level = *log::parse_level(options.log_level_name);
  if (options.node_name.empty()) options.node_name = host_name();
  for (const std::string& label : node_labels) {
    const auto equals = label.find('=');
    options.node_labels[label.substr(0, equals)] = label.substr(equals + 1);
  }
  if (options.domains_directory.empty()) options.domains_directory = options.run_directory / "domains";
  if (options.socket.empty()) options.socket = options.run_directory / "vsmgrd.sock";
  if (options.access.read_only_socket.empty()) options.access.read_only_socket = options.run_directory / "vsmgrd-ro.sock";
  return options;
}

}  // namespace vs
