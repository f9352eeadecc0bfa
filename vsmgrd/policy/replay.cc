#include "vsmgrd/policy/replay.h"

#include <map>
#include <tuple>
#include <utility>

namespace vs {
namespace {

using Asked = std::tuple<std::string, Labels, std::string, std::string>;

Subject subject_of_record(const RecordedDecision& recorded, const Desired& desired,
                          const NodeFacts& node) {
  return {.domain = recorded.domain,
          .labels = recorded.labels,
          .type = subject_of(desired, recorded.domain, recorded.service, node).type,
          .service = recorded.service,
          .kind = recorded.kind,
          .node = node};
}

}  // namespace

Replay replay(const PolicySet& policies, const Desired& desired,
              const std::vector<RecordedDecision>& recorded) {
  std::map<Asked, std::size_t> newest;  // position of the last that asked so
  for (std::size_t i = 0; i < recorded.size(); ++i) {
    const RecordedDecision& one = recorded[i];
    newest[{one.domain, one.labels, one.service, one.kind}] = i;
  }
  std::vector<bool> counts(recorded.size());
  for (const auto& [asked, position] : newest) counts[position] = true;
  Replay result{.replayed = newest.size()};
  for (std::size_t i = 0; i < recorded.size(); ++i) {
    if (!counts[i]) continue;
    Decision would =
        policies.decide(subject_of_record(recorded[i], desired, policies.node()));
    const Decision& was = recorded[i].decision;
    if (would.allowed == was.allowed && would.mode == was.mode) continue;
    result.flips.push_back({.recorded = recorded[i], .would = std::move(would)});
  }
  return result;
}

}  // namespace vs
