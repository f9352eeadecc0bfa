#include "dataplane/backend/scheduler.h"

#include <algorithm>
#include <iterator>

#include "base/check.h"

namespace vs {

void Scheduler::ready(Flow& flow, SessionId session, DueTime due) {
  if (flow.ready_.empty()) {
    Class& of = class_of(flow);
    give_shares(of, flow);
    if (flow.deficit_ > 0)
      of.flows.push_front(&flow);
    else
      of.flows.push_back(&flow);
  }
  auto at = flow.ready_.end();
  while (at != flow.ready_.begin() && std::prev(at)->due > due) --at;
  flow.ready_.insert(at, {session, due});
  if (due != kNeverDue) ++class_of(flow).timed;
  ++ready_;
}

std::optional<Scheduler::Turn> Scheduler::next() {
  if (empty()) return std::nullopt;
  Class& of = pick_class();
  for (std::size_t passed = 0; of.flows.front()->deficit_ <= 0; ++passed) {
    if (passed == of.flows.size()) {
      next_round(of);
      continue;
    }
    of.flows.push_back(of.flows.front());
    of.flows.pop_front();
  }
  if (of.timed != 0) bring_forward_first_due(of);
  Flow& flow = *of.flows.front();
  const auto [session, due] = flow.ready_.front();
  flow.ready_.pop_front();
  if (due != kNeverDue) --of.timed;
  --ready_;
  if (flow.ready_.empty()) of.flows.pop_front();
  return Turn{flow, session, flow.deficit_};
}

void Scheduler::charge(Flow& flow, Cost cost) {
  flow.used_ += cost;
  flow.deficit_ = std::max(flow.deficit_ - cost, -kDebtMax);
  if (flow.priority_ == Priority::bulk)
    floor_credit_ = std::max(floor_credit_ - cost, -kDebtMax);
  else if (!classes_[static_cast<std::size_t>(Priority::bulk)].flows.empty())
    floor_credit_ = std::min(floor_credit_ + cost * kBulkFloorPercent / (100 - kBulkFloorPercent), kQuantum);
}

void Scheduler::remove(Flow& flow) {
  ready_ -= flow.ready_.size();
  for (const Flow::Waiting& one : flow.ready_)
    if (one.due != kNeverDue) --class_of(flow).timed;
  flow.ready_.clear();
  std::erase(class_of(flow).flows, &flow);
}

Scheduler::Class& Scheduler::pick_class() {
  Class& lowest = classes_[static_cast<std::size_t>(Priority::bulk)];
  if (!lowest.flows.empty() && floor_credit_ > 0) return lowest;
  for (Class& of : classes_)
    if (!of.flows.empty()) return of;
  VS_CHECK(false);  // empty() said otherwise
}

// Its shares of the rounds since its last one; never more than one is kept, so nobody saves up by being idle.
void Scheduler::give_shares(Class& of, Flow& flow) {
  const std::uint64_t rounds = std::min<std::uint64_t>(of.rounds - flow.rounds_, kDebtMax / kQuantum + 1);
  flow.deficit_ = std::min(flow.deficit_ + static_cast<Cost>(rounds) * kQuantum, kQuantum);
  flow.rounds_ = of.rounds;
}

// Of those who have something left. One that has is in front already.
void Scheduler::bring_forward_first_due(Class& of) {
  auto first = of.flows.begin();
  for (auto one = first; one != of.flows.end(); ++one)
    if ((*one)->deficit_ > 0 && (*one)->ready_.front().due < (*first)->ready_.front().due) first = one;
  if (first == of.flows.begin()) return;
  Flow* flow = *first;
  of.flows.erase(first);
  of.flows.push_front(flow);
}

// Everyone has used his share: the next rounds at once, as many as it takes until somebody has something again.
void Scheduler::next_round(Class& of) {
  const auto most = std::max_element(of.flows.begin(), of.flows.end(), [](const Flow* a, const Flow* b) {
    return a->deficit_ < b->deficit_;
  });
  of.rounds += static_cast<std::uint64_t>(-(*most)->deficit_ / kQuantum + 1);
  for (Flow* flow : of.flows) give_shares(of, *flow);
}

}  // namespace vs
