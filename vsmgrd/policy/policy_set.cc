#include "vsmgrd/policy/policy_set.h"

#include <algorithm>
#include <array>
#include <tuple>
#include <utility>

#include <fmt/format.h>

#include "vsmgrd/policy/channel_rights.h"
#include "vsmgrd/policy/compilation.h"
#include "vsmgrd/policy/explain.h"

namespace vs {
namespace {

constexpr std::array<std::string_view, 4> kSharingModes{"private", "group", "delayed", "open"};

auto specificity_of(const RuleMatch& match) {
  const std::size_t names =
      !match.domains.empty() + !match.services.empty() + !match.nodes.empty();
  const std::size_t labels = match.domain_labels.size() + match.node_labels.size();
  const std::size_t kinds = !match.domain_types.empty() + !match.kinds.empty();
  return std::tuple(names, labels, kinds);
}

std::ptrdiff_t openness_of(std::string_view mode) {
  return std::find(kSharingModes.begin(), kSharingModes.end(), mode) - kSharingModes.begin();
}

}  // namespace

bool more_specific(const PlacedRule& left, std::string_view left_mode, const PlacedRule& right,
                   std::string_view right_mode) {
  const auto left_rank = specificity_of(left.rule.match);
  const auto right_rank = specificity_of(right.rule.match);
  if (left_rank != right_rank) return left_rank > right_rank;
  return std::tuple(openness_of(left_mode), std::string_view(left.policy)) <
         std::tuple(openness_of(right_mode), std::string_view(right.policy));
}

struct PolicySet::State {
  Desired desired;  // what subjects are looked up in, and no more: it may be what a dry run would make
  std::shared_ptr<const NodeFacts> node;
  Compilation access;
  Compilation sharing;
  std::shared_ptr<const std::vector<ChannelRight>> channels;
  std::size_t compiled = 0;

  void update(const Desired& next) {
    if (!channels || !next.policies.same_as(access.objects()))
      channels = std::make_shared<const std::vector<ChannelRight>>(channel_rules_of(next.policies));
    compiled = access.update(next.policies, *node) + sharing.update(next.sharing_policies, *node);
    desired.domains = next.domains;
    desired.services = next.services;
    desired.policy_generation = next.policy_generation;
  }

  [[nodiscard]] std::string_view sharing_mode(const PlacedRule& placed) const {
    return spec_of(placed).mode;
  }
  [[nodiscard]] const SharingPolicySpec& spec_of(const PlacedRule& placed) const {
    return std::get<SharingPolicySpec>(sharing.objects().at(placed.policy).spec);
  }

  // The sharing policies that match, the one that counts first.
  [[nodiscard]] std::vector<const PlacedRule*> sharing_matches(const Subject& subject) const {
    auto found = sharing.index().all_matches(subject);
    const auto first = [&](const PlacedRule* left, const PlacedRule* right) {
      return more_specific(*left, sharing_mode(*left), *right, sharing_mode(*right));
    };
    std::sort(found.begin(), found.end(), first);
    return found;
  }

  [[nodiscard]] Sharing sharing_of(const std::vector<const PlacedRule*>& matching) const {
    if (matching.empty()) return {};
    const SharingPolicySpec& spec = spec_of(*matching.front());
    return {.mode = spec.mode,
            .policy = matching.front()->policy,
            .group = spec.group,
            .names = spec.names,
            .travels = spec.travels};
  }
};

PolicySet::PolicySet(std::unique_ptr<const State> state) : state_(std::move(state)) {}

PolicySet::PolicySet(const Desired& desired, NodeFacts node) {
  auto state = std::make_unique<State>();
  state->node = std::make_shared<const NodeFacts>(std::move(node));
  state->update(desired);
  state_ = std::move(state);
}

PolicySet::~PolicySet() = default;
PolicySet::PolicySet(PolicySet&&) noexcept = default;
PolicySet& PolicySet::operator=(PolicySet&&) noexcept = default;

PolicySet PolicySet::updated(const Desired& next) const {
  auto state = std::make_unique<State>(*state_);
  state->update(next);
  return PolicySet(std::unique_ptr<const State>(std::move(state)));
}

Decision PolicySet::decide(std::string_view domain, std::string_view service) const {
  return decide(subject_of(state_->desired, domain, service, *state_->node));
}

Explanation PolicySet::explain(std::string_view domain, std::string_view service) const {
  return explain(subject_of(state_->desired, domain, service, *state_->node));
}

Decision PolicySet::decide(const Subject& subject) const {
  Decision decision = decision_of(state_->access.index().first_matches(subject), subject);
  if (!state_->sharing.objects().empty())
    decision.sharing = state_->sharing_of(state_->sharing_matches(subject));
  decision.channels = channel_rights_of(*state_->channels, subject);
  return decision;
}

Explanation PolicySet::explain(const Subject& subject) const {
  std::vector<const PlacedRule*> rules;
  state_->access.for_each_rule([&](const PlacedRule& placed) { rules.push_back(&placed); });
  Explanation why = explanation_of(state_->access.index().all_matches(subject), rules, subject);
  const auto sharing = state_->sharing_matches(subject);
  why.decision.sharing = state_->sharing_of(sharing);
  why.decision.channels = channel_rights_of(*state_->channels, subject);
  why.policy_generation = state_->desired.policy_generation;
  for (const PlacedRule* placed : sharing) {
    if (why.sharing.size() == kMatchedMax) break;
    const auto [names, labels, kinds] = specificity_of(placed->rule.match);
    why.sharing.push_back(
        {.policy = placed->policy,
         .effect = Effect::allow,
         .matched = true,
         .because = fmt::format("asks for {} names, {} labels, {} types and kinds; shares {}",
                                names, labels, kinds, state_->sharing_mode(*placed)),
         .source = placed->source});
  }
  return why;
}

std::vector<const PlacedRule*> PolicySet::matching(const Subject& subject) const {
  return state_->access.index().all_matches(subject);
}

const NodeFacts& PolicySet::node() const { return *state_->node; }

void PolicySet::for_each_rule(const std::function<void(const PlacedRule&)>& visit) const {
  state_->access.for_each_rule(visit);
}

void PolicySet::for_each_sharing_rule(const std::function<void(const PlacedRule&)>& visit) const {
  state_->sharing.for_each_rule(visit);
}

std::size_t PolicySet::cost(std::string_view domain, std::string_view service) const {
  return state_->access.index().cost(
      subject_of(state_->desired, domain, service, *state_->node));
}

std::size_t PolicySet::compiled() const { return state_->compiled; }

}  // namespace vs
