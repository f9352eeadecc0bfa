// What vsmgrd is told when it starts: on the command line, or in a file that --config names.
//
// Values. Errors: invalid, naming the option.
#pragma once

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <variant>

#include "base/log.h"
#include "base/result.h"

namespace vs {

struct Options {
  std::filesystem::path state_directory = "/var/lib/vservices";  // the database
  std::filesystem::path run_directory = "/run/vservices";        // sockets; gone after a reboot
  std::filesystem::path socket;           // of the API; default: <run_directory>/vsmgrd.sock
  std::filesystem::path backend_program;  // default: vsbackend beside vsmgrd
  std::string backend_user = "65534:65534";  // UID:GID that backends become when vsmgrd is root
  unsigned backend_loops = 0;  // threads of a backend that serve guests; 0: one for each core
  std::chrono::milliseconds backend_patience{10'000};  // a backend that is silent for so long is killed
  log::Level log_level = log::Level::info;
  std::string log_level_name = "info";
  bool check_only = false;                // open and migrate the database, then end
};

// The options, or the exit status with which to end at once (--help, --version, a wrong option: said already).
std::variant<Options, int> parse_options(int argc, char** argv);

}  // namespace vs
