// When requests came: what was seen of the guest's index, and when. For measuring how long they waited, and for nothing else:
// the guest writes the index.
//
// Positions are those of the ring. Owned by the loop's thread.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace vs {

class Arrivals {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  // The guest's index stands at `end`.
  void saw(std::uint32_t end, TimePoint now) {
    if (end == end_) return;
    end_ = end;
    if (count_ == kMarksMax) {  // what is new counts as old as the mark before: waits are over-, never understated
      marks_[(first_ + count_ - 1) % kMarksMax].end = end;
      return;
    }
    marks_[(first_ + count_++) % kMarksMax] = {end, now};
  }

  // When the request that ends at `position` was seen first; requests are asked for in their order.
  TimePoint of(std::uint32_t position, TimePoint now) {
    while (count_ != 0 && static_cast<std::int32_t>(marks_[first_].end - position) < 0) {
      first_ = (first_ + 1) % kMarksMax;
      --count_;
    }
    return count_ == 0 ? now : marks_[first_].seen;
  }

  // When the first request behind `position` was seen first.
  [[nodiscard]] TimePoint next(std::uint32_t position, TimePoint now) const {
    for (std::size_t i = 0; i < count_; ++i) {
      const Mark& mark = marks_[(first_ + i) % kMarksMax];
      if (static_cast<std::int32_t>(mark.end - position) > 0) return mark.seen;
    }
    return now;
  }

 private:
  static constexpr std::size_t kMarksMax = 8;
  struct Mark {
    std::uint32_t end;
    TimePoint seen;
  };

  std::array<Mark, kMarksMax> marks_{};
  std::size_t first_ = 0;
  std::size_t count_ = 0;
  std::uint32_t end_ = 0;
};

}  // namespace vs
