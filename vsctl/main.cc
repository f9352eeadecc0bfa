// vsctl: the command line of VServices. Joins the words to a session with the daemon and ends with
// one of exit_codes.h.
#include <cstdlib>
#include <iostream>
#include <string>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "vsctl/commands/cli.h"
#include "vsctl/commands/complete.h"
#include "vsctl/output/json_view.h"
#include "vsctl/output/report.h"

namespace {

using vs::ctl::ExitCode;

ExitCode run(const vs::ctl::Invocation& invocation) {
  const vs::SystemClock clock;
  const vs::ctl::Deadline deadline(clock, invocation.timeout);
  vs::ctl::Http http(invocation.endpoint, deadline);
  vs::ctl::Daemon daemon(http);
  vs::ctl::JsonView view(invocation.path.value_or(vs::ctl::JsonPath()), std::cout);
  std::ostream viewed(&view);
  vs::ctl::Session session{.daemon = daemon,
                           .endpoint = invocation.endpoint,
                           .deadline = deadline,
                           .format = invocation.format,
                           .colour = invocation.colour,
                           .quiet = invocation.quiet,
                           .out = invocation.path ? viewed : std::cout,
                           .err = std::cerr};
  const auto outcome = invocation.command(session);
  session.out.flush();
  if (!outcome) std::cerr << vs::ctl::report(outcome.error());
  return outcome ? *outcome : outcome.error().exit;
}

ExitCode complete(const std::vector<std::string>& words) {
  const char* socket = std::getenv(vs::ctl::kSocketVariable);
  const auto names =
      vs::ctl::names_from_daemon(words, socket != nullptr ? socket : vs::ctl::kDefaultSocket);
  for (const std::string& candidate : vs::ctl::complete(words, names))
    std::cout << candidate << "\n";
  return ExitCode::ok;
}

ExitCode dispatch(const std::vector<std::string>& arguments) {
  // Not a verb for the parser: the words behind it are half typed and may be anything.
  if (!arguments.empty() && arguments[0] == "__complete")
    return complete({arguments.begin() + 1, arguments.end()});
  const auto parsed = vs::ctl::parse_command_line(arguments, std::cout, std::cerr);
  if (const auto* done = std::get_if<ExitCode>(&parsed)) return *done;
  return run(std::get<vs::ctl::Invocation>(parsed));
}

}  // namespace

int main(int argc, char** argv) {
  const ExitCode exit = dispatch({argv + (argc > 0 ? 1 : 0), argv + argc});
  // An answer that nobody received is no success: the disk may be full.
  if (!std::cout.flush() && exit == ExitCode::ok) {
    std::cerr << "vsctl: cannot write to standard output\n";
    return static_cast<int>(ExitCode::internal);
  }
  return static_cast<int>(exit);
}
