// The node itself, and what an administrator has done to it as operations.

#include <sys/utsname.h>
#include <unistd.h>

#include <chrono>
#include <memory>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/guarded.h"
#include "vsmgrd/api/idempotency.h"
#include "vsmgrd/api/list_query.h"
#include "vsmgrd/api/problem_details.h"
#include "vsmgrd/api/routes.h"
#include "vsmgrd/api/topology.h"
#include "vsmgrd/api/writing.h"
#include "vsmgrd/model/codec.h"

namespace vs::http {
namespace {

using nlohmann::json;

inline constexpr std::chrono::minutes kAdminDeadline{10};
inline constexpr std::chrono::seconds kTopologyAgeMax{10};

std::string host_name() {
  utsname names{};
  if (::uname(&names) != 0) return "localhost";
  std::string name = names.nodename;
  for (char& c : name) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  name = name.substr(0, name.find('.'));
  return check_name(name) ? name : "localhost";
}

// What it is changes seldom (a CPU is taken out, say), and to read it costs some files a CPU.
class ThisNode {
 public:
  explicit ThisNode(std::string name) : name_(name.empty() ? host_name() : std::move(name)) {}

  [[nodiscard]] const std::string& name() const { return name_; }
  std::shared_ptr<const Topology> topology() {
    const auto now = std::chrono::steady_clock::now();
    return last_.with([&](Last& last) {
      if (!last.topology || now - last.at > kTopologyAgeMax)
        last = {std::make_shared<const Topology>(read_topology()), now};
      return last.topology;
    });
  }

 private:
  struct Last {
    std::shared_ptr<const Topology> topology;
    std::chrono::steady_clock::time_point at;
  };
  const std::string name_;
  Guarded<Last> last_;
};

std::string kernel_release() {
  utsname names{};
  return ::uname(&names) == 0 ? names.release : "";
}

json node_document(Store& store, ThisNode& node) {
  const auto topology = node.topology();
  const Snapshot now = store.snapshot();
  json objects = json::object();
  for (const Kind kind : kKinds) objects[std::string(plural_of(kind))] = now.desired->of(kind).size();
  return {{"kind", "Node"},
          {"apiVersion", kApiVersion},
          {"metadata", {{"name", node.name()}}},
          {"spec", json::object()},
          {"status",
           {{"version", VS_VERSION},
            {"kernel", kernel_release()},
            {"hypervisor", {{"type", topology->hypervisor}, {"version", topology->hypervisor_version}}},
            {"topology", encode(*topology)},
            {"cpus", ::sysconf(_SC_NPROCESSORS_ONLN)},
            {"memoryBytes", static_cast<std::int64_t>(::sysconf(_SC_PHYS_PAGES)) * ::sysconf(_SC_PAGESIZE)},
            {"resourceVersion", now.desired->resource_version},
            {"policyGeneration", now.desired->policy_generation},
            {"eventId", now.event_id},
            {"objects", std::move(objects)},
            {"warnings", store.warnings().count_unresolved()}}}};
}

Response list_nodes(Store& store, ThisNode& node) {
  return json_response(200, {{"items", json::array({node_document(store, node)})}, {"metadata", json::object()}});
}

Response get_node(Store& store, ThisNode& node, const Call& call) {
  if (call.name == node.name()) return json_response(200, node_document(store, node));
  return problem_response({404, ErrorCode::not_found,
                           "node " + in_quotes(call.name) + ": this is " + in_quotes(node.name())},
                          call.request.id);
}

Response start(Jobs& jobs, const ThisNode& node, const Call& call, std::string kind, Jobs::Work work) {
  const auto operation = jobs.start({.kind = std::move(kind),
                                     .phase = "waiting",
                                     .resources = {"nodes/" + node.name()},
                                     .deadline = kAdminDeadline,
                                     .actor = actor_of(call.request)},
                                    std::move(work), once_of<Operation>(call, operation_begun));
  if (!operation) return problem_response(read_problem(operation.error()), call.request.id);
  return operation_begun(*operation);
}

// How an operation ends whose work gave `error`.
OperationLog::End failed(std::string reason, const Error& error) {
  return {.state = Operation::State::failed, .reason = std::move(reason), .message = error.message};
}

json encode_backup(const Backup& backup) { return {{"name", backup.name}, {"bytes", backup.bytes}}; }

// The copy gets a name of the daemon's: no path is taken from a client.
Response back_up(Store& store, Jobs& jobs, const ThisNode& node, const Call& call) {
  const auto work = [&store](JobControl& control) -> OperationLog::End {
    bool interrupted = false;
    const auto backup = store.backup([&](const char* phase, std::uint64_t done, std::uint64_t total) {
      interrupted =
          !control.report({.phase = phase, .done = done, .total = total, .unit = "pages", .cancellable = true});
      return !interrupted;
    });
    if (interrupted) return control.interrupted();
    if (!backup) return failed("BackupFailed", backup.error());
    return {.reason = "BackedUp",
            .message = "backup " + backup->name + " was made",
            .result = encode_backup(*backup).dump()};
  };
  return start(jobs, node, call, "Backup", work);
}

Response list_backups(Store& store, const Call& call) {
  const auto backups = store.backups();
  if (!backups) return problem_response(read_problem(backups.error()), call.request.id);
  json items = json::array();
  for (const Backup& backup : *backups) items.push_back(encode_backup(backup));
  return json_response(200, {{"items", std::move(items)}, {"metadata", json::object()}});
}

// Succeeds when it could look, whatever it found: `sound` says that.
Response examine(Store& store, Jobs& jobs, const ThisNode& node, const Call& call) {
  const auto work = [&store](JobControl& control) -> OperationLog::End {
    if (!control.report({.phase = "examining", .cancellable = false})) return control.interrupted();
    const auto findings = store.doctor();
    if (!findings) return failed("NotExamined", findings.error());
    json listed = json::array();
    bool sound = true;
    for (const Finding& finding : *findings) {
      sound = sound && finding.sound;
      listed.push_back(
          {{"check", finding.check}, {"sound", finding.sound}, {"message", finding.message}});
    }
    const json result{{"sound", sound}, {"findings", std::move(listed)}};
    return {.reason = sound ? "Sound" : "Unsound",
            .message = sound ? "nothing is wrong" : "something is wrong; the findings say what",
            .result = result.dump()};
  };
  return start(jobs, node, call, "Doctor", work);
}

}  // namespace

void add_placement_route(Router& router, Placed placed) {
  router.add({.method = "GET",
              .path = "/v1/placement",
              .handle =
                  [placed = std::move(placed)](const Call& call) {
                    json shown = placed ? placed() : json();
                    if (!shown.is_null()) return json_response(200, std::move(shown));
                    return problem_response({404, ErrorCode::not_found, "nothing is placed here: the CPUs of this node cannot be read"},
                                            call.request.id);
                  },
              .needs = Role::viewer,
              .node_wide = true});
}

void add_node_routes(Router& router, Store& store, Jobs& jobs, std::string name) {
  const auto node = std::make_shared<ThisNode>(std::move(name));
  const auto add_admin = [&](const char* path, Response (*act)(Store&, Jobs&, const ThisNode&, const Call&)) {
    router.add({.method = "POST",
                .path = path,
                .handle = [&store, &jobs, node, act](const Call& call) { return act(store, jobs, *node, call); },
                .needs = Role::admin,
                .node_wide = true,
                .keeps_key = true});
  };
  add_admin("/v1/admin/backup", back_up);
  add_admin("/v1/admin/doctor", examine);
  router.add({.method = "GET",
              .path = "/v1/admin/backups",
              .handle = [&store](const Call& call) { return list_backups(store, call); },
              .needs = Role::admin,
              .node_wide = true});
  router.add({.method = "GET",
              .path = "/v1/nodes",
              .handle = [&store, node](const Call&) { return list_nodes(store, *node); },
              .needs = Role::viewer,
              .node_wide = true});
  router.add({.method = "GET",
              .path = "/v1/nodes/{name}",
              .handle = [&store, node](const Call& call) { return get_node(store, *node, call); },
              .needs = Role::viewer,
              .node_wide = true});
}

}  // namespace vs::http
