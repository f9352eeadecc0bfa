#include "vsctl/commands/cli.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>

#include "vsctl/commands/duration.h"
#include "vsctl/commands/input.h"
#include "vsctl/commands/parser.h"

namespace vs::ctl {
namespace {

// Those that print lists, and so can print them as CSV or as names.
constexpr std::array<std::string_view, 8> kListVerbs{"get",     "events",  "warnings",         "op list",
                                                     "op show", "op wait", "admin token list", "migrate status"};

// What follows "--" is somebody else's command line: CLI11 never sees it, for it would interpret
// brackets and braces in it.
struct Arguments {
  Strings before;
  Strings after;
  bool dashes = false;
};

Arguments split(const Strings& arguments) {
  const auto dashes = std::find(arguments.begin(), arguments.end(), "--");
  Arguments words{.before = {arguments.begin(), dashes}, .dashes = dashes != arguments.end()};
  // `explain` takes a domain and a service; `explain schema PATH` is another verb's older name elsewhere.
  for (std::size_t i = 1; i < words.before.size(); ++i)
    if (words.before[i - 1] == "explain" && words.before[i] == "schema") {
      words.before.erase(words.before.begin() + static_cast<std::ptrdiff_t>(i) - 1);
      break;
    }
  if (words.dashes) words.after.assign(dashes + 1, arguments.end());
  return words;
}

ExitCode refuse_usage(std::ostream& err, const std::string& what) {
  err << "vsctl: " << what << "\nSee `vsctl --help`.\n";
  return ExitCode::invalid;
}

bool wants_colour(const std::string& when) {
  if (when != "auto") return when == "always";
  const char* none = std::getenv("NO_COLOR");  // https://no-color.org: set and not empty
  const char* terminal = std::getenv("TERM");
  return ::isatty(STDOUT_FILENO) == 1 && (none == nullptr || *none == '\0') &&
         (terminal == nullptr || std::string_view(terminal) != "dumb");
}

// A token on a command line would be for everybody to see: it comes from a file or the environment.
Outcome<std::string> read_token(const std::string& file) {
  if (file.empty()) {
    const char* variable = std::getenv(kTokenVariable);
    return std::string(variable == nullptr ? "" : variable);
  }
  auto inputs = read_inputs({file});
  if (!inputs) return give_up(std::move(inputs.error()));
  std::string token = inputs->empty() ? "" : inputs->front().text;
  token.erase(token.find_last_not_of(" \t\r\n") + 1);
  if (token.empty() || token.find_first_of(" \t\r\n") != std::string::npos)
    return give_up(ExitCode::invalid, file + ": one token is wanted, on one line");
  return token;
}

// "op list": the verbs as they were typed.
std::string verbs_of(const CLI::App& app) {
  std::string verbs;
  for (auto chosen = app.get_subcommands(); !chosen.empty(); chosen = chosen.front()->get_subcommands())
    verbs += (verbs.empty() ? "" : " ") + chosen.front()->get_name();
  return verbs;
}

Outcome<> settle_output(const Globals& globals, const std::string& verbs, Invocation& invocation) {
  constexpr std::string_view path_prefix = "jsonpath=";
  if (globals.output.starts_with(path_prefix)) {
    auto path = JsonPath::parse(std::string_view(globals.output).substr(path_prefix.size()));
    if (!path) return give_up(ExitCode::invalid, "--output: jsonpath: " + path.error().message);
    invocation.path = std::move(*path);
    invocation.format = OutputFormat::json;
    return {};
  }
  const auto format = parse_format(globals.output);
  if (!format)
    return give_up(ExitCode::invalid, "--output: table, wide, json, yaml, csv, name or jsonpath=TEMPLATE, not " +
                                          globals.output);
  const bool of_lists = *format == OutputFormat::csv || *format == OutputFormat::name;
  if (of_lists && std::find(kListVerbs.begin(), kListVerbs.end(), verbs) == kListVerbs.end())
    return give_up(ExitCode::invalid, "--output: " + globals.output + " is a form of lists; `vsctl " + verbs +
                                          "` takes table, wide, json, yaml and jsonpath=TEMPLATE");
  invocation.format = *format;
  return {};
}

Outcome<> settle_globals(const Globals& globals, const std::string& verbs, Invocation& invocation) {
  if (auto settled = settle_output(globals, verbs, invocation); !settled) return settled;
  if (!globals.timeout.empty()) {
    const auto parsed = parse_timeout(globals.timeout);
    if (!parsed) return give_up(ExitCode::invalid, "--timeout: " + parsed.error().message);
    invocation.timeout = *parsed;
  }
  if (!invocation.endpoint.host.empty()) {
    auto token = read_token(globals.token_file);
    if (!token) return give_up(std::move(token.error()));
    invocation.endpoint.token = std::move(*token);
    while (invocation.endpoint.host.ends_with('/')) invocation.endpoint.host.pop_back();
  }
  invocation.colour = wants_colour(globals.colour);
  invocation.endpoint.trace = globals.debug     ? Trace::everything
                              : globals.verbose ? Trace::requests
                                                : Trace::none;
  return {};
}

}  // namespace

std::variant<Invocation, ExitCode> parse_command_line(const Strings& arguments, std::ostream& out,
                                                      std::ostream& err) {
  Invocation invocation;
  Globals globals;
  const Arguments words = split(arguments);
  const auto app = make_parser(invocation, globals, words.after);
  try {
    app->parse(
        Strings(words.before.rbegin(), words.before.rend()));  // CLI11 takes them from the back
  } catch (const CLI::Success& asked) {
    app->exit(asked, out, err);
    return ExitCode::ok;
  } catch (const CLI::ParseError& problem) {
    return refuse_usage(err, problem.what());
  }
  if (words.dashes && !app->got_subcommand("run"))
    return refuse_usage(err, "only `vsctl run` takes a command after --");
  if (const auto settled = settle_globals(globals, verbs_of(*app), invocation); !settled)
    return refuse_usage(err, settled.error().message);
  return invocation;
}

}  // namespace vs::ctl
