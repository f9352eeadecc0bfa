// A look at a database file that changes nothing: neither the file, nor its log, nor what lies beside
// them. Also while a vsmgrd uses it.
//
// Owned by the calling thread. Errors: conflict (a newer schema, another program's file), internal
// (damage), unavailable and denied (it cannot be read).
#pragma once

#include <cstdint>
#include <filesystem>

#include "base/result.h"

namespace vs {

struct DatabaseFacts {
  bool exists = false;
  bool in_use = false;           // by a vsmgrd
  std::int64_t schema = 0;       // of the file
  std::int64_t schema_ours = 0;  // that this program would bring it to
};

Result<DatabaseFacts> inspect_database(const std::filesystem::path& file);

}  // namespace vs
