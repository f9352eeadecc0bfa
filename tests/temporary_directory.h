// A directory of a test's own, which goes with everything in it. Ends the test when it cannot be made.
#pragma once

#include <stdlib.h>

#include <filesystem>
#include <string>
#include <system_error>

#include "base/check.h"

namespace vs::test {

class TemporaryDirectory {
 public:
  // In `root`, if that is there: a faster place, for instance, where the disk's own durability is not what is tested.
  explicit TemporaryDirectory(const std::filesystem::path& root = {}) {
    const bool there = !root.empty() && std::filesystem::is_directory(root);
    std::string path = ((there ? root : std::filesystem::temp_directory_path()) / "vs-test-XXXXXX").native();
    VS_CHECK(::mkdtemp(path.data()) != nullptr);
    path_ = path;
  }
  ~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace vs::test
