// The tables' rows as values, and back.
//
// Owned by one thread at a time, as the database is. Errors: those of sqlite.h; internal, naming
// the object, when a row is not what this version writes.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "vsmgrd/model/resource.h"
#include "vsmgrd/store/sqlite.h"

namespace vs {

using ObjectKey = std::pair<Kind, std::string>;
using ObservedByKey = std::map<ObjectKey, Observed>;

Result<Desired> read_desired(Database& database);
Result<ObservedByKey> read_observed(Database& database);

// Each replaces the row there is.
Result<> write_resource(Database& database, const Resource& resource);
Result<> write_decision(Database& database, const std::string& binding, const Decision& decision);
Result<> write_observed(Database& database, const Observed& observed);
Result<> write_resource_version(Database& database, std::int64_t version);

// With its decision and what was observed of it.
Result<> delete_resource(Database& database, Kind kind, const std::string& name);

}  // namespace vs
