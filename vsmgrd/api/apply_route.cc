// POST /v1/apply and POST /v1/diff: the same transaction, kept or rolled back.

#include <utility>

#include <nlohmann/json.hpp>

#include "vsmgrd/api/apply_operation.h"
#include "vsmgrd/api/body.h"
#include "vsmgrd/api/idempotency.h"
#include "vsmgrd/api/json_diff.h"
#include "vsmgrd/api/problem_details.h"
#include "vsmgrd/api/routes.h"
#include "vsmgrd/api/writing.h"
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

// Which objects go when the documents do not name them. Only of what the identity sees: what is
// invisible to it is not its to prune.
Checked<std::function<bool(const Resource&)>> prune_of(const Call& call) {
  const auto text = call.parameter("prune");
  if (!text) return std::function<bool(const Resource&)>();
  auto labels = LabelSelector::parse(*text);
  if (!labels) return refuse(std::move(labels.error()).within("query parameter prune"));
  if (labels->everything())
    return refuse(ErrorCode::invalid,
                  "query parameter prune: needs a label selector, so that not everything is deleted");
  return [labels = std::move(*labels), identity = call.request.identity](const Resource& resource) {
    return labels.matches(resource.metadata.labels) && identity.sees(resource.metadata.labels);
  };
}

struct Documents {
  std::vector<Resource> resources;
  std::function<bool(const Resource&)> prune;
};

Checked<Documents> documents_of(const Call& call) {
  auto prune = prune_of(call);
  if (!prune) return tl::unexpected(std::move(prune.error()));
  auto files = files_of(call.request);
  if (!files) return tl::unexpected(std::move(files.error()));
  auto resources = load_policies(*files);
  if (!resources) return tl::unexpected(std::move(resources.error()));
  return Documents{std::move(*resources), std::move(*prune)};
}

Response apply(Store& store, Background& background, const Call& call) {
  if (auto known = check_wait(call); !known)
    return problem_response(read_problem(known.error()), call.request.id);
  auto documents = documents_of(call);
  if (!documents) return problem_response(invalid_problem(documents.error()), call.request.id);
  WriteOptions options = options_of(call);
  options.prune = std::move(documents->prune);
  if (is_operation(store, call, documents->resources))
    return apply_as_operation(store, background, call, std::move(documents->resources), std::move(options));
  options.once = once_of<ApplyOutcome>(call, apply_reply);
  const auto outcome = store.apply(std::move(documents->resources), std::move(options));
  if (!outcome) return problem_response(write_problem(outcome.error()), call.request.id);
  if (outcome->replayed) return replayed(*outcome->replayed);
  return answer_applied(background.waits, store, call, *outcome, apply_reply(*outcome));
}

// What a person declares of an object; what the server adds is no difference.
json declared(const std::shared_ptr<const Resource>& resource) {
  if (!resource) return nullptr;
  json metadata{{"name", resource->metadata.name}};
  if (!resource->metadata.labels.empty()) metadata["labels"] = resource->metadata.labels;
  return {{"metadata", std::move(metadata)}, {"spec", encode_spec(*resource)}};
}

json encode_differences(const Change& change) {
  const json before = declared(change.before);
  const json after = declared(change.after);
  if (before.is_null()) return encode(std::vector<Difference>{{.pointer = "", .after = after, .added = true}});
  if (after.is_null()) return encode(std::vector<Difference>{{.pointer = "", .before = before, .removed = true}});
  return encode(json_diff(before, after));
}

Response diff(Store& store, const Call& call) {
  auto documents = documents_of(call);
  if (!documents) return problem_response(invalid_problem(documents.error()), call.request.id);
  WriteOptions options = options_of(call);
  options.dry_run = true;
  options.prune = std::move(documents->prune);
  const auto outcome = store.apply(std::move(documents->resources), std::move(options));
  if (!outcome) return problem_response(write_problem(outcome.error()), call.request.id);
  json body = encode(*outcome);
  bool differs = false;
  for (std::size_t i = 0; i < outcome->changes.size(); ++i) {
    const Change& change = outcome->changes[i];
    differs = differs || change.action != Action::unchanged;
    body["changes"][i]["differences"] = encode_differences(change);
  }
  body["differs"] = differs;
  return json_response(200, body);
}

}  // namespace

void add_apply_routes(Router& router, Store& store, Background& background) {
  Route applying{.method = "POST",
                 .path = "/v1/apply",
                 .handle = [&store, &background](const Call& call) { return apply(store, background, call); },
                 .takes_body = true,
                 .writes = true,
                 .needs = Role::operator_,
                 .query = wait_parameters(),
                 .keeps_key = true};
  applying.query.emplace_back("prune");
  router.add(std::move(applying));
  router.add({.method = "POST",
              .path = "/v1/diff",
              .handle = [&store](const Call& call) { return diff(store, call); },
              .takes_body = true,
              .needs = Role::operator_,
              .query = {"prune"}});
}

}  // namespace vs::http
