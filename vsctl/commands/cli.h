// The words of the command line, and what they ask for.
//
// Owned by one thread; CLI11 stays in this folder. Errors and requests for help are answered here,
// with the exit code to end with.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <ostream>
#include <string>
#include <variant>
#include <vector>

#include "vsctl/commands/session.h"
#include "vsctl/output/json_path.h"

namespace vs::ctl {

inline constexpr const char* kDefaultSocket = "/run/vservices/vsmgrd.sock";
inline constexpr const char* kSocketVariable = "VSCTL_SOCKET";
inline constexpr const char* kHostVariable = "VSCTL_HOST";
inline constexpr const char* kTokenVariable = "VSCTL_TOKEN";
inline constexpr std::chrono::milliseconds kDefaultTimeout{10'000};

struct Invocation {
  Endpoint endpoint{.socket_path = kDefaultSocket};
  std::chrono::milliseconds timeout = kDefaultTimeout;
  OutputFormat format = OutputFormat::table;
  std::optional<JsonPath> path;  // what of the JSON is wanted; `format` is json then
  bool colour = false;
  bool quiet = false;
  std::function<Outcome<ExitCode>(Session&)> command;
};

// `arguments` are those after the program's name.
std::variant<Invocation, ExitCode> parse_command_line(const std::vector<std::string>& arguments,
                                                      std::ostream& out, std::ostream& err);

}  // namespace vs::ctl
