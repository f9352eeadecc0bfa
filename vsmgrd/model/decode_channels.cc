#include "vsmgrd/model/decode_channels.h"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/channel_name.h"
#include "vsmgrd/model/decode_declared.h"
#include "vsmgrd/model/fields.h"

namespace vs {
namespace {

void refuse_limits_of_deny(const Fields& fields, std::vector<Problem>& problems) {
  for (const char* limit : {"rate", "burst", "eventBytesMax", "sharing", "filterCostMax"})
    if (fields.has(limit))
      problems.push_back({.pointer = fields.pointer_of(limit),
                          .message = fmt::format("a rule that denies has no {}", limit),
                          .hint = "leave it out, or set effect: allow",
                          .code = "contradiction"});
}

Result<> check_prefix(std::string_view prefix) {
  if (prefix.size() > kPrefixBytesMax) return fail(ErrorCode::invalid, fmt::format("more than {} bytes", kPrefixBytesMax));
  return pubsub::judge_channel(prefix);
}

void refuse_without_engine(const Fields& fields, const PubsubParameters& parameters, std::vector<Problem>& problems) {
  if (!parameters.engine.empty()) return;
  for (const char* key : {"prefix", "shared", "atLeastOnce"})
    if (fields.has(key))
      problems.push_back({.pointer = fields.pointer_of(key),
                          .message = fmt::format("{} is of channels that reach other nodes, and no engine is named", key),
                          .hint = "name one: engine: NAME",
                          .code = "contradiction"});
}

}  // namespace

PubsubParameters decode_pubsub(const nlohmann::json& value, std::string pointer, std::vector<Problem>& problems) {
  PubsubParameters parameters;
  Fields fields(value, std::move(pointer), problems);
  fields.name("engine", parameters.engine, Need::optional);
  if (fields.text("prefix", parameters.prefix, Need::optional))
    if (const auto checked = check_prefix(parameters.prefix); !checked)
      problems.push_back({.pointer = fields.pointer_of("prefix"), .message = checked.error().message, .hint = {}, .code = "wrong_value"});
  fields.texts("shared", parameters.shared, 1, kSharedPatternsMax, pubsub::judge_pattern);
  fields.texts("atLeastOnce", parameters.at_least_once, 1, kSharedPatternsMax, pubsub::judge_pattern);
  refuse_without_engine(fields, parameters, problems);
  if (const nlohmann::json* channels = fields.take("channels", Need::optional))
    parameters.channels = decode_declared_channels(*channels, fields.pointer_of("channels"), problems);
  fields.finish();
  return parameters;
}

nlohmann::json encode(const PubsubParameters& parameters) {
  nlohmann::json out = nlohmann::json::object();
  if (!parameters.engine.empty()) out["engine"] = parameters.engine;
  if (!parameters.prefix.empty()) out["prefix"] = parameters.prefix;
  if (!parameters.shared.empty()) out["shared"] = parameters.shared;
  if (!parameters.at_least_once.empty()) out["atLeastOnce"] = parameters.at_least_once;
  for (const DeclaredChannel& channel : parameters.channels) out["channels"].push_back(encode(channel));
  return out;
}

ChannelRule decode_channel_rule(const nlohmann::json& value, std::string pointer, std::vector<Problem>& problems,
                                RuleMatch (*decode_match)(const nlohmann::json&, std::string, std::vector<Problem>&)) {
  ChannelRule rule;
  Fields fields(value, std::move(pointer), problems);
  fields.name("id", rule.id, Need::required);
  std::string effect;
  const bool known = fields.choice("effect", effect, Need::required, {"allow", "deny"});
  rule.effect = effect == "allow" ? Effect::allow : Effect::deny;
  fields.text("message", rule.message, Need::required);
  if (const nlohmann::json* match = fields.take("match", Need::required))
    rule.match = decode_match(*match, fields.pointer_of("match"), problems);
  (void)fields.take("channels", Need::required);
  fields.texts("channels", rule.channels, 1, kMatchNamesMax, pubsub::judge_pattern);
  fields.choices("verbs", rule.verbs, {"create", "publish", "subscribe"});
  fields.number("rate", rule.rate, 1, kChannelRateMax);
  fields.number("burst", rule.burst, 1, kChannelBurstMax);
  fields.number("eventBytesMax", rule.event_bytes_max, 1, kChannelEventBytesMax);
  fields.choice("sharing", rule.sharing, Need::optional, {"private", "group", "equal"});
  if (fields.has("sharing") && !rule.verbs.empty() && std::find(rule.verbs.begin(), rule.verbs.end(), "subscribe") == rule.verbs.end())
    problems.push_back({.pointer = fields.pointer_of("sharing"),
                        .message = "sharing is of those who subscribe, which this rule does not let them",
                        .hint = "leave it out, or add subscribe to verbs",
                        .code = "contradiction"});
  fields.number("filterCostMax", rule.filter_cost_max, 1, kChannelFilterCostMax);
  if (known && rule.effect == Effect::deny) refuse_limits_of_deny(fields, problems);
  fields.finish();
  return rule;
}

nlohmann::json encode(const ChannelRule& rule) {
  nlohmann::json out{{"id", rule.id}, {"effect", name_of(rule.effect)}, {"message", rule.message}, {"channels", rule.channels}};
  if (!rule.verbs.empty()) out["verbs"] = rule.verbs;
  if (rule.rate != 0) out["rate"] = rule.rate;
  if (rule.burst != 1) out["burst"] = rule.burst;
  if (rule.event_bytes_max != 0) out["eventBytesMax"] = rule.event_bytes_max;
  if (rule.sharing != "private") out["sharing"] = rule.sharing;
  if (rule.filter_cost_max != 0) out["filterCostMax"] = rule.filter_cost_max;
  return out;
}

nlohmann::json encode_stored(const ChannelRight& right) {
  nlohmann::json out = encode(right.rule);
  out["policy"] = right.policy;
  if (right.source) out["source"] = encode(*right.source);
  return out;
}

ChannelRight decode_stored_right(const nlohmann::json& stored) {
  ChannelRight right{.policy = stored.at("policy").get<std::string>(),
                     .rule = {.id = stored.at("id").get<std::string>(),
                              .effect = stored.at("effect").get<std::string>() == "allow" ? Effect::allow : Effect::deny,
                              .message = stored.at("message").get<std::string>(),
                              .channels = stored.at("channels").get<std::vector<std::string>>(),
                              .verbs = stored.value("verbs", std::vector<std::string>()),
                              .rate = stored.value("rate", 0u),
                              .burst = stored.value("burst", 1u),
                              .event_bytes_max = stored.value("eventBytesMax", 0u),
                              .sharing = stored.value("sharing", "private"),
                              .filter_cost_max = stored.value("filterCostMax", 0u)}};
  if (const auto source = stored.find("source"); source != stored.end())
    right.source = Source{.file = source->at("file").get<std::string>(),
                          .line = source->at("line").get<int>(),
                          .column = source->at("column").get<int>()};
  return right;
}

}  // namespace vs
