#include "vsmgrd/placement/auto_core.h"

#include <algorithm>

namespace vs {
namespace {

constexpr std::size_t index_of(CoreSide side) { return static_cast<std::size_t>(side); }
constexpr CoreSide opposite(CoreSide side) { return side == CoreSide::same ? CoreSide::other : CoreSide::same; }

CoreTrial changed(CoreTrial trial) {
  trial.side = opposite(trial.side);
  trial.looks = trial.better = 0;
  return trial;
}

}  // namespace

CoreTrial after(CoreTrial trial, const CoreLook& look) {
  if (trial.barred > 0) --trial.barred;
  if (look.rate < kAutoRateMin) return trial;
  ++trial.looks;
  double& here = trial.latency_us[index_of(trial.side)];
  // The first look after a change has some of the side before in it.
  if (trial.looks == 1) return trial;
  here = trial.looks == 2 ? look.latency_us : (here + look.latency_us) / 2;
  if (trial.looks < kAutoLooksMin) return trial;
  if (trial.side == CoreSide::same && look.loop_busy > kAutoBusyMax) {
    if (++trial.better < kAutoBetterLooks) return trial;
    trial.barred = kAutoForget;
    trial.latency_us[index_of(CoreSide::same)] = 0;
    return changed(trial);
  }
  const CoreSide there = opposite(trial.side);
  if (there == CoreSide::same && trial.barred > 0) return trial;
  double& known = trial.latency_us[index_of(there)];
  if (trial.looks % kAutoForget == 0) known = 0;
  if (known == 0) return trial.looks >= kAutoTrialAfter ? changed(trial) : trial;
  trial.better = known * kAutoBetter < here ? trial.better + 1 : 0;
  return trial.better >= kAutoBetterLooks ? changed(trial) : trial;
}

}  // namespace vs
