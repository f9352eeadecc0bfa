#include "dataplane/services/pubsub/rights.h"

#include <algorithm>
#include <optional>
#include <set>
#include <stdexcept>

#include "base/channel_name.h"

namespace vs::pubsub {
namespace {

inline constexpr std::uint64_t kRatePerSMax = 100'000'000;
inline constexpr std::uint64_t kBurstMax = 1'000'000'000;

std::optional<Verb> verb_named(std::string_view name) {
  for (std::size_t verb = 0; verb < kVerbs; ++verb)
    if (name == name_of(static_cast<Verb>(verb))) return static_cast<Verb>(verb);
  return std::nullopt;
}

std::uint64_t count_of(const nlohmann::json& from, const char* field, std::uint64_t otherwise, std::uint64_t most) {
  const auto found = from.find(field);
  if (found == from.end()) return otherwise;
  if (!found->is_number_unsigned() || found->get<std::uint64_t>() > most) throw std::invalid_argument(field);
  return found->get<std::uint64_t>();
}

Sharing sharing_named(const std::string& name) {
  if (name == "private") return Sharing::only_copies;
  if (name == "group") return Sharing::group;
  if (name == "equal") return Sharing::equal;
  throw std::invalid_argument("sharing " + name);
}

// Throws what nlohmann's at() and get() throw; caught in parse().
ChannelRule rule_of(const nlohmann::json& from) {
  ChannelRule rule{.patterns = from.at("channels").get<std::vector<std::string>>(),
                   .allows = from.at("effect").get<std::string>() == "allow",
                   .verbs = {},
                   .rate_per_s = count_of(from, "ratePerS", 0, kRatePerSMax),
                   .burst = count_of(from, "burst", 1, kBurstMax),
                   .event_bytes_max = static_cast<std::uint32_t>(count_of(from, "eventBytesMax", 0, UINT32_MAX)),
                   .filter_cost_max = count_of(from, "filterCostMax", 0, UINT32_MAX),
                   .name = "policy " + from.at("policy").get<std::string>() + ", rule " + from.at("rule").get<std::string>(),
                   .message = from.at("message").get<std::string>()};
  if (const auto sharing = from.find("sharing"); sharing != from.end()) rule.sharing = sharing_named(sharing->get<std::string>());
  for (const std::string& pattern : rule.patterns)
    if (const auto judged = judge_pattern(pattern); !judged) throw std::invalid_argument(judged.error().message);
  for (const std::string& name : from.at("verbs").get<std::vector<std::string>>()) {
    const auto verb = verb_named(name);
    if (!verb) throw std::invalid_argument("verb " + name);
    rule.verbs[static_cast<std::size_t>(*verb)] = true;
  }
  return rule;
}

bool applies(const ChannelRule& rule, Verb verb, std::string_view channel) {
  return rule.verbs[static_cast<std::size_t>(verb)] &&
         std::any_of(rule.patterns.begin(), rule.patterns.end(),
                     [&](const std::string& pattern) { return matches(pattern, channel); });
}

tl::unexpected<Error> refuse(Verb verb, std::string_view channel, const ChannelRule* rule) {
  std::string why = std::string(name_of(verb)) + " " + std::string(channel) + ": ";
  why += rule == nullptr ? "no rule allows it" : rule->message + " (" + rule->name + ")";
  return fail(ErrorCode::denied, std::move(why));
}

}  // namespace

std::string_view name_of(Verb verb) {
  switch (verb) {
    case Verb::create:    return "create";
    case Verb::publish:   return "publish";
    case Verb::subscribe: return "subscribe";
  }
  __builtin_unreachable();
}

Result<Rights> Rights::parse(const nlohmann::json& from) try {
  Rights rights;
  if (from.is_null()) return rights;
  rights.default_allows_ = from.at("default").get<std::string>() == "allow";
  for (const nlohmann::json& rule : from.at("rules")) {
    if (rights.rules_.size() == kChannelRulesMax)
      return fail(ErrorCode::exhausted, "channel rights: more than " + std::to_string(kChannelRulesMax) + " rules");
    rights.rules_.push_back(rule_of(rule));
  }
  return rights;
} catch (const std::exception& problem) {
  return fail(ErrorCode::invalid, std::string("channel rights: ") + problem.what());
}

Rights Rights::nothing() {
  Rights rights;
  rights.default_allows_ = false;
  return rights;
}

Result<> Rights::judge(Verb verb, std::string_view channel) const {
  bool allowed = default_allows_;
  for (const ChannelRule& rule : rules_) {
    if (!applies(rule, verb, channel)) continue;
    if (!rule.allows) return refuse(verb, channel, &rule);
    allowed = true;
  }
  if (!allowed) return refuse(verb, channel, nullptr);
  return {};
}

Result<> Rights::judge_pattern_of(std::string_view pattern) const {
  if (!is_wild(pattern)) return judge(Verb::subscribe, pattern);
  if (default_allows_) return {};
  for (const ChannelRule& rule : rules_)
    if (rule.allows && rule.verbs[static_cast<std::size_t>(Verb::subscribe)])
      for (const std::string& allowed : rule.patterns)
        if (overlap(allowed, pattern)) return {};
  return refuse(Verb::subscribe, pattern, nullptr);
}

bool Rights::shares() const {
  return default_allows_ || std::any_of(rules_.begin(), rules_.end(), [](const ChannelRule& rule) {
           return rule.allows && rule.verbs[static_cast<std::size_t>(Verb::subscribe)] && rule.sharing != Sharing::only_copies;
         });
}

Sharing Rights::sharing(std::string_view channel) const {
  if (!may(Verb::subscribe, channel)) return Sharing::only_copies;
  std::optional<Sharing> least;
  for (const ChannelRule& rule : rules_)
    if (rule.allows && applies(rule, Verb::subscribe, channel)) least = std::min(least.value_or(rule.sharing), rule.sharing);
  return least.value_or(Sharing::group);
}

Audience::Audience(const std::vector<nlohmann::json>& rights) {
  const std::set<nlohmann::json> different(rights.begin(), rights.end());
  for (const nlohmann::json& one : different)
    if (auto parsed = Rights::parse(one); parsed && parsed->shares()) members_.push_back(std::move(*parsed));
}

bool Audience::equals() const {
  return !members_.empty() && std::all_of(members_.begin(), members_.end(), [](const Rights& one) {
    return std::any_of(one.rules().begin(), one.rules().end(),
                       [](const ChannelRule& rule) { return rule.allows && rule.sharing == Sharing::equal; });
  });
}

Sharing Audience::sharing(std::string_view channel) const {
  Sharing least = Sharing::equal;
  for (const Rights& one : members_) least = std::min(least, one.sharing(channel));
  return members_.empty() ? Sharing::only_copies : least;
}

std::vector<std::size_t> Rights::filter_limits(std::string_view pattern) const {
  std::vector<std::size_t> numbers;
  for (std::size_t number = 0; number < rules_.size(); ++number) {
    const ChannelRule& rule = rules_[number];
    if (!rule.allows || rule.filter_cost_max == 0 || !rule.verbs[static_cast<std::size_t>(Verb::subscribe)]) continue;
    if (std::any_of(rule.patterns.begin(), rule.patterns.end(), [&](const std::string& one) { return overlap(one, pattern); }))
      numbers.push_back(number);
  }
  return numbers;
}

std::vector<std::size_t> Rights::limits(std::string_view channel) const {
  std::vector<std::size_t> numbers;
  for (std::size_t number = 0; number < rules_.size(); ++number)
    if (const ChannelRule& rule = rules_[number];
        rule.allows && (rule.rate_per_s != 0 || rule.event_bytes_max != 0) && applies(rule, Verb::publish, channel))
      numbers.push_back(number);
  return numbers;
}

}  // namespace vs::pubsub
