#include "vsctl/commands/verbs.h"

#include "vsctl/commands/apply.h"

namespace vs::ctl {
namespace {

void add_inputs(CLI::App& command, ApplyOptions& options) {
  command
      .add_option("-f,--filename", options.paths,
                  "A file, a directory (its *.yaml and *.yml) or - for standard input; may be repeated")
      ->required()
      ->allow_extra_args(false);
  command.add_flag("--prune", options.prune, "Delete what -l selects and no file declares");
  command.add_option("-l,--label", options.labels, "With --prune: a label selector, such as app=web")
      ->allow_extra_args(false);
}

void add_apply(CLI::App& app, Command& chosen) {
  auto options = std::make_shared<ApplyOptions>();
  auto* command =
      add(app, chosen, "apply", "Creates or replaces what files declare: all of it, or nothing.",
          options, apply);
  add_inputs(*command, *options);
  command->add_flag("--dry-run", options->dry_run, "Only say what would change");
  command->add_flag("--diff", options->diff, "Show what changes in each object first");
  command->add_flag("--no-wait", options->no_wait,
                    "Do not wait until changed bindings are in force");
  command->add_flag("--detailed-exitcode", options->detailed_exit_code,
                    "Exit code 10 when something changed, 0 when nothing did");
  command->footer(
      "Exit code 1: a binding failed, 2: something is wrong with the files, and nothing was changed, 65: committed, but\n"
      "not in force within --timeout; it stays recorded.\n"
      "Examples:\n  vsctl apply -f policies/demo.yaml\n  vsctl apply -f policies/ --prune -l app=shop --dry-run --diff");
}

void add_diff(CLI::App& app, Command& chosen) {
  auto options = std::make_shared<ApplyOptions>();
  auto* command = add(app, chosen, "diff",
                      "Shows what an apply of files would change, by the same code.", options, diff);
  add_inputs(*command, *options);
  command->footer("Exit code 0: no differences, 1: some, more: it could not be found out.\n"
                  "Example:\n  vsctl diff -f policies/demo.yaml");
}

}  // namespace

void add_document_verbs(CLI::App& app, Command& chosen) {
  add_apply(app, chosen);
  add_diff(app, chosen);
}

}  // namespace vs::ctl
