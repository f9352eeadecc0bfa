#include <utility>

#include <nlohmann/json.hpp>

#include "vsmgrd/api/body.h"
#include "vsmgrd/api/problem_details.h"
#include "vsmgrd/api/routes.h"
#include "vsmgrd/model/codec.h"
#include "vsmgrd/policy/policy_set.h"

namespace vs::http {
namespace {

using nlohmann::json;

json encode_step(const Step& step) {
  json out{{"policy", step.policy},
           {"rule", step.rule},
           {"effect", step.effect == Effect::allow ? "allow" : "deny"},
           {"matched", step.matched},
           {"because", step.because},
           {"message", step.message}};
  if (step.source) out["source"] = vs::encode(*step.source);
  return out;
}

json encode_steps(const std::vector<Step>& steps) {
  json out = json::array();
  for (const Step& step : steps) out.push_back(encode_step(step));
  return out;
}

json encode_explanation(const Explanation& why) {
  return {{"domain", why.domain},
          {"service", why.service},
          {"decision", vs::encode(why.decision)},
          {"matched", encode_steps(why.matched)},
          {"nearest", encode_steps(why.nearest)},
          {"fix", why.fix}};
}

// Appends that `name` is not declared, with what may have been meant.
void check_declared(const Desired& desired, Kind kind, const std::string& member,
                    const std::string& name, std::vector<Problem>& problems) {
  const auto& declared = desired.of(kind);
  if (declared.contains(name)) return;
  std::vector<std::string> names;
  for (const auto& [known, resource] : declared) names.push_back(known);
  problems.push_back(
      {"/" + member, member + ' ' + in_quotes(name) + ": not declared", did_you_mean(name, names)});
}

struct Question {
  std::string domain;
  std::string service;
};

Checked<Question> question_of(const Request& request) {
  auto body = parse_body(request.body);
  if (!body) return tl::unexpected(std::move(body.error()));
  std::vector<Problem> problems;
  check_strings(*body, "", {"domain", "service"}, problems);
  if (!problems.empty()) return refuse_body(std::move(problems));
  return Question{(*body)["domain"], (*body)["service"]};
}

Response explain(const Store& store, const Call& call) {
  const auto question = question_of(call.request);
  if (!question) return problem_response(invalid_problem(question.error()), call.request.id);
  const auto& [domain, service] = *question;
  const auto desired = store.desired();
  if (!desired) return problem_response(read_problem(desired.error()), call.request.id);
  std::vector<Problem> problems;
  check_declared(*desired, Kind::domain, "domain", domain, problems);
  check_declared(*desired, Kind::service, "service", service, problems);
  if (!problems.empty()) {
    std::string summary = summary_of(problems);
    return problem_response({404, ErrorCode::not_found, std::move(summary), std::move(problems)},
                            call.request.id);
  }
  return json_response(200, encode_explanation(PolicySet(*desired).explain(domain, service)));
}

}  // namespace

void add_explain_route(Router& router, Store& store) {
  router.add({.method = "POST",
              .path = "/v1/explain",
              .handle = [&store](const Call& call) { return explain(store, call); },
              .takes_body = true});
}

}  // namespace vs::http
