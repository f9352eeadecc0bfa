#include "vsmgrd/sla/sla_keeper.h"

#include <utility>

#include <nlohmann/json.hpp>

#include "base/log.h"

namespace vs {
namespace {

StatusCondition condition_for(const Verdict& verdict) {
  StatusCondition condition{.type = "ObjectivesMet", .message = verdict.message};
  condition.status = !verdict.measured ? StatusCondition::Status::unknown
                     : verdict.kept    ? StatusCondition::Status::yes
                                       : StatusCondition::Status::no;
  condition.reason = !verdict.measured ? "NotMeasured" : verdict.kept ? "Kept" : "Missed";
  if (!verdict.measured) condition.message = "no request was judged yet";
  return condition;
}

}  // namespace

SlaKeeper::SlaKeeper(Store& store, const Clock& clock, Callbacks callbacks)
    : store_(store), clock_(clock), callbacks_(std::move(callbacks)) {}

SlaKeeper::~SlaKeeper() { stop(); }

void SlaKeeper::start() {
  thread_ = std::thread([this] { run(); });
}

void SlaKeeper::stop() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  stopped_.notify_all();
  if (!thread_.joinable()) return;
  thread_.join();
  save();
}

void SlaKeeper::run() {
  std::unique_lock lock(mutex_);
  while (!stop_) {
    lock.unlock();
    look();
    if (clock_.now() - saved_ >= kSlaSave) save();
    lock.lock();
    stopped_.wait_for(lock, kSlaLook, [this] { return stop_; });
  }
}

void SlaKeeper::follow_desired() {
  const auto desired = store_.snapshot().desired;
  if (desired->resource_version == version_) return;
  version_ = desired->resource_version;
  promises_.promise(*desired);
  if (loaded_ || promises_.empty()) return;
  const auto states = store_.sla().load();
  if (!states) return log::warn("sla.not_loaded", {{"error", states.error()}});
  promises_.restore(*states);
  loaded_ = true;
}

void SlaKeeper::look() {
  {
    const std::lock_guard lock(mutex_);
    follow_desired();
    if (promises_.empty() && told_.empty()) return;
  }
  if (callbacks_.ask) callbacks_.ask();
  bool changed = false;
  {
    const std::lock_guard lock(mutex_);
    auto now = verdicts();
    changed = now != told_;
    told_ = std::move(now);
  }
  if (changed && callbacks_.on_change) callbacks_.on_change();
}

std::map<std::string, std::string> SlaKeeper::verdicts() const {
  std::map<std::string, std::vector<Standing>> by_binding;
  for (Standing& one : promises_.standing(clock_.wall())) by_binding[one.key.binding].push_back(std::move(one));
  std::map<std::string, std::string> verdicts;
  for (const auto& [binding, standing] : by_binding) {
    const StatusCondition condition = condition_for(verdict_on(standing));
    verdicts[binding] = condition.reason + ' ' + condition.message;
  }
  return verdicts;
}

void SlaKeeper::save() {
  std::map<std::string, std::string> states;
  {
    const std::lock_guard lock(mutex_);
    saved_ = clock_.now();
    if (!std::exchange(unsaved_, false)) return;
    states = promises_.encode();
  }
  const auto saved = store_.sla().save(states);
  const std::lock_guard lock(mutex_);
  if (saved) {
    save_failures_ = 0;
    return;
  }
  unsaved_ = true;
  if (save_failures_++ == 0) log::warn("sla.not_saved", {{"error", saved.error()}});
}

void SlaKeeper::take(const std::vector<Sample>& samples) {
  const std::lock_guard lock(mutex_);
  follow_desired();
  if (promises_.empty()) return;
  promises_.take(samples, clock_.wall());
  unsaved_ = true;
}

std::map<std::string, std::string> SlaKeeper::counted() const {
  const std::lock_guard lock(mutex_);
  return promises_.encode();
}

void SlaKeeper::take_over(const std::map<std::string, std::string>& counted) {
  const std::lock_guard lock(mutex_);
  follow_desired();
  promises_.take_over(counted);
  unsaved_ = true;
}

std::optional<StatusCondition> SlaKeeper::condition_of(const std::string& binding) const {
  const std::lock_guard lock(mutex_);
  const Verdict verdict = verdict_on(promises_.standing_of(binding, clock_.wall()));
  if (!verdict.any) return std::nullopt;
  return condition_for(verdict);
}

nlohmann::json SlaKeeper::describe(const std::string& binding) const {
  const std::lock_guard lock(mutex_);
  const auto standing = promises_.standing_of(binding, clock_.wall());
  return standing.empty() ? nlohmann::json() : vs::describe(standing);
}

std::vector<Sample> SlaKeeper::samples() const {
  const std::lock_guard lock(mutex_);
  return promises_.samples(clock_.wall());
}

}  // namespace vs
