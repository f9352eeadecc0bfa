#include "vsctl/commands/verbs.h"

#include "vsctl/commands/events.h"
#include "vsctl/commands/operations.h"
#include "vsctl/commands/sla.h"
#include "vsctl/commands/top.h"
#include "vsctl/commands/ui.h"
#include "vsctl/commands/warnings.h"

namespace vs::ctl {
namespace {

void add_labels(CLI::App& command, std::string& labels) {
  command.add_option("-l,--label", labels, "Only what a label selector fits");
}

void add_events(CLI::App& app, Command& chosen) {
  auto options = std::make_shared<EventsOptions>();
  auto* command = add(app, chosen, "events", "Shows what happened on the node, the oldest first.", options, events);
  command->add_option("--since", options->since, "Only events after the one with this number");
  command->add_flag("--follow", options->follow, "Go on with what happens from now, or from --since, on");
  command->add_option("--filter", options->filter, "Only events for which this holds, such as \"type eq 'binding.failed'\"");
  add_labels(*command, options->labels);
  command->footer("As JSON, an event a line. A broken connection is made again and goes on where it was.\n"
                  "Exit code 3: events after --since are no longer kept.\nExample:\n  vsctl events --follow -o json");
}

void add_watch(CLI::App& app, Command& chosen) {
  auto options = std::make_shared<WatchOptions>();
  auto* command = add(app, chosen, "watch", "Lists the objects of a kind, then each that changes, for ever.", options, watch);
  command->add_option("KIND", options->kind, "A kind, or events")->required();
  add_labels(*command, options->labels);
  command->footer("As JSON, an object a line; one that is gone has \"deleted\": true.\nExample:\n  vsctl watch bindings");
}

void add_top(CLI::App& app, Command& chosen) {
  auto options = std::make_shared<TopOptions>();
  auto* command = add(app, chosen, "top", "Shows what the bindings do: requests a second and how long they take.", options, top);
  command->add_flag("--once", options->once, "One table, no full screen");
  command->add_option("--interval", options->interval, "Between two looks")->option_text("DURATION [2s]");
  command->add_option("--sort", options->sort, "By rate, p99, sessions or name")
      ->check(CLI::IsMember({"rate", "p99", "sessions", "name"}))
      ->option_text("COLUMN [rate]");
  command->footer("Keys: s sorts by the next column, q ends it.\nExample:\n  vsctl top --once -o json");
}

void add_sla(CLI::App& app, Command& chosen) {
  auto options = std::make_shared<SlaOptions>();
  auto* command = add(app, chosen, "sla", "Shows what was promised to bindings, and how it is kept.", options, sla);
  command->add_option("BINDING", options->binding, "One binding; else all");
  command->footer("Class * is all requests of no content class. Exit code 1: nothing was promised to BINDING.\n"
                  "Example:\n  vsctl sla web1-dns");
}

void add_ui(CLI::App& app, Command& chosen) {
  auto options = std::make_shared<UiOptions>();
  auto* command = add(app, chosen, "ui", "Shows the node as a page, to a browser on this machine.", options, ui);
  command->add_option("--port", options->port, "Of 127.0.0.1, to listen on")->option_text("PORT [any that is free]");
  command->footer("Prints the address, with a secret in it, and serves it until Ctrl-C. The page only reads, as you.\n"
                  "From another machine: ssh -L 8080:127.0.0.1:PORT NODE, then the same address with port 8080.\n"
                  "Exit code 4: the port is taken.\nExample:\n  vsctl ui --port 8080");
}

void add_operation(CLI::App& op, Command& chosen, const char* name, const char* what, const char* footer, bool with_id,
                   Outcome<ExitCode> (*run)(Session&, const OperationOptions&)) {
  auto options = std::make_shared<OperationOptions>();
  auto* command = add(op, chosen, name, what, options, run);
  if (with_id) command->add_option("ID", options->id, "The operation")->required();
  command->footer(footer);
}

void add_operations(CLI::App& app, Command& chosen) {
  auto* op = app.add_subcommand("op", "Shows, waits for and cancels work that takes its time.");
  op->require_subcommand(1);
  op->footer("Example:\n  vsctl op list");
  add_operation(*op, chosen, "list", "Lists operations, those that ended in the last 7 days as well.",
                "Example:\n  vsctl op list", false, list_operations);
  add_operation(*op, chosen, "show", "Shows one operation.", "Example:\n  vsctl op show ID -o json", true, show_operation);
  add_operation(*op, chosen, "wait", "Waits until an operation has ended, and ends as it did.",
                "Exit code 0: succeeded, 7: it goes on after --timeout, 8: failed, 9: cancelled.\nExample:\n  vsctl op wait ID --timeout 10m",
                true, wait_operation);
  add_operation(*op, chosen, "cancel", "Asks for an operation to be stopped.",
                "Exit code 4: it has ended, or is past the point where it could be.\nExample:\n  vsctl op cancel ID", true,
                cancel_operation);
}

void add_warnings(CLI::App& app, Command& chosen) {
  auto options = std::make_shared<WarningsOptions>();
  auto* command = add(app, chosen, "warnings", "Lists what is wrong on the node and needs a person.", options, warnings);
  command->add_flag("--all", options->all, "Those acknowledged and resolved as well");
  command->footer("Example:\n  vsctl warnings");
  auto ids = std::make_shared<AcknowledgeOptions>();
  auto* ack = add(app, chosen, "ack", "Says that a person knows of a warning.", ids, acknowledge);
  ack->add_option("ID", ids->ids, "The warning's id; several may be given")->required();
  ack->footer("Example:\n  vsctl ack 0b6cf1d2-58a7-4d0e-9f3c-6a2f4b1c7d10");
}

}  // namespace

void add_observe_verbs(CLI::App& app, Command& chosen) {
  add_events(app, chosen);
  add_watch(app, chosen);
  add_top(app, chosen);
  add_sla(app, chosen);
  add_ui(app, chosen);
  add_operations(app, chosen);
  add_warnings(app, chosen);
}

}  // namespace vs::ctl
