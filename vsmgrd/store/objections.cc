#include "vsmgrd/store/objections.h"

#include <utility>

#include <fmt/format.h>

#include "vsmgrd/model/codec.h"
#include "vsmgrd/store/group_owners.h"
#include "vsmgrd/store/oversized.h"

namespace vs {
namespace {

// Why who asks may not make these changes; nothing when it may.
std::vector<Problem> forbidden(const std::vector<Change>& changes, const WriteOptions& options) {
  std::vector<Problem> problems;
  for (const Change& change : changes) {
    const std::size_t found = problems.size();
    if (options.permit)
      for (Problem& problem : options.permit(change)) problems.push_back(std::move(problem));
    if (problems.size() == found && options.sees && change.before && !options.sees(*change.before))
      problems.push_back({.message = fmt::format("{} {}: outside the scope", name_of(change.kind),
                                                 in_quotes(change.name))});
  }
  return problems;
}

Refusal refusal_of(ErrorCode code, std::vector<Problem> problems) {
  std::string summary = summary_of(problems);
  limit_problems(problems);
  return {{code, std::move(summary)}, std::move(problems), {}};
}

}  // namespace

std::optional<Refusal> objection_to(const Transition& transition, const WriteOptions& options) {
  if (auto denied = forbidden(transition.changes, options); !denied.empty()) return refusal_of(ErrorCode::denied, std::move(denied));
  if (auto mixed = mixed_owners(transition.next, options.sees); !mixed.empty()) return refusal_of(ErrorCode::invalid, std::move(mixed));
  if (auto large = oversized(transition); !large.empty()) return refusal_of(ErrorCode::invalid, std::move(large));
  return std::nullopt;
}

Refusal misfit_of(std::vector<Problem> problems) {
  sort_problems(problems);
  std::string summary = summary_of(problems);
  limit_problems(problems);
  return {{ErrorCode::invalid, std::move(summary)}, std::move(problems), {}};
}

}  // namespace vs
