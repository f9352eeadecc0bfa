// Entity tags and what a writer expects to find (RFC 9110, 13.1).
//
// A tag names the desired state of one object: "\"17\"", its resourceVersion. Observed status does
// not change it, so reads are never answered 304. Pure, thread-safe. Errors: invalid, for a header
// that cannot be read.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"
#include "vsmgrd/api/http.h"

namespace vs::http {

std::string format_etag(std::int64_t resource_version);

struct Conditions {
  enum class IfMatch : std::uint8_t {
    absent,
    any,      // "*": whatever is there, but something must be
    version,  // a tag we gave out
    never,    // a tag that we cannot have given out, or a weak one: matches nothing
  } if_match = IfMatch::absent;
  std::int64_t version = 0;
  bool create_only = false;  // If-None-Match: *
};

Result<Conditions> parse_conditions(const Request& request);

}  // namespace vs::http
