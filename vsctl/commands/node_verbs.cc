#include "vsctl/commands/verbs.h"

#include <memory>

#include "vsctl/commands/completion.h"
#include "vsctl/commands/flush.h"
#include "vsctl/commands/metrics.h"
#include "vsctl/commands/run.h"
#include "vsctl/commands/version.h"

namespace vs::ctl {
namespace {

void add_run(CLI::App& app, Command& chosen, const Strings& after) {
  auto options = std::make_shared<RunOptions>();
  options->command = after;
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

void add_flush(CLI::App& app, Command& chosen) {
  auto options = std::make_shared<FlushOptions>();
  auto* command = add(app, chosen, "flush", "Has a service forget the answers that it keeps.", options, flush);
  command->add_option("SERVICE", options->service, "The service")->required();
  command->add_option("--domain", options->domain, "Only what is kept for this domain alone");
  command->add_option("--name", options->name, "Only answers about this name");
  command->footer("Example:\n  vsctl flush dns --name www.demo.test");
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
  command->add_option("SHELL", *shell, "bash, zsh or fish")->required();
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

}  // namespace

void add_node_verbs(CLI::App& app, Command& chosen, const Strings& after) {
  add_run(app, chosen, after);
  add_metrics(app, chosen);
  add_flush(app, chosen);
  add_version(app, chosen);
  add_completion(app, chosen);
}

}  // namespace vs::ctl
