// Applies that may take long, as operations: durable before they begin, cancelled until they commit.
//
// One that is done within kApplyPatience, or the time that `Prefer: wait=` gives it, answers as every
// apply; else the answer is 202 and the operation. Its end is written in the transaction that it is
// the work of: what succeeded was committed, and whatever else it says, nothing was changed.
// Thread-safe. `store` and `background` must outlive it.
#pragma once

#include <vector>

#include "vsmgrd/api/background.h"
#include "vsmgrd/api/router.h"
#include "vsmgrd/store/store.h"

namespace vs::http {

inline constexpr std::chrono::milliseconds kApplyPatience{1000};
inline constexpr std::chrono::minutes kApplyDeadline{10};

// {changes, decisionsChanged, resourceVersion}: the answer to an apply that is done.
Response apply_reply(const ApplyOutcome& outcome);

// Whether it is to be an operation: it writes much, or the client prefers to hear of it later.
bool is_operation(const Store& store, const Call& call, const std::vector<Resource>& resources);

Response apply_as_operation(Store& store, Background& background, const Call& call,
                            std::vector<Resource> resources, WriteOptions options);

}  // namespace vs::http
