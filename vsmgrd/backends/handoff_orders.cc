#include "vsmgrd/backends/handoff_orders.h"

#include <utility>

#include "base/check.h"

namespace vs {

std::optional<control::Command> HandoffOrders::open(control::Command order, Done done) {
  if (open_.size() >= kOrdersMax) {
    done(std::nullopt);
    return std::nullopt;
  }
  ++number_;
  if (auto* freeze = std::get_if<control::Freeze>(&order))
    freeze->number = number_;
  else if (auto* thaw = std::get_if<control::Thaw>(&order))
    thaw->number = number_;
  else if (auto* stage = std::get_if<control::Stage>(&order))
    stage->number = number_;
  else
    VS_CHECK(!"an order of a handoff");
  open_[number_] = std::move(done);
  return order;
}

void HandoffOrders::close(std::uint64_t number, std::optional<control::Event> answer) {
  const auto found = open_.find(number);
  if (found == open_.end()) return;
  const Done done = std::move(found->second);
  open_.erase(found);
  done(std::move(answer));
}

void HandoffOrders::answer(const control::Event& answer, std::uint64_t number) { close(number, answer); }

void HandoffOrders::refuse(std::uint64_t number) { close(number, std::nullopt); }

void HandoffOrders::lose() {
  for (const auto& [number, done] : std::exchange(open_, {})) done(std::nullopt);
}

}  // namespace vs
