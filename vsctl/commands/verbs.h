// The verbs of the command line, declared to the parser: their options, their help, what they run.
//
// Owned by one thread. `chosen` becomes the command that was asked for, and holds its options. Help is
// one sentence and an example; shells complete what is declared here by the names of positions (KIND,
// NAME, DOMAIN, SERVICE, SHELL, NODE, MIGRATION) and of options.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "vsctl/commands/session.h"

namespace vs::ctl {

using Command = std::function<Outcome<ExitCode>(Session&)>;
using Strings = std::vector<std::string>;

void add_object_verbs(CLI::App& app, Command& chosen);
void add_document_verbs(CLI::App& app, Command& chosen);
void add_observe_verbs(CLI::App& app, Command& chosen);
void add_admin_verbs(CLI::App& app, Command& chosen);
void add_channel_verbs(CLI::App& app, Command& chosen);
void add_placement_verbs(CLI::App& app, Command& chosen);
void add_migrate_verbs(CLI::App& app, Command& chosen);
void add_policy_verbs(CLI::App& app, Command& chosen);
// `after`: what stands behind "--", for `run`.
void add_node_verbs(CLI::App& app, Command& chosen, const Strings& after);

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

}  // namespace vs::ctl
