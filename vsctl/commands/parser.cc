#include "vsctl/commands/parser.h"

namespace vs::ctl {
namespace {

void add_answer_options(CLI::App& app, Invocation& invocation, Globals& globals) {
  app.add_option("-o,--output", globals.output,
                 "The form of the answer: table, wide, json, yaml or jsonpath=TEMPLATE, such as\n"
                 "jsonpath='{.status.state}'; of lists also csv and name")
      ->option_text("FORMAT");
  app.add_option("--color", globals.colour, "Colours: auto (on a terminal, without NO_COLOR), always or never")
      ->check(CLI::IsMember({"auto", "always", "never"}))
      ->option_text("WHEN");
  app.add_flag("-q,--quiet", invocation.quiet, "No progress and no remarks, only data and errors");
  app.add_flag("-v,--verbose", globals.verbose, "A line for each request, on standard error");
  app.add_flag("--debug", globals.debug, "Everything that is said to the daemon, on standard error");
}

void add_daemon_options(CLI::App& app, Invocation& invocation, Globals& globals) {
  Endpoint& endpoint = invocation.endpoint;
  app.add_option("--socket", endpoint.socket_path, "The daemon's socket")
      ->envname(kSocketVariable)
      ->default_str(kDefaultSocket);
  app.add_option("--host", endpoint.host, "A daemon elsewhere, https://NODE:PORT, instead of the socket")
      ->envname(kHostVariable)
      ->option_text("URL (Env:" + std::string(kHostVariable) + ")");
  app.add_option("--token-file", globals.token_file,
                 std::string("A file with the token to show; or ") + kTokenVariable + " holds it")
      ->option_text("FILE");
  app.add_option("--cacert", endpoint.ca_file, "Whom to trust, instead of the system's authorities")
      ->option_text("FILE");
  app.add_option("--cert", endpoint.cert_file, "Our certificate")->option_text("FILE");
  app.add_option("--key", endpoint.key_file, "Its key")->option_text("FILE");
  app.add_option("--timeout", globals.timeout,
                 "How long to ask and wait for the daemon, such as 500ms or 1m")
      ->option_text("DURATION [10s]");
}

// What the help of a verb does not show is shown by that of the program.
void add_reference(CLI::App& app) {
  for (CLI::App* verb : app.get_subcommands([](const CLI::App*) { return true; })) {
    verb->footer(verb->get_footer() + "\n\nOptions of every verb, such as -o and --timeout, and all exit codes: vsctl --help");
    add_reference(*verb);
  }
}

}  // namespace

std::unique_ptr<CLI::App> make_parser(Invocation& invocation, Globals& globals,
                                      const Strings& after) {
  auto app = std::make_unique<CLI::App>(
      "Manages the services of this node: who may use what, and why.", "vsctl");
  app->require_subcommand(1);
  app->fallthrough();  // global options may stand behind the verb
  app->set_version_flag("--version", "vsctl " VS_VERSION);
  add_daemon_options(*app, invocation, globals);
  add_answer_options(*app, invocation, globals);
  app->footer(std::string("`vsctl VERB --help` shows an example of each verb. Data goes to standard "
                          "output, messages to standard "
                          "error.\n\n") +
              kExitCodesHelp);
  add_document_verbs(*app, invocation.command);
  add_object_verbs(*app, invocation.command);
  add_observe_verbs(*app, invocation.command);
  add_channel_verbs(*app, invocation.command);
  add_admin_verbs(*app, invocation.command);
  add_placement_verbs(*app, invocation.command);
  add_migrate_verbs(*app, invocation.command);
  add_policy_verbs(*app, invocation.command);
  add_node_verbs(*app, invocation.command, after);
  add_reference(*app);
  return app;
}

}  // namespace vs::ctl
