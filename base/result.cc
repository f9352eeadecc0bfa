#include "base/result.h"

#include <cerrno>
#include <system_error>

namespace vs {
namespace {

ErrorCode code_of(int saved_errno) {
  switch (saved_errno) {
    case ENOENT: case ESRCH: case ENODEV: return ErrorCode::not_found;
    case EACCES: case EPERM: return ErrorCode::denied;
    case EEXIST: case EBUSY: return ErrorCode::conflict;
    case ENOMEM: case EMFILE: case ENFILE: case ENOSPC: case EDQUOT: return ErrorCode::exhausted;
    case ECONNREFUSED: case ECONNRESET: case EPIPE: case ETIMEDOUT: case EAGAIN: case EROFS: return ErrorCode::unavailable;
    case EINVAL: case ENAMETOOLONG: return ErrorCode::invalid;
    default: return ErrorCode::internal;
  }
}

}  // namespace

tl::unexpected<Error> fail_errno(int saved_errno, std::string_view what) {
  return fail(code_of(saved_errno), std::string(what) + ": " + std::generic_category().message(saved_errno));
}

}  // namespace vs
