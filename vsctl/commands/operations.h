// `vsctl op`: work that takes its time: listed, shown, waited for, cancelled.
#pragma once

#include <string>

#include <nlohmann/json.hpp>

#include "vsctl/commands/interrupts.h"
#include "vsctl/commands/session.h"

namespace vs::ctl {

struct OperationOptions {
  std::string id;
};

Outcome<ExitCode> list_operations(Session& session, const OperationOptions& options);
Outcome<ExitCode> show_operation(Session& session, const OperationOptions& options);
// Ends as the operation does: ok, failed or cancelled; timeout, when it goes on. Shows progress on a
// terminal.
Outcome<ExitCode> wait_operation(Session& session, const OperationOptions& options);
// conflict, when it has ended or is past the point of no return.
Outcome<ExitCode> cancel_operation(Session& session, const OperationOptions& options);

// The operation when it has ended, however it did. Shows progress on a terminal; a Ctrl-C asks it to stop,
// once, and says so. timeout, when it goes on.
Outcome<nlohmann::json> follow_operation(Session& session, const Interrupts& interrupts, const std::string& id);

// Begins what `path` stands for, and its result when it has succeeded. Errors also: failed, cancelled.
Outcome<nlohmann::json> perform(Session& session, const std::string& path);

// Why an operation that has ended did not succeed; ok when it did.
Outcome<ExitCode> end_of_operation(const nlohmann::json& operation, const std::string& id);

}  // namespace vs::ctl
