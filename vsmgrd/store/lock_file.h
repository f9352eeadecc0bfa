// Keeps a second process away from a database: a lock on FILE.lock that ends with the process,
// however it ends.
//
// Owned by one thread; may be moved. Errors: conflict (another process holds it), and those of the
// file system.
#pragma once

#include <filesystem>

#include "base/result.h"
#include "base/unique_fd.h"

namespace vs {

struct LockFile {
  UniqueFd fd;  // empty: a read-only file system without a lock file, where nobody can hold one

  static Result<LockFile> acquire(const std::filesystem::path& path);
};

}  // namespace vs
