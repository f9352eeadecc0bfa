// How a side of the VServices link waits: one of the modes of Options, with the doorbell and the sleep that the product has there.
//
//   spin      looks at the commit word, and does nothing else
//   adaptive  looks for as long as lately would have been enough (base/spin.h), then as block
//   block     asks to be woken, and sleeps on the doorbell
//   timer     sleeps until a batch is there or kTimerNap has passed
//
// Owned by one thread. Errors end the program.
#pragma once

#include <chrono>
#include <utility>

#include "base/spin.h"
#include "tests/bench/ring/options.h"
#include "tests/bench/ring/ticks.h"

namespace vs::bench {

inline constexpr std::chrono::microseconds kTimerNap{100};

// `Bell` is what a side rings and sleeps on: ring(), wait() until the other side rings, perhaps for nothing, and
// wait_for(nanoseconds), which is that or no longer than so.
template <class Bell>
class Waiting {
 public:
  // Who shares its core with the peer never spins in adaptive mode: it would take the core from the one it waits for.
  Waiting(const Options& options, Bell bell)
      : mode_(options.wait == Wait::adaptive && options.cores == Cores::same ? Wait::block : options.wait), bell_(std::move(bell)) {}

  Bell& bell() { return bell_; }
  [[nodiscard]] Wait mode() const { return mode_; }

  // Until look() says true. ask() asks the peer for a doorbell and says whether one may sleep; in timer mode nap() does.
  template <class Look, class Ask, class Nap>
  void until(const Look& look, const Ask& ask, const Nap& nap) {
    if (mode_ == Wait::spin) {
      while (!look()) pause();
      return;
    }
    if (look()) return;
    if (mode_ == Wait::timer) {
      do {
        if (nap()) bell_.wait_for(kTimerNap);
      } while (!look());
      return;
    }
    const std::uint64_t begun = ticks();
    if (mode_ == Wait::adaptive) {
      for (const std::uint64_t last = begun + scale_.count(window_.length()); ticks() < last;) {
        if (look()) return learn(begun);
        pause();
      }
    }
    do {
      if (ask()) bell_.wait();
    } while (!look());
    if (mode_ == Wait::adaptive) learn(begun);
  }

 private:
  void learn(std::uint64_t begun) {
    window_.learn(std::chrono::nanoseconds(static_cast<std::int64_t>(scale_.ns(ticks() - begun))));
  }

  Wait mode_;
  Bell bell_;
  SpinWindow window_;
  TickScale scale_;
};

}  // namespace vs::bench
