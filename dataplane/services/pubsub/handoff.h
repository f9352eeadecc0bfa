// What other threads give a loop, in order and with a limit: more is refused, and counted.
//
// give() is for any thread and never waits; everything else, and the callbacks, are the loop's, and must not end it. What is left when
// it goes is dropped.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <utility>

#include "base/event_loop.h"
#include "base/guarded.h"

namespace vs::pubsub {

inline constexpr std::size_t kHandoffTurnMax = 256;  // taken at once; then the loop looks around

template <class Item>
class Handoff {
 public:
  struct Limits {
    std::size_t items_max;
    std::size_t bytes_max;
  };
  struct Callbacks {
    std::function<void(Item)> take;
    std::function<void()> pause;              // after those that were at hand
    std::function<void(std::uint64_t)> lost;  // so many were refused since it was told last; behind all that came before
  };

  // The giving end; outlives the other.
  class Giver {
   public:
    Giver(EventLoop& loop, Limits limits) : loop_(loop), limits_(limits) {}

    // False: there is no room. What `always` says has room in any case: what there are few of by themselves.
    bool give(Item item, std::size_t bytes, bool always = false) {
      return state_.with([&](State& state) {
        const bool room = always || (state.items.size() < limits_.items_max && bytes <= limits_.bytes_max - std::min(state.bytes, limits_.bytes_max));
        if (room) {
          state.items.emplace_back(std::move(item), bytes);
          state.bytes += bytes;
        } else {
          ++state.lost;
        }
        if (state.open && !std::exchange(state.waking, true)) post();  // while it is held: once closed, the loop may be gone
        return room;
      });
    }

   private:
    friend class Handoff;
    struct State {
      std::deque<std::pair<Item, std::size_t>> items;
      std::size_t bytes = 0;
      std::uint64_t lost = 0;
      bool waking = false;  // posted, and not run yet
      bool open = true;
    };
    void post() {
      loop_.post([self = self_] {
        if (const auto alive = self.lock(); alive && alive->drain_) alive->drain_();
      });
    }

    EventLoop& loop_;
    Limits limits_;
    std::weak_ptr<Giver> self_;
    std::function<void()> drain_;  // the loop's
    Guarded<State> state_;
  };

  Handoff(EventLoop& loop, Limits limits, Callbacks callbacks)
      : giver_(std::make_shared<Giver>(loop, limits)), callbacks_(std::move(callbacks)) {
    giver_->self_ = giver_;
    giver_->drain_ = [this] { drain(); };
  }
  ~Handoff() {
    giver_->drain_ = nullptr;
    giver_->state_.with([](auto& state) {
      state.open = false;
      state.items.clear();
    });
  }
  Handoff(const Handoff&) = delete;
  Handoff& operator=(const Handoff&) = delete;

  [[nodiscard]] const std::shared_ptr<Giver>& giver() const { return giver_; }

 private:
  void drain() {
    std::deque<std::pair<Item, std::size_t>> items;
    std::uint64_t lost = 0;
    bool more = false;
    giver_->state_.with([&](auto& state) {
      while (!state.items.empty() && items.size() < kHandoffTurnMax) {
        state.bytes -= state.items.front().second;
        items.push_back(std::move(state.items.front()));
        state.items.pop_front();
      }
      more = !state.items.empty();
      state.waking = more;
      if (!more) lost = std::exchange(state.lost, 0);
    });
    if (more) giver_->post();
    for (auto& [item, bytes] : items) callbacks_.take(std::move(item));
    if (lost != 0 && callbacks_.lost) callbacks_.lost(lost);
    if (callbacks_.pause) callbacks_.pause();
  }

  std::shared_ptr<Giver> giver_;
  Callbacks callbacks_;
};

}  // namespace vs::pubsub
