// The store's way to its file: the connection that writes, and one that reads beside it.
//
// open() and writable() belong to the thread that writes; reading is thread-safe. A file system that
// takes no writes is read as it lies until writable() succeeds. Errors: those of open.h.
#pragma once

#include <filesystem>
#include <functional>
#include <mutex>
#include <optional>

#include "base/clock.h"
#include "vsmgrd/store/lock_file.h"
#include "vsmgrd/store/open.h"

namespace vs {

class Connections {
 public:
  Connections(std::filesystem::path file, const Clock& clock)
      : file_(std::move(file)), clock_(clock) {}

  // Opens for writing, else for reading, and returns what is in there.
  Result<Contents> open();
  [[nodiscard]] bool is_writable() const { return writer_.has_value(); }

  // The connection that writes. `version` is what a file that was only read before must be at: else
  // somebody exchanged it meanwhile.
  Result<Database*> writable(std::int64_t version);

  [[nodiscard]] bool reads_beside() const { return file_ != kInMemory; }
  // With the connection for reading; one at a time.
  Result<> read(const std::function<Result<>(Database&)>& read);
  [[nodiscard]] const std::filesystem::path& file() const { return file_; }

 private:
  Result<> lock();
  Result<> open_beside();

  const std::filesystem::path file_;
  const Clock& clock_;
  LockFile lock_;
  std::optional<Database> writer_;  // none while the file system takes no writes

  std::mutex reading_;  // guards what follows
  std::optional<Database> reader_;
};

}  // namespace vs
