#include "vsmgrd/api/explanations.h"

#include <utility>

#include <nlohmann/json.hpp>

#include "vsmgrd/model/codec.h"

namespace vs::http {
namespace {

using nlohmann::json;

json encode_steps(const std::vector<Step>& steps) {
  json out = json::array();
  for (const Step& step : steps) out.push_back(encode_step(step));
  return out;
}

}  // namespace

json encode_step(const Step& step) {
  json out{{"policy", step.policy},
           {"rule", step.rule},
           {"effect", name_of(step.effect)},
           {"mode", name_of(step.mode)},
           {"matched", step.matched},
           {"because", step.because},
           {"message", step.message}};
  if (step.source) out["source"] = vs::encode(*step.source);
  return out;
}

json encode_verdict(const ChannelVerdict& verdict) {
  json out{{"channel", verdict.channel}, {"verb", verdict.verb}, {"allowed", verdict.allowed},
           {"policy", verdict.policy},   {"rule", verdict.rule}, {"message", verdict.message}};
  if (verdict.source) out["source"] = vs::encode(*verdict.source);
  for (const ChannelRight* limit : verdict.limits) {
    json one{{"policy", limit->policy}, {"rule", limit->rule.id}};
    if (limit->rule.rate != 0) {
      one["rate"] = limit->rule.rate;
      one["burst"] = limit->rule.burst;
    }
    if (limit->rule.event_bytes_max != 0) one["eventBytesMax"] = limit->rule.event_bytes_max;
    if (limit->rule.filter_cost_max != 0) one["filterCostMax"] = limit->rule.filter_cost_max;
    out["limits"].push_back(std::move(one));
  }
  return out;
}

json encode_explanation(const Explanation& why) {
  json sharing = vs::encode(why.decision.sharing);
  sharing["matched"] = encode_steps(why.sharing);
  json out{{"domain", why.domain},
           {"service", why.service},
           {"decision", vs::encode(why.decision)},
           {"matched", encode_steps(why.matched)},
           {"matchedCount", why.matched_count},
           {"nearest", encode_steps(why.nearest)},
           {"sharing", std::move(sharing)},
           {"fix", why.fix},
           {"policyGeneration", why.policy_generation}};
  if (!why.notice.empty()) out["notice"] = why.notice;
  return out;
}

}  // namespace vs::http
