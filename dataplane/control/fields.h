// Fields of control messages as they are read. nlohmann's at() and get() throw where a field is missing or of another type; what is
// thrown is caught where a message is decoded. Between kinds of numbers get() converts without a look: what does not fit is anything
// (3e39), so counts are judged here.
//
// Pure, thread-safe. Errors: they throw.
#pragma once

#include <cstdint>
#include <stdexcept>

#include <nlohmann/json.hpp>

namespace vs::control {

inline std::uint64_t count_from(const nlohmann::json& from) {
  if (!from.is_number_unsigned()) throw std::invalid_argument("a count that is none: " + from.dump());
  return from.get<std::uint64_t>();
}

inline std::uint32_t count32_from(const nlohmann::json& from) {
  const std::uint64_t count = count_from(from);
  if (count > UINT32_MAX) throw std::invalid_argument("a count that is too large: " + from.dump());
  return static_cast<std::uint32_t>(count);
}

}  // namespace vs::control
