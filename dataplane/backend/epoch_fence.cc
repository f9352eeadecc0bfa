#include "dataplane/backend/epoch_fence.h"

#include <iterator>
#include <utility>

namespace vs {
namespace {

// A name and a uid are told apart, whatever they are.
std::string key_of(const std::string& binding, const std::string& uid) { return uid.empty() ? "name/" + binding : "uid/" + uid; }

}  // namespace

std::vector<control::BindingProblem> EpochFence::judge(control::Configure& configure) {
  std::vector<control::BindingProblem> problems;
  std::vector<control::BindingConfig> passed;
  passed.reserve(configure.bindings.size());
  for (control::BindingConfig& binding : configure.bindings) {
    std::string key = key_of(binding.name, binding.uid);
    const auto known = known_.find(key);
    if (known != known_.end() && binding.epoch < known->second->epoch) {
      ++refused_;
      problems.push_back({binding.name, "epoch " + std::to_string(binding.epoch) + ": another owner has had epoch " +
                                            std::to_string(known->second->epoch) + " since; it is not served"});
      continue;
    }
    if (known != known_.end()) {
      known->second->epoch = binding.epoch;
      latest_.splice(latest_.begin(), latest_, known->second);
    } else if (binding.epoch != 0) {
      latest_.push_front({key, binding.epoch});
      known_.emplace(std::move(key), latest_.begin());
    }
    passed.push_back(std::move(binding));
  }
  configure.bindings = std::move(passed);
  for (; known_.size() > kEpochsMax; ++forgotten_) {
    known_.erase(latest_.back().key);
    latest_.pop_back();
  }
  return problems;
}

std::uint64_t EpochFence::epoch_of(const std::string& binding, const std::string& uid) const {
  const auto known = known_.find(key_of(binding, uid));
  return known == known_.end() ? 0 : known->second->epoch;
}

}  // namespace vs
