// POST /v1/explain: may this domain use that service, and why; or why it was so decided once.

#include <algorithm>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/channel_name.h"
#include "vsmgrd/api/body.h"
#include "vsmgrd/api/explanations.h"
#include "vsmgrd/api/problem_details.h"
#include "vsmgrd/api/routes.h"
#include "vsmgrd/model/codec.h"
#include "vsmgrd/model/fields.h"
#include "vsmgrd/policy/channel_rights.h"
#include "vsmgrd/policy/engine.h"

namespace vs::http {
namespace {

using nlohmann::json;
using Policies = std::shared_ptr<PolicyEngine>;

// Appends that `name` is not declared, or not for the eyes of this identity, with what may have been
// meant.
void check_declared(const Resources& declared, const Identity& identity, const std::string& member,
                    const std::string& name, std::vector<Problem>& problems) {
  const auto found = declared.find(name);
  if (found != declared.end() && identity.sees(found->second.metadata.labels)) return;
  std::vector<std::string> names;
  for (const auto& [known, resource] : declared)
    if (identity.sees(resource.metadata.labels)) names.push_back(known);
  problems.push_back(
      {"/" + member, member + ' ' + in_quotes(name) + ": not declared", did_you_mean(name, names)});
}

// Either a pair to ask about, or the number of a decision that was made.
struct Question {
  std::string domain;
  std::string service;
  std::int64_t decision = 0;
  std::string channel;             // of a service with channels; empty: not asked about
  std::vector<std::string> verbs;  // of that channel
};

// Takes the channel and the verb out of the body, if they are there.
Question take_channel(json& body, std::vector<Problem>& problems) {
  Question question;
  const auto text = [&](const char* member) -> std::string {
    const auto found = body.find(member);
    if (found == body.end()) return {};
    const json value = *found;
    body.erase(found);
    if (value.is_string() && !value.get_ref<const std::string&>().empty()) return value;
    problems.push_back({std::string("/") + member, "must be a string that is not empty"});
    return {};
  };
  question.channel = text("channel");
  const std::string verb = text("verb");
  if (!question.channel.empty())
    if (const auto judged = pubsub::judge_channel(question.channel); !judged)
      problems.push_back({"/channel", judged.error().message});
  if (!verb.empty() && std::find(kChannelVerbs.begin(), kChannelVerbs.end(), verb) == kChannelVerbs.end())
    problems.push_back({"/verb", "must be create, publish or subscribe"});
  if (!verb.empty() && question.channel.empty() && problems.empty())
    problems.push_back({"/verb", "is of a channel: \"channel\" must be there, too"});
  if (verb.empty()) {
    question.verbs.assign(kChannelVerbs.begin(), kChannelVerbs.end());
  } else {
    question.verbs = {verb};
  }
  return question;
}

Checked<Question> question_of(const Request& request) {
  auto body = parse_body(request.body);
  if (!body) return tl::unexpected(std::move(body.error()));
  std::vector<Problem> problems;
  if (body->contains("decision")) {
    check_members(*body, "", {"decision"}, problems);
    const json& id = (*body)["decision"];
    if (problems.empty() && (!id.is_number_integer() || id.get<std::int64_t>() <= 0))
      problems.push_back({"/decision", "must be the number of a decision"});
    if (!problems.empty()) return refuse_body(std::move(problems));
    return Question{.decision = id.get<std::int64_t>()};
  }
  Question question;
  if (body->is_object()) question = take_channel(*body, problems);
  check_strings(*body, "", {"domain", "service"}, problems);
  if (!problems.empty()) return refuse_body(std::move(problems));
  question.domain = (*body)["domain"];
  question.service = (*body)["service"];
  return question;
}

Response not_there(std::vector<Problem> problems, const Call& call) {
  std::string summary = summary_of(problems);
  return problem_response({404, ErrorCode::not_found, std::move(summary), std::move(problems)},
                          call.request.id);
}

json encode_record(const DecisionRecord& record, bool replayed) {
  return {{"id", record.id},
          {"at", format_time(record.at)},
          {"binding", record.binding},
          {"principal", record.principal},
          {"requestId", record.request_id},
          {"domainLabels", record.domain_labels},
          {"serviceKind", record.service_kind},
          {"policiesKept", replayed}};
}

// The policies of that time asked once more about what was known then. When they are no longer kept,
// what was recorded is all there is to say.
Explanation explain_record(Store& store, const Desired& desired, const DecisionRecord& record,
                           const NodeFacts& node, bool& replayed) {
  Explanation recorded{.domain = record.domain,
                       .service = record.service,
                       .decision = record.decision,
                       .policy_generation = record.policy_generation};
  const auto kept = store.policy_history().policies(record.policy_generation);
  replayed = kept.has_value();
  if (!replayed) return recorded;
  Desired then;
  for (const Resource& resource : *kept)
    then.of(resource.kind()).insert_or_assign(resource.metadata.name, resource);
  const Subject subject{.domain = record.domain,
                        .labels = record.domain_labels,
                        .type = subject_of(desired, record.domain, record.service, node).type,
                        .service = record.service,
                        .kind = record.service_kind,
                        .node = node};
  Explanation why = PolicySet(then, node).explain(subject);
  why.decision = record.decision;
  why.policy_generation = record.policy_generation;
  return why;
}

Response explain_decision(Store& store, const Desired& desired, PolicyEngine& policies,
                          std::int64_t id, const Call& call) {
  const auto missing = [&] {
    return not_there({{"/decision", "decision " + std::to_string(id) + ": is not there, or no longer"}},
                     call);
  };
  const auto record = store.decisions().get(id);
  if (!record) {
    if (record.error().code == ErrorCode::not_found) return missing();
    return problem_response(read_problem(record.error()), call.request.id);
  }
  if (!call.request.identity.sees(record->domain_labels)) return missing();
  bool replayed = false;
  json answer = encode_explanation(
      explain_record(store, desired, *record, policies.policies(desired)->node(), replayed));
  answer["recorded"] = encode_record(*record, replayed);
  return json_response(200, answer);
}

// Those that are granted the service.
std::vector<ServiceGuest> guests_of(const Desired& desired, const PolicySet& policies, const std::string& service) {
  std::vector<ServiceGuest> guests;
  for (const auto& [name, resource] : desired.bindings) {
    const auto& binding = std::get<BindingSpec>(resource.spec);
    if (binding.service != service) continue;
    Decision decision = policies.decide(binding.domain, binding.service);
    if (decision.allowed) guests.push_back({binding.domain, std::move(decision.channels)});
  }
  return guests;
}

Response explain(Store& store, PolicyEngine& policies, const Call& call) {
  const auto question = question_of(call.request);
  if (!question) return problem_response(invalid_problem(question.error()), call.request.id);
  const auto desired = store.desired();
  if (!desired) return problem_response(read_problem(desired.error()), call.request.id);
  if (question->decision != 0)
    return explain_decision(store, *desired, policies, question->decision, call);
  std::vector<Problem> problems;
  const Identity& identity = call.request.identity;
  check_declared(desired->domains, identity, "domain", question->domain, problems);
  check_declared(desired->services, identity, "service", question->service, problems);
  if (!problems.empty()) return not_there(std::move(problems), call);
  const Explanation why = policies.policies(*desired)->explain(question->domain, question->service);
  json answer = encode_explanation(why);
  if (!question->channel.empty()) {
    for (const std::string& verb : question->verbs)
      answer["channels"].push_back(encode_verdict(judge_channel(why.decision.channels, question->channel, verb)));
    const ChannelSharing sharing =
        judge_sharing(guests_of(*desired, *policies.policies(*desired), question->service), question->channel);
    answer["channelSharing"] = {{"mode", sharing.mode}, {"because", sharing.because}};
  }
  return json_response(200, answer);
}

}  // namespace

void add_explain_route(Router& router, Store& store, Policies policies) {
  router.add({.method = "POST",
              .path = "/v1/explain",
              .handle = [&store, policies](const Call& call) {
                return explain(store, *policies, call);
              },
              .takes_body = true,
              .needs = Role::viewer});
}

}  // namespace vs::http
