// What content classes may ask of a request to a pubsub service (filter/request_schema.h).
//
// Pure; thread-safe. Of what is no request nothing is said: it is refused, whatever its class.
#pragma once

#include <span>
#include <string>

#include "dataplane/filter/value.h"
#include "dataplane/services/service.h"

namespace vs::pubsub {

// The values point into the request.
void read_attributes(const Request& request, std::span<const std::string> names, std::span<filter::Value> values);

}  // namespace vs::pubsub
