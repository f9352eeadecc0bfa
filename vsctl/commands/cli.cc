#include "vsctl/commands/cli.h"

#include <algorithm>
#include <map>
#include <memory>

#include <CLI/CLI.hpp>

#include "vsctl/commands/apply.h"
#include "vsctl/commands/completion.h"
#include "vsctl/commands/delete.h"
#include "vsctl/commands/describe.h"
#include "vsctl/commands/duration.h"
#include "vsctl/commands/explain.h"
#include "vsctl/commands/get.h"
#include "vsctl/commands/kinds.h"
#include "vsctl/commands/metrics.h"
#include "vsctl/commands/run.h"
#include "vsctl/commands/version.h"

namespace vs::ctl {
namespace {

using Command = std::function<Outcome<ExitCode>(Session&)>;
using Strings = std::vector<std::string>;

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
  if (words.dashes) words.after.assign(dashes + 1, arguments.end());
  return words;
}

// A command whose options live as long as the parser does.
template <class Options>
CLI::App* add(CLI::App& app, Command& chosen, const char* name, const char* what,
              std::shared_ptr<Options> options,
              Outcome<ExitCode> (*run)(Session&, const Options&)) {
  CLI::App* command = app.add_subcommand(name, what);
  command->callback([&chosen, options, run] {
    chosen = [=](Session& session) { return run(session, *options); };
  });
  return command;
}

void add_apply(CLI::App& app, Command& chosen) {
  auto options = std::make_shared<ApplyOptions>();
  auto* command =
      add(app, chosen, "apply", "Creates or replaces what files declare: all of it, or nothing.",
          options, apply);
  command
      ->add_option("-f,--filename", options->paths,
                   "A file, a directory (its *.yaml and *.yml) or - for standard input")
      ->required()
      ->allow_extra_args(false);
  command->add_flag("--dry-run", options->dry_run, "Only say what would change");
  command->add_flag("--no-wait", options->no_wait,
                    "Do not wait until changed bindings are in force");
  command->footer("Example:\n  vsctl apply -f policies/demo.yaml");
}

void add_get(CLI::App& app, Command& chosen) {
  auto options = std::make_shared<GetOptions>();
  auto* command =
      add(app, chosen, "get", "Lists the objects of a kind, or shows one.", options, get);
  command->add_option("KIND", options->kind, kKindHelp)->required();
  command->add_option("NAME", options->name, "Only the object of this name");
  command
      ->add_option("-l,--label", options->labels,
                   "Only objects with this label, key=value; may be repeated")
      ->allow_extra_args(false);
  command->add_flag("--no-headers", options->no_headings, "A table without its first line");
  command->footer("Example:\n  vsctl get bindings -l team=web -o yaml");
}

void add_describe(CLI::App& app, Command& chosen) {
  auto options = std::make_shared<DescribeOptions>();
  auto* command =
      add(app, chosen, "describe", "Shows everything about one object, and what depends on it.",
          options, describe);
  command->add_option("KIND", options->kind, kKindHelp)->required();
  command->add_option("NAME", options->name, "The object's name")->required();
  command->footer("Example:\n  vsctl describe domain web1");
}

void add_delete(CLI::App& app, Command& chosen) {
  auto options = std::make_shared<DeleteOptions>();
  auto* command = add(app, chosen, "delete", "Deletes one object, unless others need it.", options,
                      delete_object);
  command->add_option("KIND", options->kind, kKindHelp)->required();
  command->add_option("NAME", options->name, "The object's name")->required();
  command->add_flag("--dry-run", options->dry_run, "Only say what would change");
  command->footer("Example:\n  vsctl delete binding web1-dns");
}

void add_explain(CLI::App& app, Command& chosen) {
  auto options = std::make_shared<ExplainOptions>();
  auto* command =
      add(app, chosen, "explain",
          "Says whether a domain may use a service, and which rule decides.", options, explain);
  command->add_option("DOMAIN", options->domain, "The guest")->required();
  command->add_option("SERVICE", options->service, "What it wants to use")->required();
  command->footer("Exit code 0: allowed, 1: denied.\nExample:\n  vsctl explain web2 dns");
}

void add_run(CLI::App& app, Command& chosen, const Arguments& words) {
  auto options = std::make_shared<RunOptions>();
  options->command = words.after;
  auto* command =
      add(app, chosen, "run",
          "Runs a command as a guest: without network, with the domain's services.", options, run);
  command->add_option("DOMAIN", options->domain, "The guest to be")->required();
  command
      ->add_option("--env", options->environment,
                   "An environment variable, KEY=VALUE; may be repeated")
      ->allow_extra_args(false);
  command
      ->add_option("--hide", options->hidden,
                   "A directory to keep out of the guest's sight; may be repeated")
      ->allow_extra_args(false);
  command->footer(
      "All of it: vsctl run [OPTIONS] DOMAIN -- COMMAND [ARGUMENT...]\n"
      "The command sees the node's files read-only, scratch space of its own in /tmp, and its "
      "devices in\n"
      "/run/vservice. It ends when vsctl does, and vsctl ends with its status.\n"
      "Example:\n  vsctl run web1 -- getent ahosts www.demo.test");
}

void add_metrics(CLI::App& app, Command& chosen) {
  auto options = std::make_shared<MetricsOptions>();
  auto* command = add(app, chosen, "metrics", "Shows what the daemon measures.", options, metrics);
  command->add_option("PREFIX", options->prefix, "Only metrics whose name begins so");
  command->footer("Example:\n  vsctl metrics vservices_requests");
}

void add_version(CLI::App& app, Command& chosen) {
  auto* command = app.add_subcommand("version", "Shows the versions of vsctl and of the daemon.");
  command->callback([&chosen] { chosen = version; });
  command->footer("Example:\n  vsctl version -o json");
}

void add_completion(CLI::App& app, Command& chosen) {
  auto shell = std::make_shared<std::string>();
  auto* command = app.add_subcommand("completion",
                                     "Prints the script by which a shell completes vsctl's words.");
  command->add_option("SHELL", *shell, "bash or zsh")->required();
  command->callback([&chosen, shell] {
    chosen = [shell](Session& session) -> Outcome<ExitCode> {
      const auto script = completion_script(*shell);
      if (!script) return give_up(script.error());
      session.out << *script;
      return ExitCode::ok;
    };
  });
  command->footer("Example:\n  source <(vsctl completion bash)");
}

void add_globals(CLI::App& app, Invocation& invocation, std::string& timeout) {
  app.add_option("--socket", invocation.socket_path, "The daemon's socket")
      ->envname(kSocketVariable)
      ->default_str(kDefaultSocket);
  const std::map<std::string, OutputFormat> formats{
      {"table", OutputFormat::table}, {"json", OutputFormat::json}, {"yaml", OutputFormat::yaml}};
  app.add_option("-o,--output", invocation.format, "The form of the answer: table, json or yaml")
      ->transform(CLI::Transformer(formats, CLI::ignore_case))
      ->option_text("FORMAT");
  app.add_option("--timeout", timeout,
                 "How long to ask and wait for the daemon, such as 500ms or 1m")
      ->option_text("DURATION [10s]");
}

ExitCode refuse_usage(std::ostream& err, const std::string& what) {
  err << "vsctl: " << what << "\nSee `vsctl --help`.\n";
  return ExitCode::invalid;
}

}  // namespace

std::variant<Invocation, ExitCode> parse_command_line(const Strings& arguments, std::ostream& out,
                                                      std::ostream& err) {
  Invocation invocation{.socket_path = kDefaultSocket};
  std::string timeout;
  const Arguments words = split(arguments);

  CLI::App app("Manages the services of this node: who may use what, and why.", "vsctl");
  app.require_subcommand(1);
  app.fallthrough();  // global options may stand behind the verb
  app.set_version_flag("--version", "vsctl " VS_VERSION);
  add_globals(app, invocation, timeout);
  app.footer(std::string("`vsctl VERB --help` shows an example of each verb. Data goes to standard "
                         "output, messages to standard "
                         "error.\n\n") +
             kExitCodesHelp);
  add_apply(app, invocation.command);
  add_get(app, invocation.command);
  add_describe(app, invocation.command);
  add_delete(app, invocation.command);
  add_explain(app, invocation.command);
  add_run(app, invocation.command, words);
  add_metrics(app, invocation.command);
  add_version(app, invocation.command);
  add_completion(app, invocation.command);

  try {
    app.parse(
        Strings(words.before.rbegin(), words.before.rend()));  // CLI11 takes them from the back
  } catch (const CLI::Success& asked) {
    app.exit(asked, out, err);
    return ExitCode::ok;
  } catch (const CLI::ParseError& problem) {
    return refuse_usage(err, problem.what());
  }
  if (words.dashes && !app.got_subcommand("run"))
    return refuse_usage(err, "only `vsctl run` takes a command after --");
  if (!timeout.empty()) {
    const auto parsed = parse_timeout(timeout);
    if (!parsed) return refuse_usage(err, "--timeout: " + parsed.error().message);
    invocation.timeout = *parsed;
  }
  return invocation;
}

}  // namespace vs::ctl
