// /v1/policies:test, :lint, :simulate, :history and :rollback: what is asked of policies as a whole.

#include <set>
#include <utility>

#include <nlohmann/json.hpp>

#include "vsmgrd/api/body.h"
#include "vsmgrd/api/idempotency.h"
#include "vsmgrd/api/policy_files.h"
#include "vsmgrd/api/problem_details.h"
#include "vsmgrd/api/routes.h"
#include "vsmgrd/api/writing.h"
#include "vsmgrd/model/codec.h"
#include "vsmgrd/policy/cases.h"
#include "vsmgrd/policy/engine.h"
#include "vsmgrd/policy/lint.h"
#include "vsmgrd/policy/replay.h"

namespace vs::http {
namespace {

using nlohmann::json;
using Policies = std::shared_ptr<PolicyEngine>;

// The lists of files a body may have, by their names.
struct Bodies {
  std::vector<PolicyFile> cases;
  std::optional<std::vector<PolicyFile>> files;
};

Checked<Bodies> bodies_of(const Request& request, bool with_cases) {
  Bodies bodies;
  auto body = parse_body(request.body);
  if (!body) return tl::unexpected(std::move(body.error()));
  std::vector<Problem> problems;
  std::vector<std::string> members;
  if (with_cases) members.emplace_back("cases");
  if (body->contains("files")) members.emplace_back("files");
  check_members(*body, "", members, problems);
  if (!problems.empty()) return refuse_body(std::move(problems));
  if (with_cases) bodies.cases = files_at((*body)["cases"], "/cases", problems);
  if (body->contains("files")) bodies.files = files_at((*body)["files"], "/files", problems);
  if (!problems.empty()) return refuse_body(std::move(problems));
  return bodies;
}

void put_all(std::vector<Resource> resources, Desired& into) {
  for (Resource& resource : resources) {
    std::string name = resource.metadata.name;
    into.of(resource.kind()).insert_or_assign(std::move(name), std::move(resource));
  }
}

// What is asked: the files alone, or without files what the daemon has.
Checked<Desired> candidate_of(const Store& store, const Bodies& bodies) {
  if (!bodies.files) {
    auto desired = store.desired();
    if (!desired) return refuse(std::move(desired.error()));
    return std::move(*desired);
  }
  auto resources = load_policies(*bodies.files);
  if (!resources) return tl::unexpected(std::move(resources.error()));
  Desired desired;
  put_all(std::move(*resources), desired);
  return desired;
}

json encode_rule(const PlacedRule& placed) {
  json out{{"policy", placed.policy}, {"rule", placed.rule.id}};
  if (placed.source) out["source"] = vs::encode(*placed.source);
  return out;
}

json encode_report(const TestReport& report) {
  json results = json::array();
  for (const CaseResult& result : report.results) {
    json one{{"name", result.asked.name},
             {"domain", result.asked.domain},
             {"service", result.asked.service},
             {"passed", result.fault.empty()},
             {"decision", vs::encode(result.decision)}};
    if (!result.fault.empty()) one["fault"] = result.fault;
    if (result.asked.source) one["source"] = vs::encode(*result.asked.source);
    results.push_back(std::move(one));
  }
  json uncovered = json::array();
  for (const PlacedRule& placed : report.uncovered) uncovered.push_back(encode_rule(placed));
  const std::size_t covered = report.rules - report.uncovered.size();
  return {{"cases", std::move(results)},
          {"failed", report.failed},
          {"rules", report.rules},
          {"covered", covered},
          {"coveragePercent", report.rules == 0 ? 100 : 100 * covered / report.rules},
          {"uncovered", std::move(uncovered)}};
}

Response refused(const Refusal& refusal, const Call& call) {
  return problem_response(invalid_problem(refusal), call.request.id);
}

NodeFacts node_of(PolicyEngine& policies) { return policies.policies(Desired{})->node(); }

Response test(Store& store, const NodeFacts& node, const Call& call) {
  const auto bodies = bodies_of(call.request, true);
  if (!bodies) return refused(bodies.error(), call);
  const auto cases = load_cases(bodies->cases);
  if (!cases) return refused(cases.error(), call);
  const auto desired = candidate_of(store, *bodies);
  if (!desired) return refused(desired.error(), call);
  return json_response(200, encode_report(run_cases(*desired, node, *cases)));
}

Response lint_policies(Store& store, const NodeFacts& node, const Call& call) {
  const auto bodies = bodies_of(call.request, false);
  if (!bodies) return refused(bodies.error(), call);
  const auto desired = candidate_of(store, *bodies);
  if (!desired) return refused(desired.error(), call);
  json findings = json::array();
  for (const LintFinding& finding : lint(PolicySet(*desired, node), *desired)) {
    json one{{"code", finding.code},
             {"policy", finding.policy},
             {"rule", finding.rule},
             {"message", finding.message}};
    if (finding.source) one["source"] = vs::encode(*finding.source);
    if (finding.other) one["other"] = vs::encode(*finding.other);
    findings.push_back(std::move(one));
  }
  return json_response(200, {{"findings", std::move(findings)}});
}

Result<std::vector<RecordedDecision>> recorded_decisions(Store& store) {
  std::vector<RecordedDecision> all;
  DecisionLog::Query query;
  for (std::int64_t asked = 0; asked < kDecisionRecordsMax; asked += kDecisionPageMax) {
    auto page = store.decisions().list(query);
    if (!page) return fail(std::move(page.error()));
    if (page->empty()) break;
    query.after = page->back().id;
    for (DecisionRecord& record : *page)
      all.push_back({.id = record.id,
                     .at = record.at,
                     .binding = std::move(record.binding),
                     .domain = std::move(record.domain),
                     .labels = std::move(record.domain_labels),
                     .service = std::move(record.service),
                     .kind = std::move(record.service_kind),
                     .decision = std::move(record.decision)});
  }
  return all;
}

Response simulate(Store& store, const NodeFacts& node, const Call& call) {
  const auto bodies = bodies_of(call.request, false);
  if (!bodies) return refused(bodies.error(), call);
  if (!bodies->files)
    return refused({{ErrorCode::invalid, "the body is not what this route takes"},
                    {{"/files", "is missing"}},
                    {}},
                   call);
  auto resources = load_policies(*bodies->files);
  if (!resources) return refused(resources.error(), call);
  auto desired = store.desired();
  if (!desired) return problem_response(read_problem(desired.error()), call.request.id);
  put_all(std::move(*resources), *desired);  // as applying them would make it
  const auto recorded = recorded_decisions(store);
  if (!recorded) return problem_response(read_problem(recorded.error()), call.request.id);
  const Replay replayed = replay(PolicySet(*desired, node), *desired, *recorded);
  json flips = json::array();
  for (const Flip& flip : replayed.flips)
    flips.push_back({{"id", flip.recorded.id},
                     {"at", format_time(flip.recorded.at)},
                     {"binding", flip.recorded.binding},
                     {"domain", flip.recorded.domain},
                     {"service", flip.recorded.service},
                     {"was", vs::encode(flip.recorded.decision)},
                     {"would", vs::encode(flip.would)}});
  return json_response(
      200, {{"recorded", recorded->size()}, {"replayed", replayed.replayed}, {"flips", std::move(flips)}});
}

Response history(Store& store, const Call& call) {
  const auto generations = store.policy_history().list();
  if (!generations) return problem_response(read_problem(generations.error()), call.request.id);
  json items = json::array();
  for (const PolicyGeneration& generation : *generations) {
    json changes = json::array();
    for (const auto& change : generation.changes)
      changes.push_back(
          {{"kind", name_of(change.kind)}, {"name", change.name}, {"action", change.action}});
    items.push_back({{"generation", generation.generation},
                     {"at", format_time(generation.at)},
                     {"principal", generation.principal},
                     {"requestId", generation.request_id},
                     {"changes", std::move(changes)}});
  }
  return json_response(200, {{"items", std::move(items)}});
}

// Which generation to go back to: the one that is named, or the one before the newest.
Checked<std::int64_t> generation_of(Store& store, const Request& request) {
  auto body = parse_body(request.body);
  if (!body) return tl::unexpected(std::move(body.error()));
  std::vector<Problem> problems;
  if (body->contains("generation")) {
    check_members(*body, "", {"generation"}, problems);
    const json& number = (*body)["generation"];
    if (problems.empty() && (!number.is_number_integer() || number.get<std::int64_t>() < 0))
      problems.push_back({"/generation", "must be the number of a generation"});
    if (!problems.empty()) return refuse_body(std::move(problems));
    return number.get<std::int64_t>();
  }
  check_members(*body, "", {}, problems);
  if (!problems.empty()) return refuse_body(std::move(problems));
  const auto generations = store.policy_history().list();
  if (!generations) return refuse(generations.error());
  if (generations->size() < 2)
    return refuse(ErrorCode::not_found, "there is no earlier generation of the policies");
  return (*generations)[1].generation;
}

Response rollback(Store& store, const Call& call) {
  const auto generation = generation_of(store, call.request);
  if (!generation) {
    const ErrorCode code = generation.error().error.code;
    return code == ErrorCode::invalid
               ? refused(generation.error(), call)
               : problem_response(read_problem(generation.error().error), call.request.id);
  }
  auto policies = store.policy_history().policies(*generation);
  if (!policies) return problem_response(read_problem(policies.error()), call.request.id);
  WriteOptions options = options_of(call);
  options.prune = [](const Resource& resource) {
    return resource.kind() == Kind::access_policy || resource.kind() == Kind::sharing_policy;
  };
  const auto reply = [generation = *generation](const ApplyOutcome& outcome) {
    json answer = encode(outcome);
    answer["rolledBackTo"] = generation;
    return json_response(200, answer);
  };
  options.once = once_of<ApplyOutcome>(call, reply);
  const auto outcome = store.apply(std::move(*policies), std::move(options));
  if (!outcome) return problem_response(write_problem(outcome.error()), call.request.id);
  return outcome->replayed ? replayed(*outcome->replayed) : reply(*outcome);
}

}  // namespace

void add_policy_routes(Router& router, Store& store, const Policies& policies) {
  const NodeFacts node = node_of(*policies);
  const auto add_question = [&](const char* path, auto answer) {
    router.add({.method = "POST",
                .path = path,
                .handle = [&store, node, answer](const Call& call) {
                  return answer(store, node, call);
                },
                .takes_body = true,
                .needs = Role::viewer,
                .node_wide = true});
  };
  add_question("/v1/policies:test", test);
  add_question("/v1/policies:lint", lint_policies);
  add_question("/v1/policies:simulate", simulate);
  router.add({.method = "GET",
              .path = "/v1/policies:history",
              .handle = [&store](const Call& call) { return history(store, call); },
              .needs = Role::viewer,
              .node_wide = true});
  router.add({.method = "POST",
              .path = "/v1/policies:rollback",
              .handle = [&store](const Call& call) { return rollback(store, call); },
              .takes_body = true,
              .writes = true,
              .needs = Role::policy_admin,
              .node_wide = true,
              .keeps_key = true});
}

}  // namespace vs::http
