// What vsmgrd is told when it starts: on the command line, or in a file that --config names.
//
// Values. Errors: invalid, naming the option.
#pragma once

#include <chrono>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "base/log.h"
#include "base/result.h"

namespace vs {

inline constexpr const char* kDatabaseFile = "vsmgrd.db";  // in the state directory

// Who may do what, and on which sockets. What the words mean is the API's to say.
struct AccessOptions {
  std::string socket_group;                // a number; empty: ours
  std::filesystem::path read_only_socket;  // default: <run_directory>/vsmgrd-ro.sock
  std::string read_only_group;
  std::vector<std::string> roles;          // WHO=ROLE[@SELECTOR]
  std::string remote_address;              // ADDRESS:PORT; empty: none
  std::filesystem::path tls_certificate;
  std::filesystem::path tls_key;
  std::filesystem::path tls_client_ca;
  std::vector<std::string> peers;          // NAME=ADDRESS:PORT of other nodes
  std::filesystem::path peer_ca;           // default: tls_client_ca
  std::string metrics_address;  // ADDRESS:PORT or /PATH; empty: none
  std::filesystem::path metrics_token_file;
};

// A server between nodes. What is in the files is read by read_engines().
struct EngineOptions {
  std::string name;  // by which services name it
  std::string kind;  // nats | mqtt
  std::vector<std::string> servers;  // nats://HOST:PORT, tls://..., mqtt://..., mqtts://...
  std::filesystem::path ca;          // PEM; that of the server
  std::filesystem::path certificate;  // PEM; ours
  std::filesystem::path key;
  std::string user;
  std::filesystem::path password_file;
  std::filesystem::path token_file;
  std::filesystem::path credentials;  // of NATS: a JWT and its seed
};

struct Options {
  std::filesystem::path state_directory = "/var/lib/vservices";  // the database
  std::filesystem::path run_directory = "/run/vservices";        // sockets; gone after a reboot
  std::filesystem::path domains_directory;  // of what guests see; default: <run_directory>/domains
  std::filesystem::path socket;           // of the API; default: <run_directory>/vsmgrd.sock
  AccessOptions access;
  std::filesystem::path backend_program;  // default: vsbackend beside vsmgrd
  std::string backend_user = "65534:65534";  // UID:GID that backends become when vsmgrd is root
  unsigned backend_loops = 0;  // threads of a backend that serve guests; 0: one for each core
  std::string reserved_cpus;   // "0-1": on which nothing is placed; empty: none
  std::filesystem::path topology = "/sys/devices";  // where the machine's CPUs are described
  std::chrono::milliseconds backend_patience{10'000};  // a backend that is silent for so long is killed
  log::Level log_level = log::Level::info;
  std::string log_level_name = "info";
  std::string node_name;  // that policies may ask for; default: the host's name
  std::map<std::string, std::string> node_labels;
  std::vector<EngineOptions> engines;
  std::filesystem::path restore;          // a copy to put in the database's place, then end
  bool check_config = false;              // say whether all of this could work, then end
};

inline constexpr int kExitBadConfig = 78;  // EX_CONFIG of sysexits.h: starting again would not help

// The options, or the exit status with which to end at once (--help, --version, a wrong option: said already).
std::variant<Options, int> parse_options(int argc, char** argv);

// Each by its name, as a backend is told of it: "kind", "servers", and "user", "password", "token", "ca", "certificate", "key" and
// "credentials" where there are, with what is in the files. Errors: invalid, naming the file.
Result<std::map<std::string, nlohmann::json>> read_engines(const std::vector<EngineOptions>& engines);

}  // namespace vs
