// How a backend lets bindings go to other nodes, and takes them over: on all of its loops, in their order with configurations.
#include <algorithm>
#include <iterator>
#include <memory>
#include <set>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/log.h"
#include "dataplane/backend/shards.h"

namespace vs {

// A freeze that loops have begun.
struct Shards::Freezing {
  control::Freeze freeze;
  std::function<void(control::Frozen)> done;
  std::map<std::string, control::FrozenBinding> frozen;
  std::size_t left;  // loops that drain
};

void Shards::freeze(const control::Freeze& freeze, std::function<void(control::Frozen)> done) {
  if (waiting_.size() >= kConfiguresMax + kHandoffsWaitingMax) {
    ++handoffs_refused_;
    control::Frozen refused;
    for (const std::string& binding : freeze.bindings) refused.bindings.push_back({binding, "too many commands wait already"});
    return done(std::move(refused));
  }
  const auto asked = std::chrono::steady_clock::now();
  wait_for({{}, {}, nullptr, [this, freeze, asked, done = std::move(done)] { begin_freeze(freeze, asked, done); }});
}

void Shards::begin_freeze(const control::Freeze& freeze, std::chrono::steady_clock::time_point asked,
                          std::function<void(control::Frozen)> done) {
  const std::uint64_t number = ++freezes_;
  for (const std::string& binding : freeze.bindings) frozen_[binding] = number;
  control_.at(asked + std::chrono::milliseconds(freeze.thaw_ms), [this, number, alive = std::weak_ptr(alive_)] {
    if (!alive.expired()) thaw_late(number);
  });
  auto freezing = std::make_shared<Freezing>(Freezing{freeze, std::move(done), {}, shards_.size()});
  draining_ = true;
  for (const auto& [loop, shard] : shards_)
    shard->loop.post([this, at = shard.get(), freezing, alive = std::weak_ptr(alive_)] {
      at->backend->freeze(freezing->freeze, [this, freezing, alive](std::vector<control::FrozenBinding> part) {
        control_.post([this, freezing, alive, part = std::move(part)] {
          if (alive.expired()) return;
          for (const control::FrozenBinding& one : part) freezing->frozen[one.binding] = one;
          if (--freezing->left == 0) end_freeze(*freezing);
        });
      });
    });
}

// Answers for each that was named, in that order.
void Shards::end_freeze(Freezing& freezing) {
  draining_ = false;
  control::Frozen frozen;
  std::size_t bytes = 0;
  std::set<std::string> told;
  for (const std::string& name : freezing.freeze.bindings) {
    if (!told.insert(name).second) continue;
    const auto found = freezing.frozen.find(name);
    if (found == freezing.frozen.end()) {
      frozen.bindings.push_back({name, "binding " + name + ": not served here"});
      frozen_.erase(name);
      continue;
    }
    control::FrozenBinding& one = frozen.bindings.emplace_back(std::move(found->second));
    const std::size_t size = one.state.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace).size();
    if (size > control::kStateBytesMax || bytes + size > control::kStatesBytesMax) {
      ++states_cut_;
      one.state = nlohmann::json::object();
      continue;
    }
    bytes += size;
  }
  freezing.done(std::move(frozen));
  over();
}

void Shards::thaw(const control::Thaw& thaw, std::function<void(control::Thawed)> done) {
  if (draining_)  // whoever is served as before need not be waited for
    for (const auto& [number, shard] : shards_) shard->loop.post([at = shard.get()] { at->backend->end_drain(); });
  wait_for({{}, {}, nullptr, [this, thaw, done = std::move(done)] {
              begin_thaw(thaw.bindings, [done](std::vector<std::string> thawed) { done({.bindings = std::move(thawed)}); });
            }});
}

void Shards::begin_thaw(const std::vector<std::string>& bindings, std::function<void(std::vector<std::string>)> done) {
  using Names = std::vector<std::string>;
  for (const std::string& binding : bindings) frozen_.erase(binding);
  gather<Names, Names>(
      [bindings](Backend& backend, std::uint32_t) { return backend.thaw(bindings); }, {},
      [](Names& all, Names part) { std::move(part.begin(), part.end(), std::back_inserter(all)); },
      [this, done = std::move(done)](Names thawed) {
        done(std::move(thawed));
        over();
      });
}

// Nobody said what became of them.
void Shards::thaw_late(std::uint64_t freeze) {
  std::vector<std::string> bindings;
  for (const auto& [binding, number] : frozen_)
    if (number == freeze) bindings.push_back(binding);
  if (bindings.empty()) return;
  wait_for({{}, {}, nullptr, [this, freeze] {
              std::vector<std::string> late;  // as it is by now
              for (const auto& [binding, number] : frozen_)
                if (number == freeze) late.push_back(binding);
              begin_thaw(late, [this](const std::vector<std::string>& thawed) {
                thawed_by_time_ += thawed.size();
                if (!thawed.empty()) log::warn("backend.thawed_by_itself", {{"kind", kind_}, {"bindings", thawed.size()}});
              });
            }});
}

void Shards::stage(const control::Stage& stage, std::function<void(std::string)> done) {
  const std::uint64_t known = fence_.epoch_of(stage.binding, stage.uid);
  done(staging_.keep(stage, known, std::chrono::steady_clock::now()));
}

std::vector<Sample> Shards::handoff_samples() const {
  std::vector<Sample> samples;
  const auto add = [&](const char* name, const char* help, std::uint64_t value, Sample::Type type = Sample::Type::counter) {
    samples.push_back({.name = name, .help = help, .type = type, .labels = {{"kind", kind_}}, .value = static_cast<double>(value)});
  };
  add("vservices_frozen_bindings", "Bindings that are frozen now.", frozen_.size(), Sample::Type::gauge);
  add("vservices_thawed_late_total", "Bindings that were frozen and served on because nobody said what became of them.", thawed_by_time_);
  add("vservices_handoffs_refused_total", "Commands to freeze that were refused because too many waited.", handoffs_refused_);
  add("vservices_states_cut_total", "States of frozen bindings that had no room in the answer.", states_cut_);
  add("vservices_stale_epochs_total", "Bindings of a configuration that were not served because another owner had a higher epoch.",
      fence_.refused());
  add("vservices_epochs_remembered", "Bindings whose highest epoch is remembered.", fence_.remembered(), Sample::Type::gauge);
  add("vservices_epochs_forgotten_total", "Epochs forgotten because too many were remembered.", fence_.forgotten());
  add("vservices_staged_bindings", "Bindings whose state waits for their configuration.", staging_.size(), Sample::Type::gauge);
  add("vservices_staged_bytes", "Bytes of that.", staging_.bytes(), Sample::Type::gauge);
  const Staging::Counts& counts = staging_.counts();
  const std::pair<const char*, std::uint64_t> ended[]{
      {"used", counts.used}, {"refused", counts.refused}, {"expired", counts.expired}, {"outdated", counts.outdated}};
  for (const auto& [how, count] : ended) {
    add("vservices_staged_states_total", "States of other nodes, by what became of them.", count);
    samples.back().labels.emplace_back("result", how);
  }
  return samples;
}

}  // namespace vs
