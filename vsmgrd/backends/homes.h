// The domains' homes: directories in which backends put a socket for each device, and which guests see as /run/vservice.
//
// Several vsmgrd of one machine may share them, so that a domain finds the next node's devices where the last one's were: each leaves
// alone what another keeps or listens on. Not thread-safe; what shares the directory is kept apart by a lock of the file system.
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "base/result.h"
#include "vsmgrd/backends/backends.h"

namespace vs {

// Makes `path` with exactly this mode, whatever the umask, and gives it to `user` ("UID:GID", or empty: us). It stays our
// group's: root that may not pass over modes (CAP_DAC_OVERRIDE, CAP_FOWNER) still clears away what is left in it.
Result<> make_directory(const std::filesystem::path& path, mode_t mode, const std::string& user);

class Homes {
 public:
  // `node` tells those who share `directory` apart. `user` is the backends'.
  Homes(std::filesystem::path directory, std::string node, std::string user);

  // As Backends::keep_homes.
  std::map<std::string, std::string> keep(const Backends::Devices& devices);

 private:
  [[nodiscard]] bool kept_by_another(const std::string& domain) const;
  void mark(const Backends::Devices& devices);
  void clear(const Backends::Devices& devices);

  const std::filesystem::path directory_;
  const std::filesystem::path marks_;  // an entry for each home that we keep; others' are beside it
  const std::string user_;
};

}  // namespace vs
