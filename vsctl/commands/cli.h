// The words of the command line, and what they ask for.
//
// Owned by one thread; CLI11 stays in this folder. Errors and requests for help are answered here,
// with the exit code to end with.
#pragma once

#include <chrono>
#include <functional>
#include <ostream>
#include <string>
#include <variant>
#include <vector>

#include "vsctl/commands/session.h"

namespace vs::ctl {

inline constexpr const char* kDefaultSocket = "/run/vservices/vsmgrd.sock";
inline constexpr const char* kSocketVariable = "VSCTL_SOCKET";
inline constexpr std::chrono::milliseconds kDefaultTimeout{10'000};

struct Invocation {
  std::string socket_path;
  std::chrono::milliseconds timeout = kDefaultTimeout;
  OutputFormat format = OutputFormat::table;
  std::function<Outcome<ExitCode>(Session&)> command;
};

// `arguments` are those after the program's name.
std::variant<Invocation, ExitCode> parse_command_line(const std::vector<std::string>& arguments,
                                                      std::ostream& out, std::ostream& err);

}  // namespace vs::ctl
