// At which level a binding is served, as its guest is told: 0 as promised, up to kLevelMax, the more the worse (IQ-RUDP: He and
// Schwan, HPDC 2002, which tells applications so that they choose what to do without).
//
// Looked at once each kLevelInterval. A level up at once when an interval was bad, one down after kCalmIntervals good ones: a level
// that comes and goes is worth nothing. Decides only. Owned by the loop's thread.
#pragma once

#include <chrono>
#include <cstdint>

namespace vs {

inline constexpr std::chrono::milliseconds kLevelInterval{500};
inline constexpr std::uint32_t kLevelMax = 3;
inline constexpr int kCalmIntervals = 4;

class Quality {
 public:
  [[nodiscard]] std::uint32_t level() const { return level_; }
  [[nodiscard]] std::uint64_t changes() const { return changes_; }

  // True when the level is another one now.
  bool look(bool was_bad) {
    const std::uint32_t before = level_;
    calm_ = was_bad ? 0 : calm_ + 1;
    if (was_bad && level_ < kLevelMax) ++level_;
    if (calm_ >= kCalmIntervals && level_ > 0) {
      --level_;
      calm_ = 0;
    }
    changes_ += level_ != before ? 1 : 0;
    return level_ != before;
  }

 private:
  std::uint32_t level_ = 0;
  int calm_ = 0;
  std::uint64_t changes_ = 0;
};

}  // namespace vs
