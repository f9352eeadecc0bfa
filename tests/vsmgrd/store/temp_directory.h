// Directories for databases, and what is in files.
#pragma once

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "tests/temporary_directory.h"

namespace vs::test {

// One for a database.
class TempDirectory : public TemporaryDirectory {
 public:
  using TemporaryDirectory::TemporaryDirectory;
  [[nodiscard]] std::filesystem::path database() const { return path() / "vsmgrd.db"; }
};

inline std::string bytes_of(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream bytes;
  bytes << file.rdbuf();
  return bytes.str();
}

}  // namespace vs::test
