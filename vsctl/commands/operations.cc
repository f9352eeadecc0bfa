#include "vsctl/commands/operations.h"

#include <algorithm>
#include <thread>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "vsctl/client/fields.h"
#include "vsctl/commands/lists.h"
#include "vsctl/commands/settle.h"
#include "vsctl/output/progress.h"
#include "vsctl/output/text.h"

namespace vs::ctl {
namespace {

using nlohmann::json;

constexpr const char* kFollowLook = "250ms";  // how old what is shown may be, and how late a Ctrl-C is heard
constexpr ListForm kOperationForm{.kind = "Operation", .plural = "operations"};

std::string operation_path(const std::string& id) { return "/v1/operations/" + Http::escape(id); }

std::string operation_state(const json& operation) {
  const std::string state = text(operation, "state");
  return state.empty() ? text(field(operation, "status"), "state") : state;
}

bool has_ended(const std::string& state) {
  return state == "succeeded" || state == "failed" || state == "cancelled";
}

double part_done(const json& operation) {
  const json& progress = field(operation, "progress");
  const auto total = static_cast<double>(number(progress, "total"));
  return total <= 0 ? -1 : static_cast<double>(number(progress, "done")) / total;
}

// Cancelled or not, its end tells: so this only says what to expect.
void ask_to_stop(Session& session, const std::string& id) {
  const auto asked = session.daemon.post(operation_path(id) + ":cancel", json::object());
  if (!asked)
    session.err << printable(fmt::format("vsctl: {}; waiting for its end (Ctrl-C again: leave it to itself)",
                                         asked.error().message))
                << std::endl;
  else if (!session.quiet)
    session.err << printable(fmt::format("vsctl: operation {} was asked to stop", id)) << std::endl;
}

}  // namespace

Outcome<ExitCode> end_of_operation(const json& operation, const std::string& id) {
  const std::string state = operation_state(operation);
  if (state == "succeeded") return ExitCode::ok;
  // What was refused was refused for a reason, with all that is wrong.
  if (const json& problem = field(field(operation, "result"), "problem"); problem.is_object())
    return give_up(refusal_of(static_cast<int>(number(problem, "status")), "application/problem+json", problem.dump()));
  std::string message = text(operation, "message");
  if (message.empty()) message = text(operation, "reason");
  return give_up(state == "cancelled" ? ExitCode::cancelled : ExitCode::failed,
                 fmt::format("operation {} {}{}{}", id,
                             state == "cancelled" ? "was cancelled" : "failed", message.empty() ? "" : ": ", message));
}

Outcome<ExitCode> list_operations(Session& session, const OperationOptions& /*none*/) {
  auto list = session.daemon.list("operations");
  if (!list) return give_up(list.error());
  std::vector<json> operations((*list)["items"].begin(), (*list)["items"].end());
  show_list(session, kOperationForm, std::move(*list), std::move(operations));
  return ExitCode::ok;
}

Outcome<ExitCode> show_operation(Session& session, const OperationOptions& options) {
  const auto operation = session.daemon.read(operation_path(options.id));
  if (!operation) return give_up(operation.error());
  show_object(session, kOperationForm, *operation);
  return ExitCode::ok;
}

Outcome<ExitCode> wait_operation(Session& session, const OperationOptions& options) {
  ProgressBar bar(session.err, session.quiet);
  auto interval = kLookIntervalMin;
  for (std::string state; true;) {
    const auto operation = session.daemon.read(operation_path(options.id));
    const bool late = !operation && operation.error().exit == ExitCode::timeout && !state.empty();
    if (!operation && !late) return give_up(operation.error());
    if (operation) state = operation_state(*operation);
    if (late || (session.deadline.passed() && !has_ended(state)))
      return give_up(ExitCode::timeout, fmt::format("operation {} is {} after {} ms", options.id, state,
                                                    session.deadline.limit().count()));
    bar.show(text(*operation, "phase").empty() ? state : text(*operation, "phase"), part_done(*operation));
    if (has_ended(state)) {
      bar.clear();
      show_object(session, kOperationForm, *operation);
      return end_of_operation(*operation, options.id);
    }
    std::this_thread::sleep_for(std::min(interval, session.deadline.remaining()));
    interval = std::min(interval * 2, kLookIntervalMax);
  }
}

Outcome<json> follow_operation(Session& session, const Interrupts& interrupts, const std::string& id) {
  ProgressBar bar(session.err, session.quiet);
  const std::string target = operation_path(id) + "/wait?timeout=" + kFollowLook;
  for (bool asked = false; true;) {
    auto operation = session.daemon.read(target);
    if (!operation && operation.error().exit != ExitCode::timeout) return operation;
    const std::string state = operation ? operation_state(*operation) : "running";
    if (has_ended(state)) return operation;
    if (interrupts.came() && !asked) {
      asked = true;
      bar.clear();
      ask_to_stop(session, id);
    }
    if (!operation || session.deadline.passed())
      return give_up(ExitCode::timeout, fmt::format("operation {} is {} after {} ms, and goes on: vsctl op wait {}", id,
                                                    state, session.deadline.limit().count(), id));
    const std::string phase = text(*operation, "phase");
    bar.show(phase.empty() ? state : phase, part_done(*operation));
  }
}

Outcome<json> perform(Session& session, const std::string& path) {
  const Interrupts interrupts;
  const auto begun = session.daemon.post(path, json::object());
  if (!begun) return give_up(begun.error());
  const std::string id = text(*begun, "id");
  if (id.empty()) return give_up(ExitCode::internal, path + ": the daemon's answer names no operation");
  const auto ended = follow_operation(session, interrupts, id);
  if (!ended) return give_up(ended.error());
  if (auto good = end_of_operation(*ended, id); !good) return give_up(std::move(good.error()));
  return field(*ended, "result");
}

Outcome<ExitCode> cancel_operation(Session& session, const OperationOptions& options) {
  const auto operation = session.daemon.post(operation_path(options.id) + ":cancel", json::object());
  if (!operation) return give_up(operation.error());
  if (for_people(session.format))
    session.out << printable(fmt::format("operation/{} {}", options.id, operation_state(*operation))) << "\n";
  else
    session.out << render(*operation, session.format);
  return ExitCode::ok;
}

}  // namespace vs::ctl
