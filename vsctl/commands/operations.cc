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

constexpr ListForm kOperationForm{.kind = "Operation", .plural = "operations"};

std::string operation_path(const std::string& id) { return "/v1/operations/" + Http::escape(id); }

std::string operation_state(const json& operation) {
  const std::string state = text(operation, "state");
  return state.empty() ? text(field(operation, "status"), "state") : state;
}

bool has_ended(const std::string& state) {
  return state == "succeeded" || state == "failed" || state == "cancelled";
}

Outcome<ExitCode> end_of(const json& operation, const std::string& id) {
  const std::string state = operation_state(operation);
  if (state == "succeeded") return ExitCode::ok;
  std::string message = text(operation, "message");
  if (message.empty()) message = text(operation, "reason");
  return give_up(state == "cancelled" ? ExitCode::cancelled : ExitCode::failed,
                 fmt::format("operation {} {}{}{}", id, state == "cancelled" ? "was cancelled" : "failed",
                             message.empty() ? "" : ": ", message));
}

double part_done(const json& operation) {
  const json& progress = field(operation, "progress");
  const auto total = static_cast<double>(number(progress, "total"));
  return total <= 0 ? -1 : static_cast<double>(number(progress, "done")) / total;
}

}  // namespace

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
      return end_of(*operation, options.id);
    }
    std::this_thread::sleep_for(std::min(interval, session.deadline.remaining()));
    interval = std::min(interval * 2, kLookIntervalMax);
  }
}

Outcome<json> perform(Session& session, const std::string& path) {
  const auto begun = session.daemon.post(path, json::object());
  if (!begun) return give_up(begun.error());
  const std::string id = text(*begun, "id");
  if (id.empty()) return give_up(ExitCode::internal, path + ": the daemon's answer names no operation");
  for (;;) {
    const auto operation = session.daemon.read(operation_path(id) + "/wait?timeout=5s");
    if (!operation) return give_up(operation.error());
    const std::string state = operation_state(*operation);
    if (state == "succeeded") return field(*operation, "result");
    if (has_ended(state)) return give_up(end_of(*operation, id).error());
    if (session.deadline.passed())
      return give_up(ExitCode::timeout, fmt::format("operation {} is {} after {} ms", id, state,
                                                    session.deadline.limit().count()));
  }
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
