#include "dataplane/backend/scheduler.h"

#include <algorithm>

#include "base/check.h"

namespace vs {
namespace {

constexpr std::size_t index_of(Priority priority) { return static_cast<std::size_t>(priority); }

}  // namespace

void Scheduler::ready(Flow& flow, SessionId session) {
  if (flow.ready_.empty()) rounds_[index_of(flow.priority_)].push_back(&flow);
  flow.ready_.push_back(session);
  ++ready_;
}

std::optional<Scheduler::Turn> Scheduler::next() {
  if (empty()) return std::nullopt;
  Round& round = pick_class();
  for (std::size_t passed = 0; round.front()->deficit_ <= 0; ++passed) {
    if (passed == round.size()) {
      fill(round);
      continue;
    }
    round.push_back(round.front());
    round.pop_front();
  }
  Flow& flow = *round.front();
  const SessionId session = flow.ready_.front();
  flow.ready_.pop_front();
  --ready_;
  // What is left of its share it keeps, at most a quantum: nobody saves up by being idle.
  if (flow.ready_.empty()) round.pop_front();
  return Turn{flow, session, flow.deficit_};
}

void Scheduler::charge(Flow& flow, Cost cost) {
  flow.used_ += cost;
  flow.deficit_ = std::max(flow.deficit_ - cost, -kDebtMax);
  Round& lowest = rounds_[index_of(Priority::bulk)];
  if (flow.priority_ == Priority::bulk)
    floor_credit_ = std::max(floor_credit_ - cost, -kDebtMax);
  else if (!lowest.empty())
    floor_credit_ = std::min(floor_credit_ + cost * kBulkFloorPercent / (100 - kBulkFloorPercent), kQuantum);
}

void Scheduler::remove(Flow& flow) {
  ready_ -= flow.ready_.size();
  flow.ready_.clear();
  std::erase(rounds_[index_of(flow.priority_)], &flow);
}

Scheduler::Round& Scheduler::pick_class() {
  Round& lowest = rounds_[index_of(Priority::bulk)];
  if (!lowest.empty() && floor_credit_ > 0) return lowest;
  for (Round& round : rounds_)
    if (!round.empty()) return round;
  VS_CHECK(false);  // empty() said otherwise
}

// Everyone has used his share: the next rounds at once, as many as it takes until somebody has something again.
void Scheduler::fill(Round& round) {
  const auto least = std::max_element(round.begin(), round.end(), [](const Flow* a, const Flow* b) {
    return a->deficit_ < b->deficit_;
  });
  const Cost rounds = -(*least)->deficit_ / kQuantum + 1;
  for (Flow* flow : round) flow->deficit_ = std::min(flow->deficit_ + rounds * kQuantum, kQuantum);
}

}  // namespace vs
