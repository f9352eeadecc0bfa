#include <memory>

#include "vsctl/commands/drain.h"
#include "vsctl/commands/migrate.h"
#include "vsctl/commands/verbs.h"

namespace vs::ctl {
namespace {

using Migrate = Outcome<ExitCode> (*)(Session&, const MigrateOptions&);

// How a wait ends: `start` and `commit`.
constexpr const char* kEnds =
    "Ctrl-C ends the waiting, not the handoff; --timeout counts for each question to the daemon.\n"
    "Exit code 1: the domain stays where it was, 65: it is in doubt where it is, see `vsctl migrate resolve --help`.\n";

CLI::App* add_word(CLI::App& migrate, Command& chosen, const char* name, const char* what, Migrate run,
                   const std::shared_ptr<MigrateOptions>& options) {
  auto* command = add(migrate, chosen, name, what, options, run);
  command->add_option("MIGRATION", options->migration, "Its id, the first 8 digits or more of it, or its domain")->required();
  return command;
}

void add_starts(CLI::App& migrate, Command& chosen) {
  auto asked = std::make_shared<MigrateOptions>();
  auto* check = add(migrate, chosen, "check", "Asks both nodes whether a domain could move, and moves nothing.", asked, check_migration);
  check->add_option("DOMAIN", asked->domain, "The domain")->required();
  check->add_option("--to", asked->node, "The node it would go to")->required()->option_text("NODE");
  check->footer("Exit code 1: one of them says no, and why, 6: the other is not reached.\nExample:\n  vsctl migrate check web1 --to node2");

  auto options = std::make_shared<MigrateOptions>();
  auto* start = add(migrate, chosen, "start", "Moves a domain's bindings to another node, and waits until it serves them.", options,
                    start_migration);
  start->add_option("DOMAIN", options->domain, "The domain")->required();
  start->add_option("--to", options->node, "The node it goes to")->required()->option_text("NODE");
  start->add_flag("--manual", options->manual, "Only make all ready: whoever moves the guest says `freeze` and `commit`");
  start->add_flag("--no-wait", options->no_wait, "Only begin");
  start->footer(std::string(kEnds) + "Examples:\n  vsctl migrate start web1 --to node2\n  vsctl migrate start web1 --to node2 --manual");
}

void add_words(CLI::App& migrate, Command& chosen) {
  auto options = std::make_shared<MigrateOptions>();
  add_word(migrate, chosen, "cancel", "Stops a handoff; the domain stays where it is.", cancel_migration, options)
      ->footer("Exit code 4: it is past the point where it could be.\nExample:\n  vsctl migrate cancel web1");
  auto* freeze = add_word(migrate, chosen, "freeze", "Freezes a domain that is moved by hand, and waits until it is frozen.",
                          freeze_migration, options);
  freeze->add_flag("--no-wait", options->no_wait, "Only say so");
  freeze->footer("Without `commit` in time it thaws by itself, and the handoff is cancelled.\nExample:\n  vsctl migrate freeze web1");
  auto* commit = add_word(migrate, chosen, "commit", "Gives a frozen domain away, and waits until the other node serves it.",
                          commit_migration, options);
  commit->add_flag("--no-wait", options->no_wait, "Only say so");
  commit->footer(std::string(kEnds) + "Example:\n  vsctl migrate commit web1");
  auto* resolve = add_word(migrate, chosen, "resolve", "Ends a doubt by your word about the other node.", resolve_migration, options);
  resolve->add_option("--word", options->word, "What you swear, below")
      ->required()
      ->check(CLI::IsMember({"take-back", "give-up", "keep"}))
      ->option_text("WORD");
  resolve->add_flag("-y,--yes", options->yes, "Do not ask: you swear it");
  resolve->footer(
      "  take-back  on the source: the destination is off, or serves nothing of it, and nobody gave it to it by `keep`\n"
      "  give-up    on either: the other node has it\n"
      "  keep       on the destination: the source is off for good, or did not take it back\n"
      "A word that is wrong has two nodes serve one domain. Needs the role admin. Exit code 4: it is not in doubt, 9: you did not swear.\n"
      "Example:\n  vsctl migrate resolve web1 --word take-back");
}

void add_drain(CLI::App& app, Command& chosen) {
  auto options = std::make_shared<DrainOptions>();
  auto* command = add(app, chosen, "drain", "Moves every domain of this node to other nodes.", options, drain);
  command->add_option("NODE", options->node, "This node's name: so that no other is drained")->required();
  command->add_option("--to", options->targets, "Where to, in turn; those that say no are passed over")
      ->required()
      ->delimiter(',')
      ->allow_extra_args(false)
      ->option_text("NODE[,NODE...]");
  command->add_option("--parallel", options->parallel, "How many move at once, at most 64")
      ->check(CLI::Range(std::size_t{1}, kDrainParallelMax))
      ->option_text("N [4]");
  command->add_option("-l,--label", options->labels, "Only domains that a label selector fits");
  command->add_flag("--dry-run", options->dry_run, "Only ask the nodes, and say what would go where");
  command->footer(
      "Goes on past those that do not move; given again, it moves the rest. Ctrl-C begins no more, and waits for those on their way.\n"
      "Exit code 1: some did not move.\nExample:\n  vsctl drain node1 --to node2,node3 --parallel 8");
}

}  // namespace

void add_migrate_verbs(CLI::App& app, Command& chosen) {
  auto* migrate = app.add_subcommand("migrate", "Moves a domain to another node, and says how that stands.");
  migrate->require_subcommand(1);
  migrate->footer("Example:\n  vsctl migrate start web1 --to node2");
  add_starts(*migrate, chosen);
  auto options = std::make_shared<MigrateOptions>();
  auto* status = add(*migrate, chosen, "status", "Lists the handoffs, also those that ended; or shows one.", options, show_migrations);
  status->add_option("MIGRATION", options->migration, "Its id, the first 8 digits or more of it, or its domain; else all");
  status->footer("Example:\n  vsctl migrate status web1");
  add_words(*migrate, chosen);
  add_drain(app, chosen);
}

}  // namespace vs::ctl
