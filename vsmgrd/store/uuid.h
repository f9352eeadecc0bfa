// A new RFC 4122 version 4 UUID: 122 random bits from the kernel, in the usual 36 characters.
//
// Thread-safe.
#pragma once

#include <string>

namespace vs {

std::string make_uuid();

}  // namespace vs
