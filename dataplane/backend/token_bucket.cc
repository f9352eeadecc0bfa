#include "dataplane/backend/token_bucket.h"

#include <algorithm>

namespace vs {
namespace {

inline constexpr std::uint64_t kToken = 1'000'000'000;  // billionths
__extension__ using Wide = unsigned __int128;

}  // namespace

TokenBucket::TokenBucket(std::uint64_t rate_per_s, std::uint64_t burst, TimePoint now)
    : rate_(std::min(rate_per_s, kRatePerSecondMax)),
      burst_(std::clamp<std::uint64_t>(burst, 1, kBurstMax) * kToken),
      level_(burst_),
      filled_(now) {}

bool TokenBucket::take(TimePoint now) {
  if (!limited()) return true;
  refill(now);
  if (level_ < kToken) {
    waited_for_ = true;
    return false;
  }
  level_ -= kToken;
  return true;
}

void TokenBucket::put_back() {
  if (limited()) level_ += kToken;
}

void TokenBucket::rest() {
  waited_for_ = false;
  level_ = std::min(level_, burst_);
}

TokenBucket::TimePoint TokenBucket::next() const {
  if (level_ >= kToken || !limited()) return filled_;
  return filled_ + std::chrono::nanoseconds((kToken - level_ + rate_ - 1) / rate_);
}

// Who was waiting gets all that came since, as far as the loop was late; who was not gets no more than the burst.
void TokenBucket::refill(TimePoint now) {
  if (now <= filled_) return;
  const auto elapsed = static_cast<std::uint64_t>((now - filled_).count());
  const std::uint64_t late = static_cast<std::uint64_t>(std::chrono::nanoseconds(kLatenessMax).count()) * rate_;
  const std::uint64_t room = waited_for_ ? std::max(burst_, late + kToken) : burst_;
  level_ = static_cast<std::uint64_t>(std::min<Wide>(level_ + Wide{elapsed} * rate_, room));
  filled_ = now;
}

}  // namespace vs
