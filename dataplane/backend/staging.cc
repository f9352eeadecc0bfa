#include "dataplane/backend/staging.h"

#include <iterator>
#include <utility>

namespace vs {

Staging::ByName::iterator Staging::drop(ByName::iterator staged) {
  bytes_ -= staged->second.bytes;
  return staged_.erase(staged);
}

std::string Staging::keep(const control::Stage& stage, std::uint64_t epoch_known, TimePoint now) {
  const auto refuse = [this](std::string why) {
    ++counts_.refused;
    return why;
  };
  expire(now);
  if (stage.epoch <= epoch_known)
    return refuse("epoch " + std::to_string(stage.epoch) + ": it has had epoch " + std::to_string(epoch_known) + " here");
  const auto before = staged_.find(stage.binding);
  if (before != staged_.end() && before->second.uid == stage.uid && stage.epoch < before->second.epoch)
    return refuse("epoch " + std::to_string(stage.epoch) + ": state is staged for epoch " + std::to_string(before->second.epoch));
  const std::size_t bytes = stage.state.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace).size();
  const std::size_t others = bytes_ - (before == staged_.end() ? 0 : before->second.bytes);
  if (bytes > control::kStateBytesMax)
    return refuse("state of " + std::to_string(bytes) + " bytes, at most " + std::to_string(control::kStateBytesMax));
  if (before == staged_.end() && staged_.size() >= control::kStagedMax)
    return refuse("state is staged for " + std::to_string(staged_.size()) + " bindings already");
  if (others + bytes > control::kStatesBytesMax)
    return refuse("state of " + std::to_string(others) + " bytes is staged already, at most " + std::to_string(control::kStatesBytesMax));
  if (before != staged_.end()) drop(before);
  staged_[stage.binding] = {stage.uid, stage.epoch, now + std::chrono::milliseconds(stage.lease_ms), stage.state, bytes};
  bytes_ += bytes;
  ++counts_.kept;
  return {};
}

std::optional<nlohmann::json> Staging::take(const control::BindingConfig& binding, TimePoint now) {
  const auto found = staged_.find(binding.name);
  if (found == staged_.end() || binding.epoch == 0) return std::nullopt;
  if (now >= found->second.until) {
    ++counts_.expired;
    drop(found);
    return std::nullopt;
  }
  const bool same = found->second.uid == binding.uid;
  if (same && binding.epoch < found->second.epoch) return std::nullopt;  // its time is still to come
  const bool mine = same && binding.epoch == found->second.epoch && binding.granted;
  ++(mine ? counts_.used : counts_.outdated);
  std::optional<nlohmann::json> state;
  if (mine) state = std::move(found->second.state);
  drop(found);
  return state;
}

void Staging::expire(TimePoint now) {
  for (auto at = staged_.begin(); at != staged_.end();) {
    const bool over = now >= at->second.until;
    counts_.expired += over ? 1 : 0;
    at = over ? drop(at) : std::next(at);
  }
}

}  // namespace vs
