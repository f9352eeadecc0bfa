// The number inside a scoped-enum id, and its hash: ids are types of their own and cannot be mixed up.
#pragma once

#include <type_traits>

namespace vs {

template <class Enum>
constexpr std::underlying_type_t<Enum> number_of(Enum id) {
  return static_cast<std::underlying_type_t<Enum>>(id);
}

}  // namespace vs
