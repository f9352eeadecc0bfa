// The tables' rows as values, and back.
//
// Owned by one thread at a time, as the database is. Errors: those of sqlite.h. A row that is not
// what this version writes is no error: it is left out, and named.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "vsmgrd/model/resource.h"
#include "vsmgrd/store/sqlite.h"

namespace vs {

using ObjectKey = std::pair<Kind, std::string>;
using ObservedByKind = std::map<Kind, ByName<Observed>>;

// A row that was left out.
struct Spoiled {
  std::string kind;  // as it stands there
  std::string name;
  std::string message;
};

Result<Desired> read_desired(Database& database, std::vector<Spoiled>& spoiled);
Result<ObservedByKind> read_observed(Database& database, const Desired& desired);

// Of the document that labels and spec were made from: decode() checks them again.
Result<Resource> decode_stored(std::string_view kind, std::string_view name,
                               std::string_view labels, std::string_view spec);

std::string encode_decision(const Decision& decision);
Result<Decision> decode_decision(std::string_view text);

// Each replaces the row there is.
Result<> write_resource(Database& database, const Resource& resource);
Result<> write_decision(Database& database, const std::string& binding, const Decision& decision);
Result<> write_observed(Database& database, const Observed& observed);
Result<> write_versions(Database& database, const Desired& desired);

// With its decision and what was observed of it.
Result<> delete_resource(Database& database, Kind kind, const std::string& name);

}  // namespace vs
