#include "vsctl/commands/verbs.h"

#include <memory>

#include "vsctl/commands/explain.h"
#include "vsctl/commands/policy.h"

namespace vs::ctl {
namespace {

void add_explain(CLI::App& app, Command& chosen) {
  auto options = std::make_shared<ExplainOptions>();
  auto* command =
      add(app, chosen, "explain",
          "Says whether a domain may use a service, and which rule decides.", options, explain);
  command->add_option("DOMAIN", options->domain, "The guest; or the word binding");
  command->add_option("SERVICE", options->service, "What it wants to use; or the binding's name");
  command->add_option("--decision", options->decision, "A decision that was made, by its number")
      ->check(CLI::PositiveNumber)
      ->option_text("ID");
  command->add_option("--channel", options->channel, "What it may do with that channel of the service")
      ->option_text("NAME");
  command->add_option("--verb", options->verb, "With --channel: only that: create, publish or subscribe")
      ->check(CLI::IsMember({"create", "publish", "subscribe"}))
      ->needs("--channel")
      ->option_text("VERB");
  command->footer(
      "Exit code 0: allowed, 1: denied.\nExample:\n  vsctl explain web2 dns\n  vsctl explain binding "
      "web2-dns\n  vsctl explain --decision 17\n  vsctl explain sensor "
      "bus --channel room.north --verb publish");
}

void add_test(CLI::App& policy, Command& chosen) {
  auto options = std::make_shared<PolicyTestOptions>();
  auto* command = add(policy, chosen, "test",
                      "Asks policies the questions of a file, and compares the answers.", options,
                      policy_test);
  command->add_option("-f,--filename", options->cases, "Cases: a file, a directory or -")
      ->required()
      ->allow_extra_args(false);
  command
      ->add_option("--policy", options->policies,
                   "Ask these files alone, and not the daemon's policies; may be repeated")
      ->allow_extra_args(false);
  command->add_option("--coverage", options->coverage_percent, "Rules that cases must reach at least, in %")
      ->check(CLI::Range(0, 100))
      ->option_text("PERCENT");
  command->footer(
      "Exit code 0: every case passed, 1: one failed, or they reach too few rules.\nExample:\n  vsctl policy test -f "
      "policies/tests/demo.yaml --policy policies/demo.yaml");
}

CLI::App* add_with_files(CLI::App& policy, Command& chosen, const char* name, const char* what,
                         Outcome<ExitCode> (*run)(Session&, const PolicyFilesOptions&),
                         bool required) {
  auto options = std::make_shared<PolicyFilesOptions>();
  auto* command = add(policy, chosen, name, what, options, run);
  command->add_option("-f,--filename", options->paths, "Policies: a file, a directory or -")
      ->required(required)
      ->allow_extra_args(false);
  return command;
}

void add_rollback(CLI::App& policy, Command& chosen) {
  auto options = std::make_shared<PolicyRollbackOptions>();
  auto* command = add(policy, chosen, "rollback",
                      "Makes the policies what they were in an earlier generation.", options,
                      policy_rollback);
  command->add_option("GENERATION", options->generation,
                      "Which one, by `vsctl policy history`; the one before the newest by default");
  command->add_flag("--dry-run", options->dry_run, "Only say what would change");
  command->footer("It is a change like any other, and can be taken back. Exit code 3: that generation is not kept.\n"
                  "Examples:\n  vsctl policy rollback --dry-run\n  vsctl policy rollback 12");
}

void add_policy(CLI::App& app, Command& chosen) {
  auto* policy = app.add_subcommand("policy", "Tests, compares, checks and takes back policies.");
  policy->require_subcommand(1);
  policy->footer("Example:\n  vsctl policy lint -f policies/");
  add_test(*policy, chosen);
  add_with_files(*policy, chosen, "simulate",
                 "Says which recorded decisions these files would turn over.", policy_simulate, true)
      ->footer("Exit code 0: none, 1: some.\nExample:\n  vsctl policy simulate -f policies/");
  add_with_files(*policy, chosen, "lint",
                 "Finds rules that never do anything, or not what they seem.", policy_lint, false)
      ->footer(
          "Without files: the daemon's policies. Exit code 0: nothing found, 1: "
          "something.\nExample:\n  vsctl policy lint -f policies/demo.yaml");
  add_rollback(*policy, chosen);
  add(*policy, chosen, "history", "Lists the generations of the policies that are kept.",
      std::make_shared<PolicyHistoryOptions>(), policy_history)
      ->footer("Example:\n  vsctl policy history");
  add(*policy, chosen, "cat", "Shows every rule, with the file and line it came from.",
      std::make_shared<PolicyCatOptions>(), policy_cat)
      ->footer("Example:\n  vsctl policy cat");
}

}  // namespace

void add_policy_verbs(CLI::App& app, Command& chosen) {
  add_explain(app, chosen);
  add_policy(app, chosen);
}

}  // namespace vs::ctl
