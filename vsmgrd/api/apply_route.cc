#include <utility>

#include <nlohmann/json.hpp>

#include "vsmgrd/api/body.h"
#include "vsmgrd/api/problem_details.h"
#include "vsmgrd/api/routes.h"
#include "vsmgrd/model/codec.h"
#include "vsmgrd/policy/loader.h"

namespace vs::http {
namespace {

using nlohmann::json;

inline constexpr std::size_t kFilesMax = 1000;  // of one apply

Checked<std::vector<PolicyFile>> files_of(const Request& request) {
  auto body = parse_body(request.body);
  if (!body) return tl::unexpected(std::move(body.error()));
  std::vector<Problem> problems;
  check_members(*body, "", {"files"}, problems);
  if (!problems.empty()) return refuse_body(std::move(problems));

  const json& listed = (*body)["files"];
  if (!listed.is_array() || listed.size() > kFilesMax) {
    const std::string what = "must be a list of at most " + std::to_string(kFilesMax) + " files";
    return refuse_body({{"/files", what}});
  }
  std::vector<PolicyFile> files;
  for (const json& file : listed) {
    const std::size_t faults = problems.size();
    check_strings(file, "/files/" + std::to_string(files.size()), {"name", "text"}, problems);
    files.emplace_back();
    if (problems.size() == faults) files.back() = {file["name"], file["text"]};
  }
  if (!problems.empty()) return refuse_body(std::move(problems));
  return files;
}

Response apply(Store& store, const Call& call) {
  auto files = files_of(call.request);
  if (!files) return problem_response(invalid_problem(files.error()), call.request.id);
  auto resources = load_policies(*files);
  if (!resources) return problem_response(invalid_problem(resources.error()), call.request.id);
  const auto outcome = store.apply(std::move(*resources), {.dry_run = call.dry_run});
  if (!outcome) return problem_response(write_problem(outcome.error()), call.request.id);
  return json_response(200, encode(*outcome));
}

}  // namespace

json encode(const ApplyOutcome& outcome) {
  json changes = json::array();
  for (const Change& change : outcome.changes)
    changes.push_back({{"kind", name_of(change.kind)},
                       {"name", change.name},
                       {"action", name_of(change.action)}});
  json decisions = json::array();
  for (const auto& [binding, decision] : outcome.decisions_changed)
    decisions.push_back({{"binding", binding}, {"decision", vs::encode(decision)}});
  return {{"changes", std::move(changes)},
          {"decisionsChanged", std::move(decisions)},
          {"resourceVersion", outcome.resource_version}};
}

void add_apply_route(Router& router, Store& store) {
  router.add({.method = "POST",
              .path = "/v1/apply",
              .handle = [&store](const Call& call) { return apply(store, call); },
              .takes_body = true,
              .writes = true});
}

}  // namespace vs::http
