// The paper's Table 3, printed as one JSON object: microseconds each, median of `rounds`, cases in turns.
#pragma once

namespace vs::bench {

int cores(int rounds);

}  // namespace vs::bench
