// The whole command line as CLI11 knows it: global options and every verb.
//
// Owned by one thread.
#pragma once

#include <memory>
#include <string>

#include "vsctl/commands/cli.h"
#include "vsctl/commands/verbs.h"

namespace vs::ctl {

// Global options as typed; `parse_command_line` makes an Invocation of them.
struct Globals {
  std::string timeout;
  std::string token_file;
  std::string output = "table";
  std::string colour = "auto";
  bool verbose = false;
  bool debug = false;
};

// Both must outlive the parser.
std::unique_ptr<CLI::App> make_parser(Invocation& invocation, Globals& globals, const Strings& after);

}  // namespace vs::ctl
