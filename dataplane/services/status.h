// The seven kinds of errors as they stand on a ring (abi/ring.h). Pure; thread-safe.
#pragma once

#include "base/result.h"
#include "dataplane/abi/ring.h"

namespace vs {

constexpr vs_status status_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::invalid:     return VS_STATUS_INVALID;
    case ErrorCode::denied:      return VS_STATUS_DENIED;
    case ErrorCode::not_found:   return VS_STATUS_NOT_FOUND;
    case ErrorCode::conflict:    return VS_STATUS_CONFLICT;
    case ErrorCode::exhausted:   return VS_STATUS_EXHAUSTED;
    case ErrorCode::unavailable: return VS_STATUS_UNAVAILABLE;
    case ErrorCode::internal:    return VS_STATUS_INTERNAL;
  }
  __builtin_unreachable();
}

}  // namespace vs
